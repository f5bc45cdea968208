"""Recordings as files, in the shapes that people have them, with real motion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harpi import shipped
from harpi.recording import Recording

RATE = 50.0
SECONDS = 18
LABELS = ("walking", "sitting", "standing")
HEADER = "time,ax,ay,az,gx,gy,gz,label"

Values = NDArray[np.float64]


@cache
def _motion() -> Values:
    """18 s each of walking, sitting and standing of one person: ``[2700, 6]``."""
    path = shipped.path("models/recordings/hapt_25_26.npz")
    whole = Recording.read(path, subject=26)
    count = round(SECONDS * RATE)
    parts = []
    for label in LABELS:
        is_it = whole.label == whole.labels.index(label)
        borders = np.flatnonzero(np.diff(is_it, prepend=False, append=False))
        begin = next(
            a for a, b in zip(borders[::2], borders[1::2], strict=True) if b - a > count + 20
        )
        parts.append(whole.values[begin + 10 : begin + 10 + count])
    return np.concatenate(parts).astype(np.float64)


def motion() -> Values:
    """A copy of the real motion, to change: g and deg/s, 50 Hz."""
    return _motion().copy()


def times() -> Values:
    """Seconds of `motion`."""
    return np.arange(len(_motion())) / RATE


def labels() -> list[str]:
    """Label of each sample of `motion`."""
    return [label for label in LABELS for _ in range(round(SECONDS * RATE))]


def turning(seconds: float = 20.0, rate: float = RATE) -> Values:
    """A sensor that is turned slowly about all axes, as both sensors would read it."""
    count = round(seconds * rate)
    rng = np.random.default_rng(3)
    t = np.arange(count) / rate
    rates = np.column_stack(
        [
            60.0 * np.sin(2 * np.pi * f * t + p)
            for f, p in ((0.11, 0.0), (0.17, 1.0), (0.23, 2.0))
        ]
    )
    up = np.empty((count, 3))
    up[0] = [0.0, 0.0, 1.0]
    for k in range(1, count):  # du/dt = u x w
        middle = np.radians(rates[k - 1] + rates[k]) / 2.0
        up[k] = up[k - 1] + np.cross(up[k - 1], middle) / rate
        up[k] /= np.linalg.norm(up[k])
    noise = rng.normal(0.0, 0.004, (count, 3)), rng.normal(0.0, 0.3, (count, 3))
    return np.hstack([up + noise[0], rates + noise[1]])


def rows(
    values: Values | None = None,
    time: Sequence[float] | Sequence[str] | Values | None = None,
    label: Sequence[str] | None = None,
    *,
    separator: str = ",",
    number: str = "%.6f",
    clock: str = "%.3f",
) -> list[str]:
    """Lines of a table: time, values, label where given."""
    values = motion() if values is None else values
    time = np.arange(len(values)) / RATE if time is None else time
    lines = []
    for k, sample in enumerate(values):
        stamp = time[k]
        cells = [stamp if isinstance(stamp, str) else clock % stamp]
        cells += [number % value for value in sample]
        if label is not None:
            cells.append(label[k])
        lines.append(separator.join(cells))
    return lines


def write(path: Path, lines: Sequence[str], header: str | None = HEADER) -> Path:
    """Write lines below a header."""
    text = [header, *lines] if header is not None else lines
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(text) + "\n", encoding="utf-8")
    return path


def good(path: Path, change: Callable[[list[str]], list[str]] = lambda lines: lines) -> Path:
    """Write a table that is all in order, but for a change."""
    return write(path, change(rows(label=labels())))
