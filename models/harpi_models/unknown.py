"""From which confidence on the generic model's answer counts, measured across data sets.

Below it a window is said to be unknown. On people of sets that were learnt from a base is right
where it is sure; on a set that it never saw it is often sure of nonsense. So the limit is found
on sets left out, and on strangers of sets that were learnt from what it costs.

The largest probability decides. Entropy, and the lead over the second, were tried in its place:
at a given share of unknown windows they find as many wrong ones, within .02. A limit for each
label finds .04 more on the sets that it was found on, and asks for .97 before stairs are
believed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.types import FloatArray
from harpi_models.examples import Examples

WRONG_AND_SURE: Final = 0.05
"""Share of the windows of a set left out that may be answered wrongly and not said unknown."""
FALSE_UNKNOWN: Final = 0.08
"""Share of the right answers to strangers, of sets that were learnt from, that may be lost for
that; it decides where both cannot be had."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What a base says of strangers.

    Attributes:
        examples: windows with a core label.
        probabilities: float32 ``[n, 9]``.
    """

    examples: Examples
    probabilities: FloatArray

    @property
    def confidence(self) -> FloatArray:
        """Probability of the answer, ``[n]``."""
        largest: FloatArray = self.probabilities.max(axis=1)
        return largest

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether the answer is what the window may be, ``[n]``."""
        rows = np.arange(len(self.examples))
        return np.asarray(self.examples.core[rows, self.probabilities.argmax(axis=1)])

    @property
    def weight(self) -> NDArray[np.float64]:
        """Every place the same, and every person at a place; the sum is 1, ``[n]``."""
        return even(self.examples.position, self.examples.person)


@dataclass(frozen=True, slots=True)
class UnknownLimit:
    """The confidence under which an answer is *unknown*, and what it brings.

    Attributes:
        below: the confidence.
        foreign_wrong: share of windows of sets left out that are wrong and sure.
        foreign_unknown: share of them said to be unknown.
        lost: share of the right answers to strangers of known sets that become unknown.
    """

    below: float
    foreign_wrong: float
    foreign_unknown: float
    lost: float


def even(places: NDArray[np.int64], people: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weights of windows by which places count alike, and people at each."""
    cells, which, sizes = np.unique(
        np.stack([places, people]), axis=1, return_inverse=True, return_counts=True
    )
    at_place = np.array([np.sum(cells[0] == place) for place in cells[0]])
    weight = (1.0 / (sizes * at_place))[np.ravel(which)]
    return np.asarray(weight / weight.sum())


def calibrate(familiar: Sequence[Outcomes], foreign: Sequence[Outcomes]) -> UnknownLimit | None:
    """Find the limit.

    Args:
        familiar: of strangers of sets that were learnt from, by base.
        foreign: of sets left out, each by the base that never saw it.

    Returns:
        The limit; None where there is nothing to find it on.
    """
    if not familiar or not any(found.right.any() for found in familiar):
        return None
    confidence = np.concatenate([found.confidence[found.right] for found in familiar])
    kept = np.concatenate([found.weight[found.right] for found in familiar])
    most = _quantile(confidence, kept / kept.sum(), FALSE_UNKNOWN)
    below = most
    if foreign:
        wrong = np.concatenate([found.confidence[~found.right] for found in foreign])
        share = np.concatenate([found.weight[~found.right] for found in foreign]) / len(foreign)
        allowed = 1 - WRONG_AND_SURE / share.sum() if share.sum() > WRONG_AND_SURE else 0.0
        below = min(most, _quantile(wrong, share / share.sum(), allowed) if len(wrong) else 0.0)
    below = round(below, 3)
    return UnknownLimit(
        below,
        _mean(foreign, lambda found: ~found.right & (found.confidence >= below)),
        _mean(foreign, lambda found: found.confidence < below),
        float(kept[confidence < below].sum() / kept.sum()),
    )


Which = Callable[[Outcomes], NDArray[np.bool_]]


def _mean(several: Sequence[Outcomes], which: Which) -> float:
    shares = [float(found.weight[which(found)].sum()) for found in several]
    return float(np.mean(shares)) if shares else 0.0


def _quantile(values: FloatArray, weight: NDArray[np.float64], share: float) -> float:
    """The least value with at least `share` of the weight at or below it; 0 for no share."""
    if share <= 0:
        return 0.0
    order = np.argsort(values)
    reached = np.searchsorted(np.cumsum(weight[order]), share)
    return float(values[order][min(int(reached), len(values) - 1)])
