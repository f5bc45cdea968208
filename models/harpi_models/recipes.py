"""What was tried on the way to the shipped base, so that it can be tried again.

Each entry differs from a common start in one thing, the last ones in several. They are compared
on one fixed split, in which every third person of each set is a stranger, with few epochs: the
figures rank entries, and are lower than those of the card.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from harpi_models.augmentation import Augmentation
from harpi_models.mixture import AS_RECORDED, Mixture
from harpi_models.training import Recipe

STRONG: Final = Augmentation(
    turned=0.5,
    vigour=1.2,
    gyro_gain=1.4,
    warp=1.15,
    bias=(0.03, 3.0),
    noise=(0.02, 1.5),
    clipped=0.2,
)
WEAK: Final = Augmentation(
    turned=0.5,
    vigour=1.1,
    gyro_gain=1.2,
    warp=1.05,
    bias=(0.01, 1.0),
    noise=(0.01, 0.5),
    clipped=0.05,
)
START: Final = replace(Recipe(), posture=0, augmentation=STRONG, mixture=AS_RECORDED, epochs=8)
"""The recipe of base 1.0, with few epochs; a round of the search after another starts here."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was tried, and why."""

    name: str
    why: str
    recipe: Recipe
    without: tuple[str, ...] = ()
    """Sets that it learns nothing from; it is asked about them instead."""


LATER: Final = ("umafall", "difronzo_pocket")
"""Sets that came after base 1.1."""
BRIEF: Final = replace(Recipe(), mixture=Mixture(), epochs=4, epoch_windows=50_000)
"""The whole network learns from all sets, with few epochs."""

NETWORKS: Final = (
    Entry("recipe of base 1.0", "the start, with few epochs", START),
    Entry(
        "raw channels only",
        "what most people build",
        replace(START, channels=("raw",)),
    ),
    Entry(
        "raw and invariant",
        "lengths and products hold when the strap turns",
        replace(START, channels=("raw", "invariant")),
    ),
    Entry(
        "invariant and aligned",
        "nothing that knows how the strap sits, but posture in the mean acceleration",
        replace(START, channels=("invariant", "aligned")),
    ),
    Entry(
        "never turned",
        "is turning straps in training needed beside the invariant channels?",
        replace(START, augmentation=replace(START.augmentation, turned=0.0)),
    ),
    Entry(
        "always turned",
        "does it pay to see no strap as recorded?",
        replace(START, augmentation=replace(START.augmentation, turned=1.0)),
    ),
    Entry(
        "weak augmentation",
        "bodies and sensors closer to the recorded ones",
        replace(START, augmentation=WEAK),
    ),
    Entry(
        "core labels only",
        "what do the sets' own labels teach?",
        replace(START, own_weight=0.0),
    ),
    Entry(
        "own labels first",
        "features for what a wearer teaches rather than for the core labels",
        replace(START, own_weight=2.0),
    ),
    Entry(
        "narrow",
        "a fifth of the weights",
        replace(START, widths=(16, 24, 32, 40), expansion=64),
    ),
    Entry("no expansion", "88 instead of 128 pooled channels", replace(START, expansion=0)),
    Entry(
        "posture layer",
        "the direction of gravity through a layer of its own, not only as it is",
        replace(START, posture=24),
    ),
    Entry(
        "posture layer, weak, turned less",
        "both that helped by themselves, and fewer turns; ships as base 1.1",
        replace(START, posture=24, augmentation=replace(WEAK, turned=0.3)),
    ),
    Entry(
        "posture layer, invariant and aligned",
        "the strap known to the posture layer alone",
        replace(START, channels=("invariant", "aligned"), posture=24),
    ),
    Entry(
        "posture layer, invariant and aligned, weak",
        "the same, with bodies and sensors closer to the recorded ones",
        replace(START, channels=("invariant", "aligned"), posture=32, augmentation=WEAK),
    ),
)
"""On the sets of base 1.1: the network, its augmentation, its labels."""

MIXTURES: Final = (
    Entry(
        "four sets",
        "the sets of base 1.1: what becomes of places that they lack?",
        replace(BRIEF, mixture=AS_RECORDED),
        LATER,
    ),
    Entry(
        "four sets and virtual legs",
        "does motion capture make up for the places?",
        BRIEF,
        LATER,
    ),
    Entry(
        "six sets",
        "the two that came later, as they are",
        replace(BRIEF, mixture=AS_RECORDED),
    ),
    Entry(
        "six sets, stairs raised",
        "stairs as often as walking on each part of the body",
        replace(BRIEF, mixture=replace(Mixture(), postures=0.0, virtual=0.0)),
    ),
    Entry(
        "six sets, stairs and postures raised",
        "sitting, standing and lying at the share that they had in base 1.1",
        replace(BRIEF, mixture=replace(Mixture(), virtual=0.0)),
    ),
    Entry(
        "six sets, both raised, virtual legs",
        "walkers with sensors strapped anew every few windows, at half weight",
        BRIEF,
    ),
    Entry(
        "the same, virtual legs at full weight",
        "is half weight right?",
        replace(BRIEF, mixture=replace(Mixture(), virtual_weight=1.0)),
    ),
    Entry(
        "six sets, both raised, virtual legs, three epochs",
        "may it take the place of base 1.1? no: it loses sitting, standing and lying",
        replace(Recipe(), mixture=Mixture(), epochs=3),
    ),
)
"""On all sets: how often each window is drawn."""

SEARCH: Final = (
    *(replace(entry, without=LATER) for entry in NETWORKS),
    *MIXTURES,
)
