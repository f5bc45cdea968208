"""Signal as the page draws it: no finer than the eye sees it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from harpi.signal.ring import Ring
from harpi.types import AXES, FloatArray, Samples

SHOWN_RATE: Final = 25.0
"""Points per second of the live trace, at most."""

SHOWN_SECONDS: Final = 8.0
"""Signal that a viewer gets at once."""

POINTS: Final = 120
"""Points of the trace of a whole take."""

_DECIMALS: Final = (3, 3, 3, 1, 1, 1)
"""What is left of each of `AXES`: the noise of the sensor is larger."""


class Piece(Struct, frozen=True, kw_only=True):
    """A stretch of the live trace."""

    time: float
    """Monotonic seconds of the first point."""
    step: float
    """Seconds from one point to the next."""
    gap: bool
    """Samples are missing before it."""
    values: tuple[tuple[float, ...], ...]
    """Points, each with the axes of `harpi.types.AXES`, in g and deg/s."""


class Envelope(Struct, frozen=True, kw_only=True):
    """The trace of a take: least and greatest value in each of `POINTS` equal parts."""

    seconds: float
    low: tuple[tuple[float | None, ...], ...]
    """For each axis of acceleration, in g; None where no sample is."""
    high: tuple[tuple[float | None, ...], ...]


class LiveTrace:
    """Reads the ring for the page; used by one thread.

    Args:
        ring: the signal of the last seconds.
        rate: samples per second in it.
    """

    def __init__(self, ring: Ring, rate: float) -> None:
        self._ring = ring
        self._step = max(1, round(rate / SHOWN_RATE))
        self._seconds = self._step / rate
        self._recent = round(SHOWN_SECONDS * rate)
        self._position = ring.written
        self._rest: Samples | None = None

    def recent(self) -> list[Piece]:
        """Give the last seconds, for a viewer that begins to look."""
        pieces, _ = self._pieces(self._ring.latest(self._recent))
        return pieces

    def skip(self) -> None:
        """Leave out what came while nobody looked."""
        self._position, self._rest = self._ring.written, None

    def news(self) -> list[Piece]:
        """Give what came since the last call."""
        if self._ring.written == self._position:
            return []
        blocks, self._position = self._ring.since(self._position)
        if self._rest is not None and blocks and not blocks[0].gap:
            first, rest = blocks[0], self._rest
            blocks[0] = Samples(
                np.concatenate([rest.values, first.values]),
                np.concatenate([rest.times, first.times]),
                gap=rest.gap,
            )
        pieces, self._rest = self._pieces(blocks)
        return pieces

    def _pieces(self, blocks: Sequence[Samples]) -> tuple[list[Piece], Samples | None]:
        """Average each `step` samples; give the points, and the samples too few for one."""
        pieces = []
        rest = None
        for block in blocks:
            points = len(block) // self._step
            used = points * self._step
            if points:
                means = block.values[:used].reshape(points, self._step, len(AXES)).mean(axis=1)
                pieces.append(
                    Piece(
                        time=round(float(block.times[0]), 3),
                        step=self._seconds,
                        gap=block.gap,
                        values=_rounded(means),
                    )
                )
            left = Samples(block.values[used:], block.times[used:], gap=block.gap and not used)
            rest = left if len(left) else None
        return pieces, rest


def envelope(runs: Sequence[Samples], seconds: float) -> Envelope:
    """Draw the acceleration of a take together.

    Args:
        runs: its samples, times in seconds from its start.
        seconds: its length.
    """
    times = np.concatenate([run.times for run in runs])
    values = np.concatenate([run.values for run in runs])[:, :3]
    part = np.clip((times / max(seconds, 1e-9) * POINTS).astype(np.int64), 0, POINTS - 1)
    filled, begins = np.unique(part, return_index=True)
    low = np.full((POINTS, 3), np.nan, np.float32)
    high = low.copy()
    low[filled] = np.minimum.reduceat(values, begins)
    high[filled] = np.maximum.reduceat(values, begins)
    return Envelope(seconds=round(seconds, 2), low=_columns(low), high=_columns(high))


def _rounded(values: FloatArray) -> tuple[tuple[float, ...], ...]:
    columns = (
        np.round(values[:, axis].astype(np.float64), decimals)
        for axis, decimals in enumerate(_DECIMALS)
    )
    return tuple(map(tuple, np.stack(list(columns), axis=1).tolist()))


def _columns(values: FloatArray) -> tuple[tuple[float | None, ...], ...]:
    rounded = np.round(values.astype(np.float64), 2).T.tolist()
    return tuple(
        tuple(None if math.isnan(value) else value for value in column) for column in rounded
    )
