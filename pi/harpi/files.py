"""Files that are either the old one or the new one, whole, whenever the power goes."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


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

    Files within it may be synced as often as one likes: as long as the directory's own name
    is not on the disk, they can be gone with it. One that is there already is left alone.

    Raises:
        OSError: the disk is full, read-only, or refuses otherwise.
    """
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(exist_ok=True)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make renames and removals in a directory outlive a loss of power."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
