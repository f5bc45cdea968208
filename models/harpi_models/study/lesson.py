"""What a contestant learns from one person, what it is asked, and in which words it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from harpi.signal.features import features
from harpi.types import FloatArray
from harpi_models.datasets.catalogue import CATALOGUE
from harpi_models.datasets.layout import RATE
from harpi_models.protocol import Course, Embed

Codes = NDArray[np.int64]

MOST_ASKED = 40
"""Windows of a class that are asked, evenly spread over what comes after the lesson."""
NO_CLASS = -1
"""The answer that names none of the wearer's classes."""


class Asked:
    """Windows, and what contestants look at, each made once.

    Args:
        windows: ``[m, T, 6]``.
        embed: gives the features of a base; None where no contestant looks at them.
    """

    def __init__(self, windows: FloatArray, embed: Embed | None = None) -> None:
        self.windows = windows
        self._embed = embed

    @cached_property
    def signal(self) -> FloatArray:
        """The features of the kNN, ``[m, S]``."""
        return features(self.windows, RATE)

    @cached_property
    def base(self) -> FloatArray:
        """The features of the base, ``[m, F]``.

        Raises:
            ValueError: there is no base.
        """
        if self._embed is None:
            raise ValueError("these windows are asked without a base")
        return self._embed(self.windows)


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What a wearer has recorded.

    Attributes:
        labels: what the wearer calls each of the C classes.
        meanings: class of everything that may be answered; also of words of the base's that
            stand for one of the wearer's.
        windows: ``[m, T, 6]``, class after class, in time within each.
        classes: ``[m]``.
        takes: ``[m]``, which stretch a window is from.
    """

    labels: tuple[str, ...]
    meanings: Mapping[str, int]
    windows: FloatArray
    classes: Codes
    takes: Codes

    def first(self, count: int) -> Lesson:
        """Only the first windows of each class."""
        kept = np.concatenate(
            [np.flatnonzero(self.classes == c)[:count] for c in range(len(self.labels))]
        )
        return replace(
            self,
            windows=self.windows[kept],
            classes=self.classes[kept],
            takes=self.takes[kept],
        )

    def codes(self, answers: list[str]) -> Codes:
        """Classes of answers; `NO_CLASS` for what the wearer does not do."""
        return np.array([self.meanings.get(answer, NO_CLASS) for answer in answers], np.int64)


Answer = Callable[[Asked], Codes]
"""What was learnt: the class of each window ``[m]``."""
Contestant = Callable[[Lesson], Answer]


def lesson_of(course: Course) -> Lesson:
    """All that a course has for learning, in the words of harpi.

    A wearer of harpi calls walking what the base calls walking. Labels of a set therefore go
    by the base's name for them, where there is one and no other label has the same.
    """
    data_set = CATALOGUE[course.person.partition("/")[0]]
    meant = [data_set.core.get(name) for name in course.names]
    labels = [
        core if core is not None and meant.count(core) == 1 else name
        for name, core in zip(course.names, meant, strict=True)
    ]
    meanings = {label: c for c, label in enumerate(labels)}
    for c, name in enumerate(course.names):
        for one in data_set.either.get(name, ()):
            meanings.setdefault(one, c)
    sizes = [len(part) for part in course.learnt]
    return Lesson(
        labels=tuple(labels),
        meanings=meanings,
        windows=np.concatenate(course.learnt),
        classes=np.repeat(np.arange(len(sizes)), sizes),
        takes=np.concatenate(course.stretches),
    )


def thinned(course: Course, most: int = MOST_ASKED) -> Course:
    """Ask at most so many windows of each class, evenly spread."""
    kept = []
    for c in range(len(course.names)):
        rows = np.flatnonzero(course.truth == c)
        places = np.linspace(0, len(rows) - 1, min(most, len(rows)))
        kept.append(rows[np.round(places).astype(np.int64)])
    chosen = np.concatenate(kept)
    return replace(course, asked=course.asked[chosen], truth=course.truth[chosen])
