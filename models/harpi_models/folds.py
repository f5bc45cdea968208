"""Which people are held out of what; fixed, so that figures can be compared.

The people of each set are dealt into three folds in the order of their numbers. A base for a
fold never saw anything of its people. Two more bases never saw a leg, or an arm, and none of
the people of the first fold: what a position is like that no training person wore.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harpi_models.examples import Examples

FOLDS = 3


@dataclass(frozen=True, slots=True)
class Run:
    """One training and the people and places that it is judged on.

    Attributes:
        name: of the run.
        fold: people held out; None for nobody.
        without: places held out, by the end of their name; empty for none.
    """

    name: str
    fold: int | None
    without: str = ""

    def trained_on(self, examples: Examples) -> NDArray[np.bool_]:
        """Windows that the base learns from."""
        kept = np.ones(len(examples), bool)
        if self.fold is not None:
            kept &= fold_of(examples) != self.fold
        if self.without:
            kept &= ~self._left_out(examples)
        return kept

    def judged_on(self, examples: Examples) -> NDArray[np.bool_]:
        """Windows of strangers; only of the places left out where there are any."""
        kept = np.ones(len(examples), bool)
        if self.fold is not None:
            kept &= fold_of(examples) == self.fold
        return kept & self._left_out(examples) if self.without else kept

    def _left_out(self, examples: Examples) -> NDArray[np.bool_]:
        ends = [place.endswith(self.without) for place in examples.places]
        return np.array(ends, bool)[examples.position]


ALL = Run("all", None)
PEOPLE_RUNS = tuple(Run(f"fold {i}", i) for i in range(FOLDS))
PLACE_RUNS = (Run("no leg", 0, "_leg"), Run("no arm", 0, "_arm"))


def fold_of(examples: Examples) -> NDArray[np.int64]:
    """Fold of the person of each window."""
    seen: dict[str, int] = {}
    fold = []
    for person in examples.people:
        data_set = person.partition("/")[0]
        fold.append(seen.get(data_set, 0) % FOLDS)
        seen[data_set] = seen.get(data_set, 0) + 1
    return np.array(fold, np.int64)[examples.person]
