"""All sets together, as what the network is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harpi.types import FloatArray
from harpi_models.datasets.catalogue import CORE, DataSet
from harpi_models.datasets.layout import Windows, read_windows


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Windows of several sets under common labels.

    Attributes:
        values: float32 ``[n, T, 6]``.
        core: bool ``[n, 9]``: which of `CORE` the window may be; none where its set's label
            means nothing there.
        own: int ``[n]``: the set's own label, counted through all sets.
        data_set: int ``[n]``: which set.
        person: int ``[n]``: which person, counted through all sets.
        position: int ``[n]``: which place, counted through all sets.
        places: their names, ``set/position``.
        people: their names, ``set/subject``.
        own_labels: names of the sets' own labels, ``set/label``.
        data_sets: the sets.
        run: int ``[n]``: which stretch of one label.
    """

    values: FloatArray
    core: NDArray[np.bool_]
    own: NDArray[np.int64]
    data_set: NDArray[np.int64]
    person: NDArray[np.int64]
    position: NDArray[np.int64]
    places: tuple[str, ...]
    people: tuple[str, ...]
    own_labels: tuple[str, ...]
    data_sets: tuple[DataSet, ...]
    run: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.values)

    def where(self, mask: NDArray[np.bool_] | NDArray[np.int64]) -> Examples:
        """Only some of the windows."""
        return Examples(
            self.values[mask],
            self.core[mask],
            self.own[mask],
            self.data_set[mask],
            self.person[mask],
            self.position[mask],
            self.places,
            self.people,
            self.own_labels,
            self.data_sets,
            self.run[mask],
        )

    @property
    def sure(self) -> NDArray[np.bool_]:
        """Windows that are exactly one of `CORE`."""
        sure: NDArray[np.bool_] = self.core.sum(axis=1) == 1
        return sure

    def own_of(self) -> NDArray[np.bool_]:
        """Which of `own_labels` each set has, ``[sets, labels]``."""
        owners = np.array([label.partition("/")[0] for label in self.own_labels])
        table: NDArray[np.bool_] = np.array([d.name == owners for d in self.data_sets])
        return table


def read_examples(
    folder: Path, data_sets: Sequence[DataSet], *, hop: int, length: int
) -> Examples:
    """Read sets and put them under the common labels; people who never train stay out.

    Raises:
        DataRefused: a set is missing or damaged.
    """
    return combine(
        [read_windows(folder, data_set, hop=hop, length=length) for data_set in data_sets]
    )


def combine(sets: Sequence[Windows]) -> Examples:
    """Windows of several sets under the common labels."""
    kept = [w.where(~np.isin(w.subject, list(w.data_set.never))) for w in sets]
    people = [f"{w.data_set.name}/{s}" for w in kept for s in np.unique(w.subject)]
    places = [f"{w.data_set.name}/{p}" for w in kept for p in w.positions]
    own = [f"{w.data_set.name}/{label}" for w in kept for label in w.labels]
    runs = np.cumsum([0, *(int(w.run.max()) + 1 for w in kept)])
    return Examples(
        values=np.concatenate([w.values for w in kept]),
        core=np.concatenate([core_table(w.data_set, w.labels)[w.label] for w in kept]),
        own=np.concatenate([_found(w, w.names(), own) for w in kept]),
        data_set=np.concatenate([np.full(len(w), i) for i, w in enumerate(kept)]),
        person=np.concatenate([_found(w, w.subject.astype(str), people) for w in kept]),
        position=np.concatenate([_found(w, w.position_names(), places) for w in kept]),
        places=tuple(places),
        people=tuple(people),
        own_labels=tuple(own),
        data_sets=tuple(w.data_set for w in kept),
        run=np.concatenate([w.run + first for w, first in zip(kept, runs, strict=False)]),
    )


def balance(examples: Examples) -> NDArray[np.float64]:
    """Chance of each window to be drawn.

    A set counts by the square root of its places times its own labels; within a set every
    place, label and person counts the same, however long it was recorded.
    """
    chances = np.zeros(len(examples))
    for i in range(len(examples.data_sets)):
        mine = np.flatnonzero(examples.data_set == i)
        if len(mine) == 0:
            continue
        cells = np.stack([examples.position[mine], examples.own[mine], examples.person[mine]])
        _, cell, sizes = np.unique(cells, axis=1, return_inverse=True, return_counts=True)
        groups = len(np.unique(cells[:2], axis=1).T)
        share = 1.0 / sizes[np.ravel(cell)]
        chances[mine] = np.sqrt(groups) * share / share.sum()
    return np.asarray(chances / chances.sum())


def core_table(data_set: DataSet, labels: Sequence[str]) -> NDArray[np.bool_]:
    """Which of `CORE` each of a set's labels may be, ``[labels, 9]``."""
    table = np.zeros((len(labels), len(CORE)), bool)
    for i, label in enumerate(labels):
        meant = (data_set.core[label],) if label in data_set.core else ()
        for name in (*meant, *data_set.either.get(label, ())):
            table[i, CORE.index(name)] = True
    return table


def _found(windows: Windows, names: NDArray[np.str_], among: list[str]) -> NDArray[np.int64]:
    """Index of ``set/name`` in a list, for each window."""
    unique, inverse = np.unique(names, return_inverse=True)
    where = np.array([among.index(f"{windows.data_set.name}/{name}") for name in unique])
    return where[inverse]
