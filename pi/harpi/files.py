"""Files that survive a power cut, small JSON documents, and locks between processes."""

from __future__ import annotations

import fcntl
import os
import re
import stat
import tempfile
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar, overload

import msgspec

from harpi.errors import CalibrationError


def private_mode(folder: Path) -> int:
    """Give the permissions of a file of harpi's own: for its user, and for a group's members.

    The group may read where it may enter the folder, as on a machine that was set up; a folder
    that harpi has made itself is for its user alone.

    Raises:
        OSError: there is no such folder.
    """
    return 0o640 if folder.stat().st_mode & stat.S_IXGRP else 0o600


def make_private(path: Path) -> None:
    """Make an empty file of harpi's own for a library to fill, where there is none yet.

    Raises:
        OSError: the disk is full, read-only, or refuses otherwise.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    os.close(os.open(path, flags, private_mode(path.parent)))


def write_atomically(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Replace a file in one step.

    The content is on the disk before the name points to it, and the name is on the disk
    before this returns (temporary file, fsync, rename, fsync of the directory).

    Args:
        path: the file; its directory exists.
        content: everything that the file is to hold.
        mode: permissions of the file.

    Raises:
        OSError: the disk is full, read-only, or refuses otherwise; the old file stands.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def make_directory(path: Path) -> None:
    """Make a directory, and those above it, that a loss of power does not take away again.

    It is for the user alone, and for a group's members where the one above it is.

    Files within it may be synced as often as one likes: as long as the directory's own name
    is not on the disk, they can be gone with it. One that is there already is left alone.

    Raises:
        OSError: the disk is full, read-only, or refuses otherwise.
    """
    if path.is_dir():
        return
    make_directory(path.parent)
    above = path.parent.stat().st_mode & 0o777
    path.mkdir(mode=0o700 if above & 0o007 else above, exist_ok=True)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make renames and removals in a directory outlive a loss of power."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_IN_MEMORY: Final = ("tmpfs", "ramfs")


def volatile(folder: Path, mounts: str) -> str | None:
    """Return in what kind of memory a folder is; None where it is on a disk.

    Args:
        folder: whether or not it exists.
        mounts: text of `/proc/self/mounts` (proc_pid_mounts(5)).
    """
    mounted: dict[Path, tuple[str, str]] = {}
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) > 3:
            # A blank is \\040.
            where = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), fields[1])
            mounted[Path(where)] = (fields[2], fields[3])

    def mount_of(path: Path) -> Path | None:
        return next((one for one in (path, *path.parents) if one in mounted), None)

    place = mount_of(folder.resolve())
    kind, options = mounted[place] if place is not None else ("", "")
    if kind == "overlay" and (upper := re.search(r"upperdir=([^,]+)", options)):
        # What is written to the overlay of raspi-config goes into a tmpfs below it.
        below = mount_of(Path(upper[1]))
        if below != place and below is not None and mounted[below][0] in _IN_MEMORY:
            return f"below {place}, an overlay that keeps what is written in memory"
    return f"in memory ({place} is a {kind})" if kind in _IN_MEMORY else None


class Versioned(Protocol):
    """What such a file holds: a `msgspec.Struct` with its version."""

    @property
    def format(self) -> int:
        """Version of the layout."""
        ...


class _Header(msgspec.Struct):
    format: int


_Document = TypeVar("_Document", bound=Versioned)


def read_document(
    path: Path, kind: type[_Document], version: int, *, again: str
) -> _Document | None:
    """Read a file; None where there is none.

    Args:
        path: the file.
        kind: what it should hold.
        version: the only one that can be used.
        again: how to make the file anew, for messages.

    Raises:
        CalibrationError: it cannot be read, is damaged, or of another version.
    """
    try:
        content = path.read_bytes()
        found = decode_json(content, _Header).format
        document = decode_json(content, kind) if found == version else None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CalibrationError(
            f"cannot be read: {error.strerror}", where=str(path), remedy="Check its owner"
        ) from error
    except msgspec.DecodeError as error:
        raise CalibrationError(
            f"is damaged, or something else ({error})", where=str(path), remedy=again
        ) from error
    if document is None:
        raise CalibrationError(
            f"is of format {found}, this version of harpi knows {version}",
            where=str(path),
            remedy=again,
        )
    return document


def write_document(path: Path, document: Versioned) -> None:
    """Replace a file; until this returns, the old one stands.

    Raises:
        CalibrationError: it cannot be written.
    """
    try:
        make_directory(path.parent)
        content = msgspec.json.format(msgspec.json.encode(document)) + b"\n"
        write_atomically(path, content, mode=private_mode(path.parent))
    except OSError as error:
        raise CalibrationError(
            f"cannot be written: {error.strerror}",
            where=str(path),
            remedy="Use sudo, or check the owner of the folder and the room on the disk",
        ) from error


_T = TypeVar("_T")


@overload
def decode_json(content: bytes | str, kind: type[_T]) -> _T: ...


@overload
def decode_json(content: bytes | str, kind: Any) -> Any: ...


def decode_json(content: bytes | str, kind: Any) -> Any:
    """Read JSON, whatever it is.

    msgspec alone lets two more exceptions through: for text that is not UTF-8, and for
    objects within objects that fill Python's stack, also where they are to be skipped.

    Args:
        content: that may be anything.
        kind: what it should hold.

    Raises:
        msgspec.DecodeError: it is no JSON, not UTF-8, nested too deeply, or holds something
            else.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except UnicodeError as error:
        raise msgspec.DecodeError(f"it is no text in UTF-8: {error}") from None
    except RecursionError:
        raise msgspec.DecodeError("it is nested too deeply") from None


class FileLock:
    """An exclusive flock on a small file of its own.

    The kernel frees it when its holder ends, however it ends; so whoever gets it knows that
    what the last holder left half done will not be continued.

    Args:
        path: the file; made where it does not exist, never removed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock if it is free, without waiting; return whether it was.

        Raises:
            OSError: the file cannot be opened.
        """
        if self._descriptor is not None:
            return False
        # Reading suffices for a flock: a lock file that root made stays usable by others.
        flags = os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._path, flags, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give the lock back; without holding it, do nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
