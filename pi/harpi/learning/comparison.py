"""Is a new head at least as good as the old one, on takes that neither had learnt?

A head is judged on a take either directly, if it never learnt it, or by what was noted when
the take was held out from it. Takes of which neither is known, or which were held out whole
from one head and in blocks from the other, are left out: they would flatter one of the two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from harpi.learning.closed_form import Indices
from harpi.learning.material import Material
from harpi.learning.validation import Division, HeldOut, balanced_mean
from harpi.recognition.head_file import Head, LearntTake
from harpi.types import FloatArray

CHANCE: Final = 0.01
"""A difference up to here is none. Measured over 164 trainings with take after take (arms,
legs, wrists; 6 activities): of the heads that are refused without this allowance, one in
six, most would have been better on later signal, by .02 on average; with it, all of the one
in fifty that are refused."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two heads did on the same takes.

    Attributes:
        takes: how many takes both could be judged on.
        old: mean over the labels of the share of windows that the old head judged right.
        new: the same of the new head.
    """

    takes: int
    old: float
    new: float

    @property
    def keeps_up(self) -> bool:
        """Whether the new head is as good; so it is where nothing compares."""
        return self.takes == 0 or self.new >= self.old - CHANCE


def notes(
    material: Material, division: Division, held_out: HeldOut | None
) -> tuple[LearntTake, ...]:
    """Note for each take how well it was judged while it was held out."""
    shares = {} if held_out is None else held_out.by_take()
    return tuple(
        LearntTake(
            number=take.id,
            label=take.label,
            right=shares.get(index),
            whole=division.basis[material.labels.index(take.label)] == "takes",
        )
        for index, take in enumerate(material.takes)
    )


def compare(
    material: Material,
    new: tuple[LearntTake, ...],
    old: Head,
    judge: Callable[[Head, FloatArray], FloatArray],
) -> Comparison:
    """Compare a new head with the old one.

    Args:
        material: what the new head learnt.
        new: what was noted of it, in the order of the material's takes.
        old: the head in use.
        judge: gives a head's probabilities ``[n, C]`` for features ``[n, F]``.
    """
    learnt = {(take.number, take.label): take for take in old.takes}
    names = np.array(old.labels)
    rows: list[Indices] = []
    ours: list[float] = []
    theirs: list[float] = []
    for index, note in enumerate(new):
        if note.right is None:
            continue
        members = np.flatnonzero(material.sources == index)
        known = learnt.get((note.number, note.label))
        if known is None:
            answers = names[judge(old, material.features[members]).argmax(axis=1)]
            share = float(np.mean(answers == note.label))
        elif known.right is None or known.whole != note.whole:
            continue
        else:
            share = known.right
        rows.append(members)
        ours += [note.right] * len(members)
        theirs += [share] * len(members)
    targets = material.targets[np.concatenate([np.empty(0, np.int64), *rows])]
    return Comparison(
        len(rows),
        old=balanced_mean(np.array(theirs), targets),
        new=balanced_mean(np.array(ours), targets),
    )
