"""Small files of JSON that a person may look at, each whole and of a known version."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from harpi.decoding import decode_json
from harpi.errors import CalibrationError
from harpi.files import make_directory, write_atomically


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
        write_atomically(path, msgspec.json.format(msgspec.json.encode(document)) + b"\n")
    except OSError as error:
        raise CalibrationError(
            f"cannot be written: {error.strerror}",
            where=str(path),
            remedy="Use sudo, or check the owner of the folder and the room on the disk",
        ) from error
