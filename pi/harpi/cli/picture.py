"""Pictures of signals in a terminal: curves of braille dots, 2 by 4 to a character."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.types import AXES, FloatArray, Samples, TimeArray

HEIGHT: Final = 4
"""Lines of one curve."""

WIDEST: Final = 120
"""Characters of the widest picture."""

_MARGIN: Final = 16
"""Characters left of a curve: its name and its limits."""

_DOTS: Final = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""Bits of the dots of a braille character, by row and column (Unicode 15, U+2800)."""


def picture(
    runs: Sequence[Samples],
    *,
    used: tuple[float, float | None],
    axes: bool = False,
    width: int = 80,
    plain: bool = False,
) -> str:
    """Draw a take: how strongly it accelerates and turns, over time.

    Args:
        runs: its signal, at least one run; times in seconds from its start.
        used: first second that is used and the one from which on nothing is, None for the
            end; the line of time is solid there.
        axes: draw each of the six axes instead of the two magnitudes.
        width: characters in a line.
        plain: use ASCII alone.
    """
    if axes:
        units = ("g",) * 3 + ("deg/s",) * 3
        curves = [
            (name, unit, [run.values[:, i] for run in runs])
            for i, (name, unit) in enumerate(zip(AXES, units, strict=True))
        ]
    else:
        curves = [
            ("accel", "g", [np.linalg.norm(run.values[:, :3], axis=1) for run in runs]),
            ("turn", "deg/s", [np.linalg.norm(run.values[:, 3:], axis=1) for run in runs]),
        ]
    columns = max(10, min(width, WIDEST) - _MARGIN)
    # At least something to divide by, where there is a single sample.
    seconds = max(float(runs[-1].times[-1]), 1e-3)
    times = [run.times for run in runs]
    lines = []
    for name, unit, values in curves:
        lines += _curve(name, unit, times, values, seconds, columns)
    lines.append(" " * _MARGIN + _line_of_time(seconds, used, columns))
    label = f"{seconds:.1f} s"
    lines.append(" " * _MARGIN + "0 s" + label.rjust(columns - 3))
    text = "\n".join(line.rstrip() for line in lines)
    return _in_ascii(text) if plain else text


def can_print(encoding: str | None) -> bool:
    """Whether text in this encoding can show a picture that is not plain."""
    try:
        "⣿━┄".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _curve(
    name: str,
    unit: str,
    times: Sequence[TimeArray],
    values: Sequence[FloatArray],
    seconds: float,
    columns: int,
) -> list[str]:
    low = float(min(part.min() for part in values))
    high = float(max(part.max() for part in values))
    if high - low < 1e-3:  # a flat line in the middle
        low, high = low - 0.5, high + 0.5
    dots = np.zeros((4 * HEIGHT, 2 * columns), np.bool_)
    for moments, part in zip(times, values, strict=True):
        bottom, top, first = _envelope(moments, part, seconds, 2 * columns)
        rows = (4 * HEIGHT - 1) / (high - low)
        upper = np.rint((high - top) * rows).astype(int)
        lower = np.rint((high - bottom) * rows).astype(int)
        row = np.arange(4 * HEIGHT)[:, np.newaxis]
        dots[:, first : first + len(top)] |= (row >= upper) & (row <= lower)
    cells = dots.reshape(HEIGHT, 4, columns, 2).transpose(0, 2, 1, 3)
    codes = 0x2800 + (cells * _DOTS).sum(axis=(2, 3))
    margins = [f"{name:<6}{high:>8.4g}  ", " " * _MARGIN, " " * _MARGIN]
    margins += [f"{unit:<6}{low:>8.4g}  "]
    return [
        margin + "".join(map(chr, line)) for margin, line in zip(margins, codes, strict=True)
    ]


def _envelope(
    times: TimeArray, values: FloatArray, seconds: float, columns: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Lowest and highest value in each column that a run covers, and the first of these."""
    place = np.minimum((times / seconds * columns).astype(int), columns - 1)
    first, last = int(place[0]), int(place[-1])
    centres = (np.arange(first, last + 1) + 0.5) * seconds / columns
    between = np.interp(centres, times, values.astype(np.float64))
    low, high = between.copy(), between.copy()
    np.minimum.at(low, place - first, values)
    np.maximum.at(high, place - first, values)
    return low, high, first


def _line_of_time(seconds: float, used: tuple[float, float | None], columns: int) -> str:
    middle = (np.arange(columns) + 0.5) * seconds / columns
    end = np.inf if used[1] is None else used[1]
    return "".join("━" if used[0] <= at < end else "┄" for at in middle)


def _in_ascii(text: str) -> str:
    """Draw with what every terminal has: the upper dots, the lower ones, or both."""
    upper, lower = 0x01 | 0x08 | 0x02 | 0x10, 0x04 | 0x20 | 0x40 | 0x80
    table = {ord("━"): "=", ord("┄"): "-", 0x2800: " "}
    for dots in range(1, 256):
        table[0x2800 + dots] = (
            ":" if dots & upper and dots & lower else "'" if dots & upper else "."
        )
    return text.translate(table)
