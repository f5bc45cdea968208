"""Features of takes that were made already, so that training starts on what is there."""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from harpi.learning.material import Preparation, TakeFeatures, TakeSource
from harpi.learning.take import Take
from harpi.types import FloatArray

MOST_PREPARED: Final = 1600
"""Windows whose features are kept in memory; beyond, those of the takes made first go."""

Version = tuple[str, float, float | None]
"""What of a take decides what is learnt of it: label, begin and end of the used part."""


def version_of(take: Take) -> Version:
    """Tell two states of a take apart, where what is learnt of it differs."""
    return take.label, take.keep_from, take.keep_to


class Prepared:
    """Makes the features of takes, and keeps them; belongs to one thread.

    Args:
        preparation: makes them.
    """

    def __init__(self, preparation: Preparation) -> None:
        self._preparation = preparation
        self._kept: dict[int, tuple[Version, TakeFeatures]] = {}

    def prepare(self, source: TakeSource, take: Take) -> FloatArray:
        """Make the features of a take, and give its windows ``[n, T, 6]``.

        Raises:
            StoreError: the take cannot be read.
        """
        windows = self.windows(source, take)
        features = self._preparation.features(take, windows)
        self._kept.pop(take.id, None)
        self._kept[take.id] = version_of(take), features
        total = sum(len(part.features) for _, part in self._kept.values())
        while total > MOST_PREPARED and len(self._kept) > 1:
            _, dropped = self._kept.pop(next(iter(self._kept)))
            total -= len(dropped.features)
        return windows

    def windows(self, source: TakeSource, take: Take) -> FloatArray:
        """Cut a take into windows ``[n, T, 6]``, and keep nothing.

        Raises:
            StoreError: the take cannot be read.
        """
        return self._preparation.windows(take, source.samples(take.id))

    def features(self, source: TakeSource, take: Take) -> TakeFeatures:
        """Give the features of a take, from the last time if it is as it was then.

        Raises:
            StoreError: the take cannot be read.
        """
        if take.id not in self._kept or self._kept[take.id][0] != version_of(take):
            self.prepare(source, take)
        return self._kept[take.id][1]

    def keep_only(self, numbers: Container[int]) -> None:
        """Drop what is kept of all other takes."""
        self._kept = {n: kept for n, kept in self._kept.items() if n in numbers}
