"""Tables of nothing but numbers, as data sets have them: no header, columns by their place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harpi.recording.delimited import opened_text
from harpi.recording.raw import Hints, refuse

_SHOWN = 40


def read_numbers(
    path: Path, where: str, hints: Hints, width: int, places: Sequence[int]
) -> NDArray[np.float64]:
    """Read columns of a table of numbers that blanks or tabs separate.

    Args:
        path: the file.
        where: what a person calls it.
        hints: is told how far it is read.
        width: columns that each line has.
        places: which of them are wanted.

    Returns:
        float64 ``[n, len(places)]``; what was not measured is NaN.

    Raises:
        RecordingError: it cannot be read, or a line is not of so many numbers.
    """
    size = max(1, path.stat().st_size)
    with opened_text(path, where) as (text, position):

        def lines() -> Iterator[str]:
            for number, line in enumerate(text):
                if not number % 8192:
                    hints.on_progress(min(1.0, position() / size))
                yield line

        try:
            table = np.loadtxt(lines(), usecols=list(places), comments=None, ndmin=2)
        except ValueError as error:
            raise refuse(
                _first_fault(path, where, width) or f"it is no table of numbers ({error})",
                where,
                "Copy the file again from where it came",
            ) from error
    if not len(table):
        raise refuse("it holds no samples", where, "Copy the file again")
    return table


def _first_fault(path: Path, where: str, width: int) -> str | None:
    with opened_text(path, where) as (text, _):
        for number, line in enumerate(text, start=1):
            cells = line.split()
            if cells and len(cells) != width:
                return f"line {number}: it has {len(cells)} columns and not {width}"
            for cell in cells:
                try:
                    float(cell)
                except ValueError:
                    return f"line {number}: it has {cell[:_SHOWN]!r}, not a number"
    return None
