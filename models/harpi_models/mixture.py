"""How often each window is drawn, so that no place, person, set or class drowns the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi_models.datasets.catalogue import CORE, body_part
from harpi_models.examples import Examples, balance

WALKING: Final = CORE.index("walking")
STAIRS: Final = [CORE.index(name) for name in ("stairs_up", "stairs_down")]
POSTURES: Final = [CORE.index(name) for name in ("sitting", "standing", "lying")]


@dataclass(frozen=True, slots=True)
class Mixture:
    """What is drawn more often than `examples.balance` would.

    Attributes:
        stairs: on each part of the body, stairs are drawn as often as walking, raised by so
            much at most; 1 leaves them.
        postures: share of the windows with a core label that sit, stand or lie, at least, a
            third of it for each of the three; raised by `MOST` at most.
        virtual: windows of virtual walkers, as a share of the real ones on stairs; 0 for none.
        virtual_weight: of a virtual window, beside a real one's 1.
    """

    stairs: float = 3.0
    postures: float = 0.36
    virtual: float = 0.6
    virtual_weight: float = 0.5

    def chances(self, examples: Examples) -> NDArray[np.float64]:
        """Chance of each window to be drawn."""
        chances = balance(examples)
        stairs = only(examples, STAIRS)
        walking = only(examples, [WALKING])
        part = np.array([body_part(place) for place in examples.places])[examples.position]
        for name in np.unique(part):
            here = part == name
            up_and_down, level = chances[here & stairs].sum(), chances[here & walking].sum()
            if up_and_down > 0:
                raised = float(np.clip(level / up_and_down, 1.0, self.stairs))
                chances[here & stairs] *= raised
        known = examples.core.any(axis=1)
        moving = chances[known & ~only(examples, POSTURES)].sum()
        wanted = self.postures / (1 - self.postures) * moving / len(POSTURES)
        for posture in POSTURES:
            held = only(examples, [posture])
            if held.any():
                chances[held] *= float(np.clip(wanted / chances[held].sum(), 1.0, MOST))
        return np.asarray(chances / chances.sum())

    def virtual_share(self, examples: Examples, chances: NDArray[np.float64]) -> float:
        """Share of all windows that virtual walkers make."""
        virtual = self.virtual * float(chances[only(examples, STAIRS)].sum())
        return virtual / (1 + virtual)


AS_RECORDED: Final = Mixture(stairs=1.0, postures=0.0, virtual=0.0)
"""Every set, place, label and person the same, and nothing virtual."""
MOST: Final = 2.0
"""By which postures are raised at most."""


def only(examples: Examples, classes: list[int]) -> NDArray[np.bool_]:
    """Windows that are one of some of the core's classes, and nothing else."""
    others = np.ones(len(CORE), bool)
    others[classes] = False
    mine = examples.core[:, classes].any(axis=1) & ~examples.core[:, others].any(axis=1)
    return np.asarray(mine)
