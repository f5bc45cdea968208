"""One file with everything that a device has learnt, and the way back.

It is a .zip: the takes as SQLite copies them at one moment, so that a daemon may record
meanwhile, beside the files of the state folder that are written in one step each, and
`backup.json`, which says what it is.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO, Final

import msgspec

from harpi import __version__
from harpi.errors import StoreError, UsageError
from harpi.files import decode_json, sync_directory
from harpi.sqlite import connect
from harpi.store.claim import StateClaim
from harpi.store.database import FILE_NAME
from harpi.store.store import Store

FORMAT: Final = 1
"""Version of the layout; a newer one is refused."""
_MANIFEST: Final = "backup.json"
_DATABASE: Final = ".db"
_COMPANIONS: Final = ("-wal", "-shm")
"""What SQLite keeps beside a database that is open, or was when the power went."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says of itself."""

    format: int
    harpi: str
    made: datetime


def back_up(state: Path, file: IO[bytes], also: Sequence[str]) -> list[str]:
    """Write a backup; a daemon may use the state folder meanwhile.

    Args:
        state: the state folder.
        file: where the backup is written.
        also: files and folders of the state folder that belong to it, beside the takes.

    Returns:
        The names of what is in it.

    Raises:
        StoreError: the takes cannot be read, or there is no room for a copy of them.
        OSError: another file cannot be read, or the backup cannot be written.
    """
    written: list[str] = []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        manifest = Manifest(format=FORMAT, harpi=__version__, made=datetime.now(UTC))
        archive.writestr(_MANIFEST, msgspec.json.encode(manifest))
        for name in (FILE_NAME, *also):
            for path in _files_of(state / name):
                inside = path.relative_to(state).as_posix()
                with suppress(FileNotFoundError):  # deleted just now
                    if path.suffix == _DATABASE:
                        _add_database(archive, path, inside)
                    else:
                        archive.write(path, inside)
                    written.append(inside)
    return written


def _add_database(archive: zipfile.ZipFile, path: Path, inside: str) -> None:
    """Add a database as it is at one moment, what is in its write-ahead log included."""
    beside = path.parent if os.access(path.parent, os.W_OK, effective_ids=True) else None
    with TemporaryDirectory(prefix=".backup-", dir=beside) as folder:
        target = Path(folder) / path.name
        try:
            with (
                closing(connect(path, "mode=ro")) as one,
                closing(sqlite3.connect(target)) as copy,
            ):
                one.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE").fetchall()
        except sqlite3.Error as error:
            raise StoreError(
                f"it cannot be copied ({error})",
                where=str(path),
                remedy="`harpi takes check` tells whether the takes are whole; the copy needs "
                "as much room on the disk again",
            ) from error
        archive.write(target, inside)


def _files_of(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.is_file() and file.name[0] != ".")
    return [path] if path.is_file() else []


def bring_back(
    file: IO[bytes], state: Path, also: Sequence[str], *, replace: bool = False
) -> Path | None:
    """Put a backup into the state folder; nothing that is there is deleted.

    Args:
        file: the backup.
        state: the state folder; made where it does not exist.
        also: as in `back_up`; nothing else of a backup is used.
        replace: where there is something already, move it into a folder of its own first.

    Returns:
        That folder; None where nothing was in the way.

    Raises:
        AlreadyRunning: a daemon uses the state folder.
        UsageError: there is something already, and it is not to be replaced.
        StoreError: it is no backup, is damaged, or does not fit.
    """
    with StateClaim(state):
        known = (FILE_NAME, *also)
        there = [name for name in known if (state / name).exists()]
        if there and not replace:
            raise UsageError(
                f"there is something already ({', '.join(there)})",
                where=str(state),
                remedy="`--replace` moves it into a folder of its own and restores the backup",
            )
        try:
            with TemporaryDirectory(prefix=".restore-", dir=state) as folder:
                _unpack(file, Path(folder), known)
                return _swap(Path(folder), state, known, aside=bool(there))
        except OSError as error:
            if isinstance(error, StoreError):
                raise
            raise StoreError(
                f"the backup cannot be restored ({error.strerror or error})",
                where=str(state),
                remedy="Check the room on the disk, and who may write to the folder",
            ) from error


def _unpack(file: IO[bytes], folder: Path, known: Sequence[str]) -> None:
    """Unpack what is known into an empty folder, and look whether it can be used."""
    no_backup = StoreError(
        "this is no backup of harpi, or it is damaged",
        where=getattr(file, "name", ""),
        remedy="Name a file that `harpi backup` wrote; takes come from an export with "
        "`harpi import`",
    )
    try:
        with zipfile.ZipFile(file) as archive:
            manifest = decode_json(archive.read(_MANIFEST), Manifest)
            if manifest.format > FORMAT:
                raise StoreError(
                    f"the backup is of harpi {manifest.harpi}, which writes newer ones",
                    where=no_backup.where,
                    remedy="Upgrade harpi",
                )
            entries = [entry for entry in archive.infolist() if _belongs(entry, known)]
            if sum(entry.file_size for entry in entries) > shutil.disk_usage(folder).free:
                raise StoreError(
                    "the disk has no room for what is in the backup",
                    where=str(folder.parent),
                    remedy="Free some space",
                )
            for entry in entries:
                archive.extract(entry, folder)
    except (zipfile.BadZipFile, zlib.error, KeyError, msgspec.DecodeError, EOFError) as error:
        raise no_backup from error
    except (NotImplementedError, RuntimeError, ValueError) as error:  # other methods, encrypted
        raise no_backup from error
    if (folder / FILE_NAME).exists():
        with Store(folder / FILE_NAME, read_only=True) as store:
            if found := store.damage():
                raise StoreError(found[0], where=no_backup.where, remedy=no_backup.remedy)
    for path in folder.glob(f"*{_DATABASE}"):
        try:
            with closing(sqlite3.connect(path)) as one:
                found = one.execute("PRAGMA quick_check").fetchone()[0]
        except sqlite3.Error as error:
            raise no_backup from error
        if found != "ok":
            raise no_backup


def _belongs(entry: zipfile.ZipInfo, known: Sequence[str]) -> bool:
    """Whether an entry is a file that harpi would have put there."""
    parts = PurePosixPath(entry.filename).parts
    plain = not entry.is_dir() and "\\" not in entry.filename and ".." not in parts
    return plain and 1 <= len(parts) <= 2 and parts[0] in known


def _swap(new: Path, state: Path, known: Sequence[str], *, aside: bool) -> Path | None:
    """Move what is there aside and the new into its place; after a failure all is as before."""
    old = state / f"before-restore-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    databases = [name for name in known if name.endswith(_DATABASE)]
    of_before = (*known, *(name + one for name in databases for one in _COMPANIONS))
    moves = [(state / name, old / name) for name in of_before if (state / name).exists()]
    moves += [(new / name, state / name) for name in known if (new / name).exists()]
    moved: list[tuple[Path, Path]] = []
    try:
        if aside:
            old.mkdir(mode=0o700)
        for source, target in moves:
            source.rename(target)
            moved.append((source, target))
    except OSError:
        for source, target in reversed(moved):
            target.rename(source)
        raise
    sync_directory(state)
    return old if aside else None
