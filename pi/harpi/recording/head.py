"""The beginning of a file, by which its format is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harpi.errors import RecordingError
from harpi.recording.delimited import opened_text

_BYTES: Final = 512
_LINES: Final = 40
_LONGEST: Final = 4096


@dataclass(frozen=True, slots=True)
class Head:
    """What is looked at before a file is read.

    Attributes:
        path: the file or folder.
        beginning: its first bytes; empty for a folder.
        lines: its first lines, without their ends; empty where it is no text.
        files: for a folder, the files in it by their name in lower case, without folders.
    """

    path: Path
    beginning: bytes = b""
    lines: Sequence[str] = ()
    files: dict[str, Path] | None = None

    @property
    def full_lines(self) -> list[str]:
        """The lines that say something."""
        return [line for line in self.lines if line.strip()]


def head_of(path: Path, where: str) -> Head:
    """Look at the beginning of a file, or into a folder.

    Raises:
        RecordingError: it cannot be read.
    """
    if path.is_dir():
        return Head(path, files=files_of(path))
    try:
        with path.open("rb") as file:
            beginning = file.read(_BYTES)
    except FileNotFoundError as error:
        raise RecordingError(
            "there is no such recording", where=where, remedy="Check the path"
        ) from error
    except OSError as error:
        raise RecordingError(
            f"it cannot be read: {error.strerror or error}",
            where=where,
            remedy="Check the path and its permissions",
        ) from error
    lines: list[str] = []
    try:
        with opened_text(path, where) as (text, _):
            while len(lines) < _LINES and (line := text.readline(_LONGEST)):
                lines.append(line.rstrip("\n"))
    except RecordingError:  # no text, or not all of it; who reads it says so
        pass
    return Head(path, beginning, lines)


def files_of(folder: Path) -> dict[str, Path]:
    """Return the files in a folder by their name in lower case; hidden ones are left out."""
    return {
        file.name.lower(): file
        for file in sorted(folder.iterdir())
        if file.is_file() and not file.name.startswith(".")
    }
