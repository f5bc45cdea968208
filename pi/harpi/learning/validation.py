"""Held-out windows: which are kept from a head while it learns, and how well it judges them.

Neighbouring windows of a take are nearly the same, so whole takes are held out, never single
windows. A label with one take only is split into blocks of time with a gap between what is
learnt and what is judged; that flatters a head, because the strap is the same, and every
report says which of the two was done.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from harpi.learning.closed_form import Indices
from harpi.types import FloatArray

Basis = Literal["takes", "blocks", "none"]

FOLDS: Final = 4
"""Parts into which takes are dealt; each is judged once by a head that learnt the others."""


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """One division of the windows.

    Attributes:
        learn: rows that the head may learn.
        judge: rows that it is then judged on; none is within a gap of a learnt one.
    """

    learn: Indices
    judge: Indices


@dataclass(frozen=True, slots=True, eq=False)
class Division:
    """All folds of a set of windows; each window is judged in one fold at most.

    Attributes:
        folds: the divisions, every label is learnt in each of them.
        basis: how each class was divided: by whole takes, by blocks of its only take, or
            not at all, because it is too short to be divided.
    """

    folds: tuple[Fold, ...]
    basis: tuple[Basis, ...]

    @property
    def whole_takes(self) -> bool:
        """Whether every class is judged on takes that were not learnt."""
        return all(basis == "takes" for basis in self.basis)


def divide(targets: Indices, takes: Indices, *, gap: int, folds: int = FOLDS) -> Division:
    """Divide windows into folds, by take where a class has more than one.

    Args:
        targets: ``[n]`` class of each window, ``0 .. C - 1``.
        takes: ``[n]`` number of the take that each window is from; the windows of one take
            stand together, in the order of time.
        gap: windows between a learnt and a judged window of the same take.
        folds: at most so many.

    Returns:
        The division; its folds are empty where no class can be divided.
    """
    # Row i is judged in fold `turn[i]` (-1: never); it is not learnt in the folds of `near`.
    turn = np.full(len(targets), -1)
    near = np.zeros((folds, len(targets)), bool)
    basis: list[Basis] = []
    for label in range(int(targets.max(initial=-1)) + 1):
        rows = np.flatnonzero(targets == label)
        own = list(dict.fromkeys(takes[rows].tolist()))
        if len(own) > 1:
            for order, take in enumerate(own):
                members = rows[takes[rows] == take]
                turn[members] = order % folds
                near[order % folds, members] = True
            basis.append("takes")
            continue
        blocks = min(folds, len(rows))
        while blocks > 1 and _smallest_rest(len(rows), blocks, gap) < 1:
            blocks -= 1
        if blocks < 2:
            basis.append("none")
            continue
        for order, block in enumerate(np.array_split(np.arange(len(rows)), blocks)):
            turn[rows[block]] = order
            span = slice(max(0, int(block[0]) - gap), int(block[-1]) + gap + 1)
            near[order, rows[span]] = True
        basis.append("blocks")
    divided = tuple(
        Fold(learn=np.flatnonzero(~near[fold]), judge=np.flatnonzero(turn == fold))
        for fold in range(folds)
        if np.any(turn == fold)
    )
    return Division(divided, tuple(basis))


def _smallest_rest(windows: int, blocks: int, gap: int) -> int:
    """Count what is left to learn of a take when its worst placed block is judged."""
    rests = []
    for block in np.array_split(np.arange(windows), blocks):
        begin, end = max(0, int(block[0]) - gap), min(windows, int(block[-1]) + gap + 1)
        rests.append(windows - (end - begin))
    return min(rests)


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """What heads say of windows that they did not learn.

    Attributes:
        targets: ``[n]``, the class that the wearer said.
        takes: ``[n]``, number of the take of each window.
        logits: float32 ``[n, C]``.
    """

    targets: Indices
    takes: Indices
    logits: FloatArray

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def right(self) -> NDArray[np.bool_]:
        """For each window whether its most probable class is the wearer's."""
        return np.asarray(self.logits.argmax(axis=1) == self.targets)

    @property
    def accuracy(self) -> float:
        """Mean over the judged classes of the share of their windows that are right."""
        return balanced_mean(self.right, self.targets)

    @property
    def loss(self) -> float:
        """Mean over the judged classes of the log loss of their windows."""
        shifted = self.logits - self.logits.max(axis=1, keepdims=True)
        spread = np.log(np.exp(shifted).sum(axis=1))
        losses = spread - shifted[np.arange(len(self)), self.targets]
        return balanced_mean(losses, self.targets)

    @property
    def confusion(self) -> Indices:
        """Counts ``[C, C]``: rows what the wearer said, columns what the head said."""
        counts = np.zeros((self.logits.shape[1],) * 2, np.int64)
        np.add.at(counts, (self.targets, self.logits.argmax(axis=1)), 1)
        return counts

    @classmethod
    def gathered(cls, parts: Iterable[HeldOut]) -> HeldOut:
        """Join what was said in several folds."""
        parts = list(parts)
        return cls(
            np.concatenate([part.targets for part in parts]),
            np.concatenate([part.takes for part in parts]),
            np.concatenate([part.logits for part in parts]),
        )

    def by_take(self) -> dict[int, float]:
        """Give for each judged take the share of its windows that are right."""
        return {
            int(take): float(self.right[self.takes == take].mean())
            for take in np.unique(self.takes)
        }


def balanced_mean(values: NDArray[Any], targets: Indices) -> float:
    """Give the mean over the classes of the mean of their values; 0 for no values."""
    means = [values[targets == label].mean() for label in np.unique(targets)]
    return float(np.mean(means)) if means else 0.0
