"""People who teach some windows of each activity and are asked later ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harpi.recording import Recording, read_each
from harpi.signal.windows import windows_of
from harpi.types import FloatArray
from tests.labs.benchmarks.effort import Effort
from tests.support.device import recording_path

RATE, LENGTH = 25.0, 64
LEARNT = 10
"""Windows of each activity that are taught: 26 s."""
BETWEEN = 4
"""Windows between them and those that are asked."""
ASKED = 20
PEOPLE = 8
"""Most wearers of one recording."""


@dataclass(frozen=True)
class Wearer:
    """What one person taught and is asked, at one place on the body.

    Attributes:
        learnt, asked: ``[n, T, 6]``.
        learnt_classes, asked_classes: ``[n]``.
    """

    learnt: FloatArray
    learnt_classes: NDArray[np.int64]
    asked: FloatArray
    asked_classes: NDArray[np.int64]


def wearers(effort: Effort) -> dict[str, list[Wearer]]:
    """Those of the shipped recording and of what `effort` may read, by the file's name."""
    files = [recording_path()]
    files += sorted(effort.data.glob("*.npz")) if effort.data else []
    found = {}
    for file in files:
        people = [wearer for one in read_each(file) for wearer in _wearer(one)]
        chosen = np.linspace(0, len(people) - 1, min(PEOPLE, len(people))).round().astype(int)
        found[file.stem] = [people[place] for place in chosen]
    return {name: people for name, people in found.items() if people}


def shipped_wearer() -> Wearer:
    """The first person of the shipped recording."""
    return wearers(Effort())[recording_path().stem][0]


def _wearer(recording: Recording) -> Iterator[Wearer]:
    """Give the wearer, where there are two activities with enough windows."""
    windows: dict[int, list[FloatArray]] = {}
    edges = np.flatnonzero(np.diff(recording.label) | np.diff(recording.segment)) + 1
    for rows in np.split(np.arange(len(recording)), edges):
        label = int(recording.label[rows[0]])
        if label >= 0:
            cut = windows_of(
                recording.values[rows], recording.rate, rate=RATE, length=LENGTH, hop=LENGTH
            )
            windows.setdefault(label, []).append(cut)
    parts = [np.concatenate(own) for own in windows.values()]
    parts = [part for part in parts if len(part) >= LEARNT + BETWEEN + 5]
    if len(parts) < 2:
        return
    learnt = [part[:LEARNT] for part in parts]
    asked = [part[LEARNT + BETWEEN :][:ASKED] for part in parts]
    yield Wearer(
        np.concatenate(learnt), _classes(learnt), np.concatenate(asked), _classes(asked)
    )


def _classes(parts: list[FloatArray]) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(parts)), [len(part) for part in parts])
