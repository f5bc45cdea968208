"""Results appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from harpi.files import write_atomically
from harpi_models.errors import OutputFailed


def write_result(path: Path, content: bytes) -> None:
    """Put a file in place as a whole, with the folder it belongs to.

    Raises:
        OutputFailed: the folder cannot be made or written, or the disk is full.
    """
    with writing(path):
        write_atomically(path, content)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Make the folder of a result, and tell in words what keeps it from being written.

    Raises:
        OutputFailed: the folder cannot be made or written, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise OutputFailed(
            f"cannot be written: {error.strerror or error}",
            where=str(path),
            remedy="Free some space or choose another place; nothing half-written is left",
        ) from error


def require_writable(folder: Path) -> None:
    """Find out before long work whether its results could go into a folder.

    Raises:
        OutputFailed: the folder, or the nearest one above it that there is, is none or cannot
            be written.
    """
    nearest = folder.absolute()
    while not os.access(nearest, os.F_OK):
        nearest = nearest.parent
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise OutputFailed(
            f"{nearest} cannot be written into" if nearest.is_dir() else f"{nearest} is a file",
            where=str(folder),
            remedy="Choose another place for the results",
        )
