"""Teach a base's own classifier on features that stay as they are.

The features are learnt from sets in which people wear the sensor through many activities. Sets
that came later have other places and sensors, and few activities. Where the whole network
learns from them it tells sitting, standing and lying apart less well, at every place; the
features know walking at an ankle already, and only the classifier takes it for stairs. So the
classifier alone learns from the later sets, and from virtual walkers. What a wearer's head
learnt on does not move.

It is multinomial logistic regression (softmax of one layer), a convex problem: the same windows
give the same classifier, wherever the search for it begins.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from harpi.types import FloatArray
from harpi_models.augmentation import Augmentation
from harpi_models.datasets.catalogue import CORE
from harpi_models.datasets.layout import LENGTH
from harpi_models.datasets.motion_capture import VirtualWalkers
from harpi_models.errors import DataRefused
from harpi_models.examples import Examples
from harpi_models.mixture import AS_RECORDED, POSTURES, WALKING
from harpi_models.protocol import Embed

BATCH: Final = 2048
LEAST: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Teaching:
    """How a classifier is taught.

    Attributes:
        windows: drawn from the sets that the features were learnt from; half as many from the
            later ones, and a fifth as many of virtual walkers.
        later: share of the loss that the later sets have. Of them only activities count:
            sitting, standing and lying look alike at many places.
        virtual: share of the loss that virtual walkers have.
        stairs: in the later sets, on each part of the body, stairs are drawn as often as
            walking, raised by so much at most.
        smoothing: of the labels.
        l2: penalty on the weights of standardised features.
        steps: of the search, at most.
        seed: of what is drawn.
    """

    windows: int = 60_000
    later: float = 0.12
    virtual: float = 0.05
    stairs: float = 3.0
    smoothing: float = 0.05
    l2: float = 1e-3
    steps: int = 150
    seed: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What a classifier learns from.

    Attributes:
        features: float32 ``[n, F]``.
        may: float32 ``[n, 9]``, 1 for each of `CORE` that the window may be.
        weight: ``[n]``, share of the loss; their sum is 1.
    """

    features: FloatArray
    may: FloatArray
    weight: FloatArray


def is_later(examples: Examples) -> NDArray[np.bool_]:
    """Which windows are of sets that the features are not learnt from, ``[n]``."""
    return np.array([s.later for s in examples.data_sets], bool)[examples.data_set]


def teach(
    examples: Examples,
    embed: Embed,
    teaching: Teaching,
    augmentation: Augmentation,
    walkers: VirtualWalkers | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Teach a classifier.

    Args:
        examples: windows of at least `LENGTH` samples; longer ones leave room to warp time.
        embed: gives the features.
        teaching: how.
        augmentation: what is done to every window.
        walkers: make virtual windows, as long as those of the examples; None for none.

    Returns:
        Kernel ``[F, 9]`` and bias ``[9]``: softmax(features @ kernel + bias).

    Raises:
        DataRefused: no window has a core label.
    """
    return fit(lesson(examples, embed, teaching, augmentation, walkers), teaching)


def lesson(
    examples: Examples,
    embed: Embed,
    teaching: Teaching,
    augmentation: Augmentation,
    walkers: VirtualWalkers | None = None,
) -> Lesson:
    """Draw windows and compute their features; see `teach`."""
    rng = np.random.default_rng(teaching.seed)
    known, later = examples.core.any(axis=1), is_later(examples)
    posture = examples.core[:, POSTURES].any(axis=1)
    share = 1 - teaching.later - teaching.virtual
    parts = [
        (examples.where(known & ~later), AS_RECORDED, teaching.windows, share),
        (
            examples.where(known & later & ~posture),
            replace(AS_RECORDED, stairs=teaching.stairs),
            teaching.windows // 2,
            teaching.later,
        ),
    ]
    features, may, weight = [], [], []
    for mine, mixture, count, part in parts:
        if len(mine):
            drawn = rng.choice(len(mine), count, p=mixture.chances(mine))
            features.append(_features(mine.values, drawn, embed, augmentation, rng))
            may.append(mine.core[drawn])
            weight.append(np.full(count, part / count))
    if not features:
        raise DataRefused("no window has a label of the base's own", where="train")
    count = teaching.windows // 5
    if walkers is not None and count:
        made = walkers.draw(count, rng)
        features.append(_features(made, np.arange(count), embed, augmentation, rng))
        may.append(np.tile(np.arange(len(CORE)) == WALKING, (count, 1)))
        weight.append(np.full(count, teaching.virtual / count))
    together = np.concatenate(weight)
    return Lesson(
        np.concatenate(features),
        np.concatenate(may).astype(np.float32),
        np.asarray(together / together.sum(), np.float32),
    )


def fit(learnt: Lesson, teaching: Teaching) -> tuple[FloatArray, FloatArray]:
    """Find kernel ``[F, 9]`` and bias ``[9]`` (L-BFGS, from zero)."""
    mean = learnt.features.mean(axis=0)
    spread = learnt.features.std(axis=0) + 1e-3
    points = (learnt.features - mean) / spread
    classes = learnt.may.shape[1]
    shape = (points.shape[1], classes)
    smooth, weight = teaching.smoothing, learnt.weight[:, None]

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        kernel = flat[:-classes].reshape(shape).astype(np.float32)
        logits = points @ kernel + flat[-classes:].astype(np.float32)
        logits -= logits.max(axis=1, keepdims=True)
        found = np.exp(logits)
        found /= found.sum(axis=1, keepdims=True)
        # A label such as "stairs" is answered by either direction.
        right = (found * learnt.may).sum(axis=1, keepdims=True) + LEAST
        wanted = (1 - smooth) * found * learnt.may / right + smooth / classes
        mean_log = np.log(found + LEAST).mean(axis=1, keepdims=True)
        value = -(weight * ((1 - smooth) * np.log(right) + smooth * mean_log)).sum()
        value += teaching.l2 * (kernel**2).sum()
        wrong = weight * (found - wanted)
        slope = points.T @ wrong + 2 * teaching.l2 * kernel
        return float(value), np.concatenate([slope.ravel(), wrong.sum(axis=0)]).astype(float)

    start = np.zeros(shape[0] * classes + classes)
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", options={"maxiter": teaching.steps}
    ).x
    kernel = found[:-classes].reshape(shape) / spread[:, None]
    bias = found[-classes:] - mean @ kernel
    return np.asarray(kernel, np.float32), np.asarray(bias, np.float32)


def _features(
    values: FloatArray,
    drawn: NDArray[np.int64],
    embed: Embed,
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> FloatArray:
    return np.concatenate(
        [
            embed(augmentation(values[drawn[i : i + BATCH]], LENGTH, rng))
            for i in range(0, len(drawn), BATCH)
        ]
    )
