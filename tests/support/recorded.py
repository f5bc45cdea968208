"""Takes of made-up motions, in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from harpi.errors import StoreError, TakeNotFound
from harpi.signal.orientation import turn
from harpi.store.takes import Split, Take
from harpi.types import FloatArray, Samples
from tests.support.takes import START

RATE = 25.0


def motion(kind: str, seconds: float, seed: int = 0) -> FloatArray:
    """Signal ``[n, 6]`` of one of `tests.support.motions.MOTIONS`, or of `tilted`: still,
    but with another axis up."""
    rng = np.random.default_rng([seed, *kind.encode()])
    times = np.arange(round(seconds * RATE)) / RATE
    signal = rng.normal(0, 0.01, (len(times), 6)) * [1, 1, 1, 50, 50, 50]
    signal[:, 0 if kind == "tilted" else 2] += 1
    if kind in ("slow", "fast"):
        hertz, swing = (1.0, 0.2) if kind == "slow" else (3.0, 1.0)
        wave = swing * np.sin(2 * np.pi * hertz * rng.uniform(0.9, 1.1) * times)
        signal[:, 0] += wave
        signal[:, 4] += 100 * wave
    return signal.astype(np.float32)


class Recorded:
    """A source of takes that a test fills by hand."""

    def __init__(self) -> None:
        self._takes: dict[int, Take] = {}
        self._removed: dict[int, Take] = {}
        self._values: dict[int, FloatArray] = {}
        self._last = 0
        self.damaged: set[int] = set()

    def add(
        self,
        label: str,
        seconds: float = 12.0,
        *,
        kind: str | None = None,
        session: int = 1,
        position: str = "unspecified",
        split: Split = "train",
        rotation: NDArray[np.float64] | None = None,
    ) -> int:
        """Record a take; its motion is that of its label unless told otherwise."""
        values = motion(kind or label, seconds, seed=self._last + 1)
        if rotation is not None:
            values = turn(values, rotation)
        return self.add_signal(label, values, session=session, position=position, split=split)

    def add_signal(
        self,
        label: str,
        values: FloatArray,
        *,
        rate: float = RATE,
        session: int = 1,
        position: str = "unspecified",
        split: Split = "train",
    ) -> int:
        """Record a take of a signal ``[n, 6]``."""
        self._last += 1
        self._values[self._last] = values
        self._takes[self._last] = Take(
            label=label,
            session=session,
            position=position,
            split=split,
            start=START,
            rate=rate,
            id=self._last,
            state="kept",
            count=len(values),
            seconds=len(values) / rate,
        )
        return self._last

    def remove(self, number: int) -> None:
        self._removed[number] = self._takes.pop(number)

    def relabel(self, number: int, label: str) -> None:
        self._takes[number] = replace(self._takes[number], label=label)

    def takes(self, *, split: Split | None = None, deleted: bool | None = False) -> list[Take]:
        takes = {**self._removed, **self._takes} if deleted is None else self._takes
        return [take for take in takes.values() if split in (None, take.split)]

    def samples(self, number: int) -> list[Samples]:
        if number in self.damaged:
            raise StoreError(f"take {number} is damaged")
        values = self._values[number]
        return [Samples(values, np.arange(len(values)) / self.take(number).rate)]

    def stream(self, number: int) -> list[Samples]:
        return self.samples(number)

    def take(self, number: int) -> Take:
        try:
            return {**self._removed, **self._takes}[number]
        except KeyError:
            raise TakeNotFound(f"there is no take {number}") from None

    def newest(
        self,
        *,
        label: str | None = None,
        position: str | None = None,
        split: Split | None = None,
    ) -> Iterator[Take]:
        for take in reversed(self.takes(split=split)):
            if label in (None, take.label) and position in (None, take.position):
                yield take

    def amounts(self, split: Split) -> dict[str, tuple[int, float]]:
        found: dict[str, tuple[int, float]] = {}
        for take in self.takes(split=split):
            count, seconds = found.get(take.label, (0, 0.0))
            found[take.label] = (count + 1, seconds + take.used_seconds)
        return found
