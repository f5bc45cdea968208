"""Which stretches of a recording are learnt and which are tested: never the same one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from harpi.evaluation.trial import Trial
from harpi.types import Samples

GAP_SECONDS: Final = 10.0
"""Signal between the learnt and the tested stretches of a label in one recording."""


@dataclass(frozen=True, slots=True)
class Split:
    """Stretches to learn and stretches to test.

    Attributes:
        learn: the first ones of each label.
        test: later ones; those within the gap are in neither.
        single: labels that have one stretch only, which is tested and therefore not learnt.
    """

    learn: tuple[Trial, ...]
    test: tuple[Trial, ...]
    single: tuple[str, ...]


def split(trials: Sequence[Trial], seconds: float | None = None) -> Split:
    """Divide the stretches of one wearer by time, label by label.

    Whole stretches go to either side: windows of one stretch resemble each other, and a model
    that learnt half of them has seen the answer to the others. The last stretch of a label is
    always tested.

    Args:
        trials: in the order of time.
        seconds: how much of each label is learnt, if so much is there; where a stretch is
            longer, its rest is in neither. None for the first half of the stretches.
    """
    learn: list[Trial] = []
    test: list[Trial] = []
    single: list[str] = []
    for label in dict.fromkeys(trial.label for trial in trials):
        own = [trial for trial in trials if trial.label == label]
        learnt = own[: len(own) // 2] if seconds is None else _first(own[:-1], seconds)
        if not learnt:
            single.append(label)
        learn += learnt
        test += [trial for trial in own[len(learnt) :] if _apart(trial, learnt)]
    order = {id(trial): place for place, trial in enumerate(trials)}
    test.sort(key=lambda trial: order[id(trial)])
    return Split(tuple(learn), tuple(test), tuple(single))


def _first(trials: Sequence[Trial], seconds: float) -> list[Trial]:
    """Take stretches, and of the last one a part, until there are so many seconds."""
    taken = []
    for trial in trials:
        if seconds < 1 / trial.rate:
            break
        taken.append(trial if trial.seconds <= seconds else _beginning(trial, seconds))
        seconds -= trial.seconds
    return taken


def _beginning(trial: Trial, seconds: float) -> Trial:
    left = round(seconds * trial.rate)
    runs = []
    for run in trial.runs:
        if left > 0:
            runs.append(Samples(run.values[:left], run.times[:left], gap=run.gap))
        left -= len(run)
    return replace(trial, runs=tuple(runs))


def _apart(trial: Trial, learnt: Sequence[Trial]) -> bool:
    return not learnt or (
        trial.source != learnt[-1].source or trial.begin - learnt[-1].end >= GAP_SECONDS
    )
