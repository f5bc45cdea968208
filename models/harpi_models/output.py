"""Results appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

from harpi.files import write_atomically
from harpi_models.errors import OutputFailed


def write_result(path: Path, content: bytes) -> None:
    """Put a file in place as a whole, with the folder it belongs to.

    Raises:
        OutputFailed: the folder cannot be made or written, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise OutputFailed(
            f"cannot be written: {error.strerror or error}",
            where=str(path),
            remedy="Free some space or choose another place; nothing half-written is left",
        ) from error
