"""Archives: what is in them, and how it comes out without doing harm.

Nothing is unpacked by a name that leads elsewhere, and no more than a recording may have.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from harpi.errors import RecordingError

LARGEST_FILE: Final = 1 << 28
"""Bytes of one file that is unpacked."""

_MOST_FILES: Final = 64
"""Files that a recording of several has at most."""

BROKEN: Final = (
    *(zipfile.BadZipFile, zlib.error, EOFError),
    *(RuntimeError, OSError, UnicodeDecodeError, ValueError),
)
"""What the library raises for archives that are damaged, locked or of another kind."""


def members_of(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the files of an archive by their path, without what systems leave beside them.

    Raises:
        zipfile.BadZipFile: it is the end of another archive that was cut short.
    """
    check_beginning(archive)
    return {
        info.filename: info
        for info in archive.infolist()
        if not info.is_dir() and not _is_left_over(PurePosixPath(info.filename))
    }


def check_beginning(archive: zipfile.ZipFile) -> None:
    """Refuse what is left of an archive whose beginning, or whose end, is that of another.

    The library looks for an archive from the end of a file on, and so takes an .npz in an
    archive that was cut short for the whole of it.

    Raises:
        zipfile.BadZipFile: something else stands before its first file.
    """
    offsets = [info.header_offset for info in archive.infolist()]
    if offsets and min(offsets) != 0:
        raise zipfile.BadZipFile("it was cut short")


def _is_left_over(path: PurePosixPath) -> bool:
    """Tell what macOS and Windows put beside files: `__MACOSX/`, `._x`, `.DS_Store`."""
    return "__MACOSX" in path.parts or path.name.startswith(".") or path.name == "Thumbs.db"


@contextmanager
def unpacked(path: Path, where: str) -> Iterator[Path]:
    """Unpack the few files of an archive into a folder that goes away again.

    Folders in it are left out where all files are in one; a file in a folder beside others is
    put there, too, one level deep at most.

    Raises:
        RecordingError: it is missing, damaged, or holds too much.
    """
    with tempfile.TemporaryDirectory() as folder:
        with in_words(where), zipfile.ZipFile(path) as archive:
            members = members_of(archive)
            if len(members) > _MOST_FILES:
                raise RecordingError(
                    f"it holds {len(members)} files, and no recording has so many",
                    where=where,
                    remedy="Import it with `harpi import`, or name one file in it",
                )
            total = sum(info.file_size for info in members.values())
            if total > max(1 << 25, 100 * path.stat().st_size) or total > 2 * LARGEST_FILE:
                raise RecordingError(
                    f"its {path.stat().st_size} bytes would unpack to {total >> 20} MiB",
                    where=where,
                    remedy="Unpack it yourself, and name the files",
                )
            for name, info in members.items():
                unpack(archive, info, Path(folder) / PurePosixPath(name).name, where)
        yield Path(folder)


def unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, where: str) -> None:
    """Unpack one file.

    Raises:
        RecordingError: it is too large.
    """
    if info.file_size > LARGEST_FILE:
        raise RecordingError(
            f"{info.filename} would take {info.file_size >> 20} MiB",
            where=where,
            remedy="Split it into several recordings",
        )
    with archive.open(info) as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy)


@contextmanager
def in_words(where: str) -> Iterator[None]:
    """Raise what goes wrong with an archive as a `RecordingError`."""
    try:
        yield
    except RecordingError:
        raise
    except FileNotFoundError as error:
        raise RecordingError(
            "there is no such archive", where=where, remedy="Check the path"
        ) from error
    except BROKEN as error:
        raise RecordingError(
            f"the archive cannot be read ({error})",
            where=where,
            remedy="Copy it again from where it came",
        ) from error
