"""The kNN remembers exactly the takes that count: no training, no file of its own."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager

from harpi.learning.prepared import Version, version_of
from harpi.learning.take import Take
from harpi.recognition.knn import KnnRecogniser
from harpi.types import FloatArray


class KnnFollower:
    """Keeps account of what the kNN remembers of which take.

    Any thread may `forget`; the rest is the business of one.

    Args:
        knn: remembers the windows.
    """

    def __init__(self, knn: KnnRecogniser) -> None:
        self._knn = knn
        self._remembered: dict[int, Version] = {}
        self._changing = threading.Lock()

    def knows(self, take: Take) -> bool:
        """Whether the take is remembered."""
        return take.id in self._remembered

    def remember(self, take: Take, windows: FloatArray) -> None:
        """Learn the windows ``[n, T, 6]`` of a take."""
        with self._changing:
            if len(windows):
                self._knn.add(windows, take.label, take=str(take.id))
            self._remembered[take.id] = version_of(take)

    def gathering(self) -> AbstractContextManager[None]:
        """Let what is remembered meanwhile take effect at the end, all at once."""
        return self._knn.gathering()

    def drop_all_but(self, takes: Mapping[int, Take]) -> None:
        """Forget the takes that are not among these, or are no longer as they were."""
        for number in list(self._remembered):
            with self._changing:
                known = self._remembered.get(number)
                take = takes.get(number)
                if known is not None and (take is None or version_of(take) != known):
                    self._knn.forget_take(str(number))
                    del self._remembered[number]

    def forget(self, label: str | None) -> None:
        """Forget a label, or everything, at once."""
        with self._changing:
            if label is None:
                self._knn.forget_all()
                self._remembered.clear()
                return
            self._knn.forget_label(label)
            for number, (known, *_) in list(self._remembered.items()):
                if known == label:
                    del self._remembered[number]
