"""What the study measures, and how thoroughly."""

from __future__ import annotations

from dataclasses import dataclass

from harpi_models.folds import FOLDS, PEOPLE_RUNS, PLACE_RUNS, Run
from harpi_models.protocol import TEST_AFTER, Condition

SHIPPED = Run("shipped", None)
"""The base that ships; nobody of the set with new classes was in its training."""

SEVERAL_PLACES = ("_leg", "_arm", "torso")
"""Places of a set whose people wear others, too: a base for each fold of the people."""
ONLY_PLACES = ("wrist_watch", "front_pocket", "waist_phone")
"""Places of sets whose people wear no other: without the place, the people are out as well."""


def place_runs() -> tuple[Run, ...]:
    """Bases that saw neither the person nor the place, those of the model card first."""
    known = {(run.fold, run.without) for run in PLACE_RUNS}
    several = [
        Run(f"no {place.strip('_')}, fold {fold}", fold, place)
        for place in SEVERAL_PLACES
        for fold in range(FOLDS)
        if (fold, place) not in known
    ]
    return (*PLACE_RUNS, *(Run(f"no {place}", None, place) for place in ONLY_PLACES), *several)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of the study is done.

    Attributes:
        people: bases for people held out.
        places: bases for people and their place held out.
        counts: windows of each class that are learnt.
        new_counts: the same of classes that no base has seen.
        new_after: windows of each of those that are kept for learning.
        turns: degrees by which the strap is turned after learning.
        most_people: of each set and base; None for all.
        epochs: of the training of a base; None for the recipe's own.
        epoch_windows: drawn in each; None likewise.
        seed: of everything random.
    """

    people: tuple[Run, ...] = PEOPLE_RUNS
    places: tuple[Run, ...] = place_runs()
    counts: tuple[int, ...] = (1, 3, 5, 10, 20)
    new_counts: tuple[int, ...] = (1, 3, 5)
    new_after: int = 6
    turns: tuple[float, ...] = (0.0, 20.0, 45.0, 90.0)
    most_people: int | None = None
    epochs: int | None = None
    epoch_windows: int | None = None
    seed: int = 1

    def conditions(self, *, new: bool = False) -> tuple[Condition, ...]:
        """Under which a person is asked."""
        counts = self.new_counts if new else self.counts
        return tuple(Condition(n, turned=turn) for n in counts for turn in self.turns)

    def learnable(self, *, new: bool = False) -> int:
        """Windows of each class that come before what is asked."""
        return self.new_after if new else TEST_AFTER


FULL = Plan()
QUICK = Plan(
    people=PEOPLE_RUNS[:1],
    places=PLACE_RUNS[:1],
    most_people=3,
    epochs=6,
    epoch_windows=40_000,
)
