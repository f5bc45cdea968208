"""Which people are held out of what; fixed, so that figures can be compared.

The people of each set are dealt into three folds in the order of their numbers. A base for a
fold never saw anything of its people. One base for each set never saw the set: other people,
another sensor, other straps. Two more never saw a leg, or an arm, and none of the people of the
first fold: what a place is like that no training person wore.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harpi_models.datasets.catalogue import TRAINED_ON, body_part
from harpi_models.examples import Examples

FOLDS = 3


@dataclass(frozen=True, slots=True)
class Run:
    """One training and the people and places that it is judged on.

    Attributes:
        name: of the run.
        fold: people held out; None for nobody.
        without: places held out, by the end of their name; empty for none.
        part: part of the body held out, with all its places; empty for none.
        data_set: name of the set held out; empty for none.
    """

    name: str
    fold: int | None
    without: str = ""
    part: str = ""
    data_set: str = ""

    @property
    def virtual(self) -> bool:
        """Whether virtual walkers may be learnt from: they wear their sensors on the legs."""
        return self.part != "leg" and self.without not in ("_leg", "front_pocket")

    def trained_on(self, examples: Examples) -> NDArray[np.bool_]:
        """Windows that the base learns from."""
        kept = np.ones(len(examples), bool)
        if self.fold is not None:
            kept &= fold_of(examples) != self.fold
        return kept & ~self._left_out(examples)

    def judged_on(self, examples: Examples) -> NDArray[np.bool_]:
        """Windows of strangers; only of the places or the set left out where there are any."""
        kept = np.ones(len(examples), bool)
        if self.fold is not None:
            kept &= fold_of(examples) == self.fold
        somewhere = self.without or self.part or self.data_set
        return kept & self._left_out(examples) if somewhere else kept

    def _left_out(self, examples: Examples) -> NDArray[np.bool_]:
        places = [
            bool(self.without and place.endswith(self.without))
            or bool(self.part and body_part(place) == self.part)
            or bool(self.data_set and place.startswith(f"{self.data_set}/"))
            for place in examples.places
        ]
        return np.array(places, bool)[examples.position]


ALL = Run("all", None)
PEOPLE_RUNS = tuple(Run(f"fold {i}", i) for i in range(FOLDS))
SET_RUNS = tuple(Run(f"no {d.name}", None, data_set=d.name) for d in TRAINED_ON)
PLACE_RUNS = (Run("no leg", 0, "_leg", part="leg"), Run("no arm", 0, "_arm", part="arm"))


def fold_of(examples: Examples) -> NDArray[np.int64]:
    """Fold of the person of each window."""
    seen: dict[str, int] = {}
    fold = []
    for person in examples.people:
        data_set = person.partition("/")[0]
        fold.append(seen.get(data_set, 0) % FOLDS)
        seen[data_set] = seen.get(data_set, 0) + 1
    return np.array(fold, np.int64)[examples.person]
