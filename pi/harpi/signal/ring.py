"""The signal of the last seconds, in memory that never grows."""

from __future__ import annotations

import math
import threading
from itertools import pairwise
from typing import Final

import numpy as np

from harpi.types import AXES, Samples

BYTES_PER_SAMPLE: Final = 4 * len(AXES) + 8 + 1
"""That a ring takes: values, time, and whether there is a gap."""


class Ring:
    """A ring of samples with one writer and any number of readers.

    Every sample has a position, counted from 0 since the start. A reader keeps the position
    up to which it has read and is told, by the `gap` of what it gets, when the writer has
    lapped it. Readers get copies; the lock is held for the time of copying only.

    Args:
        seconds: how much signal is kept.
        rate: samples per second.

    Raises:
        ValueError: there would be no room for a sample.
    """

    def __init__(self, seconds: float, rate: float) -> None:
        self._capacity = math.ceil(seconds * rate)
        if self._capacity < 1:
            raise ValueError(f"no room for a sample in {seconds} s at {rate} per second")
        self._values = np.zeros((self._capacity, len(AXES)), np.float32)
        self._times = np.zeros(self._capacity)
        self._gaps = np.zeros(self._capacity, np.bool_)
        self._written = 0
        self._gap_ahead = False
        self._lock = threading.Lock()

    @property
    def capacity(self) -> int:
        """Samples that are kept."""
        return self._capacity

    @property
    def written(self) -> int:
        """Samples that were ever appended: the position of the next one."""
        return self._written

    def append(self, samples: Samples) -> None:
        """Add samples, over the oldest where the ring is full."""
        count = len(samples)
        self._gap_ahead |= samples.gap
        if count == 0:
            return
        kept = min(count, self._capacity)
        gaps = np.zeros(count, np.bool_)
        gaps[0] = self._gap_ahead
        self._gap_ahead = False
        with self._lock:
            places = np.arange(self._written + count - kept, self._written + count)
            places %= self._capacity
            self._values[places] = samples.values[-kept:]
            self._times[places] = samples.times[-kept:]
            self._gaps[places] = gaps[-kept:]
            self._written += count

    def latest(self, count: int) -> list[Samples]:
        """Copy the last `count` samples, or as many as there are.

        Returns:
            Blocks without gaps inside, oldest first.
        """
        with self._lock:
            return self._read(max(0, self._written - count))

    def since(self, position: int) -> tuple[list[Samples], int]:
        """Copy what was written from `position` on.

        Args:
            position: 0, or what the last call returned.

        Returns:
            Blocks without gaps inside, oldest first, and the position to ask for next. The
            first block has `gap` set when samples since `position` are no longer here.
        """
        with self._lock:
            return self._read(position), self._written

    def _read(self, position: int) -> list[Samples]:
        """Copy from `position` to the end and split at the gaps; the lock is held."""
        end = self._written
        begin = min(max(position, end - self._capacity), end)
        if begin == end:
            return []
        places = np.arange(begin, end) % self._capacity
        values, times, gaps = self._values[places], self._times[places], self._gaps[places]
        if begin > position:
            gaps[0] = True
        edges = [0, *(np.flatnonzero(gaps[1:]) + 1), end - begin]
        return [
            Samples(values[start:stop], times[start:stop], bool(gaps[start]))
            for start, stop in pairwise(edges)
        ]
