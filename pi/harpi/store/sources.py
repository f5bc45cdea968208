"""Where an import finds its recordings: a file, a folder, an archive, an export of harpi."""

from __future__ import annotations

import csv
import io
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from harpi.errors import RecordingError
from harpi.recording.archives import in_words, members_of, unpack, unpacked
from harpi.recording.reading import ENDINGS, is_recording
from harpi.store import export

LARGEST_INDEX: Final = 64 << 20
"""Bytes of the index of an export that are read at most."""

_DEEPEST: Final = 4
"""Folders within each other that are looked into."""
_MOST_FILES: Final = 20_000
_OURS: Final = (".npz", ".csv")
"""Endings of the files in an export."""
_BESIDE: Final = re.compile(r"(readme|license|licence|metadata|info|about)\b", re.IGNORECASE)
"""Names of files that tell about recordings, and are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One recording to import.

    Attributes:
        path: the file itself, or a folder of one recording; for an archive a copy.
        where: what a person calls it.
        collection: the folder or archive that it came in; sessions are told apart in it.
        name: name of the file.
        folder: name of the folder that it lies in; empty where it lies in none of its own.
        alone: it was named by itself, so that it must be a recording.
        line: what the index says of it, None where there is no index.
    """

    path: Path
    where: str
    collection: str
    name: str
    folder: str = ""
    alone: bool = False
    line: Mapping[str, str] | None = None


def sources_in(path: Path) -> Iterator[tuple[Source, float, float]]:
    """Find the recordings at a path.

    A file from an archive is there until the next one is asked for.

    Yields:
        Each, and the share of the whole, from 0 to 1, at which it begins and ends.

    Raises:
        RecordingError: nothing is there, or it is damaged.
    """
    if path.is_dir():
        yield from _in_folder(path)
    elif path.suffix.lower() == ".zip":
        yield from _in_archive(path)
    else:
        folder = path.absolute().parent.name
        yield (
            Source(
                path=path,
                where=str(path),
                collection=str(path.parent),
                name=path.name,
                folder=folder,
                alone=True,
            ),
            0.0,
            1.0,
        )


# --- folders --------------------------------------------------------------------------------


def _in_folder(folder: Path) -> Iterator[tuple[Source, float, float]]:
    listed = folder / export.FILE_NAME
    lines: dict[str, Mapping[str, str]] = {}
    if listed.exists():
        lines = _read_index(listed.read_bytes(), str(listed))
        files = [
            file
            for file in sorted(folder.iterdir())
            if file.suffix.lower() in _OURS and file != listed
        ]
    elif is_recording(folder):
        files = [folder]
    else:
        files = list(_recordings_below(folder, _DEEPEST))
    _check_complete([file.name for file in files], lines, str(folder))
    for number, file in enumerate(files):
        source = Source(
            path=file,
            where=str(file),
            collection=str(folder),
            name=file.name,
            folder="" if file == folder else file.parent.name,
            alone=file == folder,
            line=lines.get(file.name),
        )
        yield source, number / len(files), (number + 1) / len(files)


def _recordings_below(folder: Path, deepest: int) -> Iterator[Path]:
    for file in sorted(folder.iterdir()):
        if file.name.startswith(".") or file.name == "__MACOSX":
            continue
        if file.is_dir() and not file.is_symlink():
            if is_recording(file):
                yield file
            elif deepest:
                yield from _recordings_below(file, deepest - 1)
        elif file.suffix.lower() in ENDINGS and not _BESIDE.match(file.name):
            yield file


# --- archives -------------------------------------------------------------------------------


def _in_archive(archive: Path) -> Iterator[tuple[Source, float, float]]:
    where = str(archive)
    lines: dict[str, Mapping[str, str]] = {}
    with in_words(where), zipfile.ZipFile(archive) as packed:
        members = members_of(packed)
        listed = next(
            (info for name, info in members.items() if _base(name) == export.FILE_NAME), None
        )
        arrays = any(name.endswith(".npy") for name in members)
        if listed is not None:
            _check_size(listed, where)
            with packed.open(listed) as content:
                # Without a limit as much is reserved as the archive claims to hold.
                index = content.read(LARGEST_INDEX)
            lines = _read_index(index, f"{where}/{export.FILE_NAME}")
    if listed is None and not arrays and _is_of_one(archive, members, where):
        yield _whole(archive), 0.0, 1.0
        return
    if listed is None and arrays:  # an .npz under another name
        yield _whole(archive), 0.0, 1.0
        return
    endings = _OURS if listed is not None else ENDINGS
    chosen = {
        name: info
        for name, info in members.items()
        if Path(name).suffix.lower() in endings
        and info is not listed
        and not (listed is None and _BESIDE.match(_base(name)))
    }
    _check_complete([_base(name) for name in chosen], lines, where)
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, info) in enumerate(chosen.items()):
            copy = Path(folder) / f"{number}{Path(name).suffix.lower()}"
            with in_words(where), zipfile.ZipFile(archive) as packed:
                unpack(packed, info, copy, where)
            source = Source(
                path=copy,
                where=f"{where}/{name if listed is None else _base(name)}",
                collection=where,
                name=_base(name),
                folder=PurePosixPath(name).parent.name,
                line=lines.get(_base(name)),
            )
            yield source, number / len(chosen), (number + 1) / len(chosen)
            copy.unlink()


def _whole(archive: Path) -> Source:
    return Source(
        path=archive,
        where=str(archive),
        collection=str(archive.parent),
        name=archive.name,
        folder=archive.absolute().parent.name,
        alone=True,
    )


def _is_of_one(archive: Path, members: Mapping[str, object], where: str) -> bool:
    """Tell whether an archive as a whole is one recording, of a program that writes several."""
    names = [_base(name) for name in members]
    if not 1 < len(names) <= 64 or len(set(names)) < len(names):
        return False
    with unpacked(archive, where) as folder:
        return is_recording(folder)


def _base(name: str) -> str:
    return PurePosixPath(name).name


def _check_size(member: zipfile.ZipInfo, where: str) -> None:
    if member.file_size > LARGEST_INDEX:
        raise RecordingError(
            f"{member.filename} would take {member.file_size >> 20} MiB",
            where=where,
            remedy="Export again, or name the recordings one by one",
        )


# --- the index of an export -----------------------------------------------------------------


def _read_index(content: bytes, where: str) -> dict[str, Mapping[str, str]]:
    try:
        lines = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
        return {PurePosixPath(line["file"]).name: line for line in lines}
    except (UnicodeDecodeError, csv.Error, KeyError, TypeError) as error:
        raise RecordingError(
            f"this is not the index of an export ({error})",
            where=where,
            remedy="Export again, or name the recordings one by one",
        ) from error


def _check_complete(files: list[str], lines: Mapping[str, object], where: str) -> None:
    if missing := sorted(set(lines) - set(files)):
        raise RecordingError(
            f"not found, although {export.FILE_NAME} lists them: {', '.join(missing[:3])}",
            where=where,
            remedy="Copy the whole export again",
        )
    if not files:
        raise RecordingError(
            "there is no recording in it",
            where=where,
            remedy=f"Name files that end in {', '.join(ENDINGS)}",
        )
    if len(files) > _MOST_FILES:
        raise RecordingError(
            f"it holds {len(files)} files; {_MOST_FILES} at most are imported at once",
            where=where,
            remedy="Import it in parts",
        )
