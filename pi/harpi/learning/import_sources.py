"""Where an import finds its recordings: a file, a folder, an archive, with or without index."""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from harpi.errors import RecordingError
from harpi.learning import index

ENDINGS: Final = (".npz", ".csv")

LARGEST_INDEX: Final = 64 << 20
LARGEST_FILE: Final = 1 << 29
"""Bytes that are taken out of an archive at most, for the index and for one recording."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file to import.

    Attributes:
        path: the file itself, for an archive a copy of it.
        where: what a person calls it.
        collection: the folder or archive that it came in; sessions are told apart in it.
        changed: when it was last changed, seconds since 1970.
        line: what the index says of it, None where there is no index.
    """

    path: Path
    where: str
    collection: str
    changed: float
    line: Mapping[str, str] | None = None


def sources_in(path: Path) -> Iterator[tuple[Source, float, float]]:
    """Find the recordings at a path.

    A file from an archive is there until the next one is asked for.

    Yields:
        Each file, and the share of the whole, from 0 to 1, at which it begins and ends.

    Raises:
        RecordingError: nothing is there, or it is damaged.
    """
    if path.is_dir():
        yield from _in_folder(path)
    elif path.suffix.lower() == ".zip":
        yield from _in_archive(path)
    else:
        changed = path.stat().st_mtime if path.exists() else 0.0
        yield Source(path, str(path), str(path.parent), changed), 0.0, 1.0


def _in_folder(folder: Path) -> Iterator[tuple[Source, float, float]]:
    listed = folder / index.FILE_NAME
    lines = _read_index(listed.read_bytes(), str(listed)) if listed.exists() else {}
    files = {
        file.name: file
        for file in sorted(folder.iterdir())
        if file.suffix.lower() in ENDINGS and file != listed
    }
    _check_complete(files, lines, str(folder))
    for number, (name, file) in enumerate(files.items()):
        source = Source(file, str(file), str(folder), file.stat().st_mtime, lines.get(name))
        yield source, number / len(files), (number + 1) / len(files)


def _in_archive(archive: Path) -> Iterator[tuple[Source, float, float]]:
    where = str(archive)
    try:
        with zipfile.ZipFile(archive) as packed, tempfile.TemporaryDirectory() as folder:
            members = {PurePosixPath(info.filename).name: info for info in packed.infolist()}
            lines: dict[str, Mapping[str, str]] = {}
            if listed := members.pop(index.FILE_NAME, None):
                _check_size(listed, LARGEST_INDEX, where)
                with packed.open(listed) as source:
                    # Without a limit as much is reserved as the archive claims to hold.
                    content = source.read(LARGEST_INDEX)
                lines = _read_index(content, f"{where}/{index.FILE_NAME}")
            files = {n: m for n, m in members.items() if Path(n).suffix.lower() in ENDINGS}
            _check_complete(files, lines, where)
            for number, (name, member) in enumerate(files.items()):
                _check_size(member, LARGEST_FILE, where)
                copy = Path(folder) / name
                with packed.open(member) as source, copy.open("wb") as target:
                    shutil.copyfileobj(source, target)
                yield (
                    Source(
                        copy,
                        f"{where}/{name}",
                        where,
                        archive.stat().st_mtime,
                        lines.get(name),
                    ),
                    number / len(files),
                    (number + 1) / len(files),
                )
                copy.unlink()
    except FileNotFoundError as error:
        raise RecordingError(
            "there is no such archive", where=where, remedy="Check the path"
        ) from error
    except (
        *(zipfile.BadZipFile, zlib.error, EOFError),
        *(RuntimeError, OSError, UnicodeDecodeError),
    ) as error:
        raise RecordingError(
            f"the archive cannot be read ({error})",
            where=where,
            remedy="Copy it again from where it came",
        ) from error


def _read_index(content: bytes, where: str) -> dict[str, Mapping[str, str]]:
    try:
        lines = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
        return {PurePosixPath(line["file"]).name: line for line in lines}
    except (UnicodeDecodeError, csv.Error, KeyError, TypeError) as error:
        raise RecordingError(
            f"this is no index of an export ({error})",
            where=where,
            remedy="Export again, or name the recordings one by one",
        ) from error


def _check_complete(
    files: Mapping[str, object], lines: Mapping[str, object], where: str
) -> None:
    if missing := sorted(set(lines) - set(files)):
        raise RecordingError(
            f"{', '.join(missing[:3])} should be there, says {index.FILE_NAME}, and is not",
            where=where,
            remedy="Copy the whole export again",
        )
    if not files:
        raise RecordingError(
            "there is no recording in it", where=where, remedy="Name .npz or .csv files"
        )


def _check_size(member: zipfile.ZipInfo, largest: int, where: str) -> None:
    if member.file_size > largest:
        raise RecordingError(
            f"{member.filename} would take {member.file_size >> 20} MiB",
            where=where,
            remedy="Split it into several recordings",
        )
