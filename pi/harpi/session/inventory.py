"""What there is to learn from: takes and windows of each label."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction

from harpi.commands import LabelCount
from harpi.config.schema import SignalSection
from harpi.learning.take import Take
from harpi.session.ports import TakeStore
from harpi.signal.windows import WindowMaker


def count_windows(samples: int, rate: float, signal: SignalSection) -> int:
    """Count the windows in a stretch without gaps, without making them.

    Equal to the length of `harpi.signal.windows.windows_of` for as many samples.

    Args:
        samples: number of samples.
        rate: samples per second of them.
        signal: rate, length and hop of the windows.
    """
    maker = WindowMaker(rate, signal.rate, signal.length, signal.hop)
    held_back = round(2 * maker.delay * rate)
    ratio = (Fraction(signal.rate) / Fraction(rate)).limit_denominator(1000)
    resampled = max(0, math.ceil((samples - held_back) * ratio))
    return max(0, (resampled - signal.length) // signal.hop + 1)


class Inventory:
    """Counts the windows of the takes, each take once.

    Args:
        labels: those of the configuration; they are counted even where there is no take.
        minimum: windows of a label that training asks for.
        signal: how windows are cut.
    """

    def __init__(self, labels: tuple[str, ...], minimum: int, signal: SignalSection) -> None:
        self._labels = labels
        self._minimum = minimum
        self._signal = signal
        self._windows: dict[tuple[int, float, float | None], int] = {}

    def add(self, take: Take, windows: int) -> None:
        """Note the windows of a take that were counted when it ended."""
        self._windows[self._key(take)] = windows

    def count(self, takes: Sequence[Take], store: TakeStore) -> tuple[LabelCount, ...]:
        """Count what there is, the configured labels first, in their order.

        Args:
            takes: all that there are.
            store: where their samples are.

        Raises:
            StoreError: the store cannot be read.
        """
        labels = dict.fromkeys((*self._labels, *sorted({take.label for take in takes})))
        return tuple(self._of(label, takes, store) for label in labels)

    def _of(self, label: str, takes: Iterable[Take], store: TakeStore) -> LabelCount:
        own = [take for take in takes if take.label == label]
        learnt = [take for take in own if take.split == "train"]
        windows = sum(self._windows_of(take, store) for take in learnt)
        return LabelCount(
            label=label,
            takes=len(learnt),
            windows=windows,
            needed=max(0, self._minimum - windows),
            tests=len(own) - len(learnt),
        )

    def _windows_of(self, take: Take, store: TakeStore) -> int:
        key = self._key(take)
        if key not in self._windows:
            runs = (
                [len(run) for run in store.samples(take.id)]
                if take.gaps
                else [round(take.used_seconds * take.rate)]
            )
            self._windows[key] = sum(
                count_windows(run, take.rate, self._signal) for run in runs
            )
        return self._windows[key]

    @staticmethod
    def _key(take: Take) -> tuple[int, float, float | None]:
        return take.id, take.keep_from, take.keep_to
