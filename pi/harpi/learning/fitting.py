"""The ways to fit a head, each with its predictions on windows that it had not learnt.

The closed form is the better one wherever it can be had. With 10 windows a class of 86 people,
a head by gradient steps is .04 worse where the strap stays as it was, and .29 where it has been
turned by 90 degrees since. To let held-out windows choose between them only ever hurt: windows
of a take resemble each other, so a lead on them is mostly luck.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from harpi.commands import Progress
from harpi.config.schema import LearningSection
from harpi.errors import ModelError
from harpi.learning.closed_form import (
    Indices,
    Scaling,
    class_weights,
    discriminant,
    logits,
    temperature,
)
from harpi.learning.training_set import TrainingSet
from harpi.learning.validation import Division, HeldOut
from harpi.recognition.head import SIGNAL_FEATURES
from harpi.recognition.head_trainer import HeadState, HeadTrainer
from harpi.types import FloatArray

Method = Literal["closed_form", "gradient"]

BLIND_EPOCHS: Final = 40
"""Epochs where nothing can be held out to tell when to stop."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A head that learnt everything, and what its like said of held-out windows.

    Attributes:
        method: how it was fitted.
        state: the head, for features as they come.
        held_out: said by heads that were fitted alike on the other folds; None where
            nothing could be held out.
        epochs: times that the windows were gone through; 0 for the closed form.
        joined: the features of the signal join those of the base.
    """

    method: Method
    state: HeadState
    held_out: HeldOut | None
    epochs: int = 0
    joined: bool = False


def fit_closed_form(
    material: TrainingSet, division: Division, *, joined: bool, lacking: float = 0.0
) -> Fitted:
    """Fit the discriminant; only for a base whose head is one softmax layer.

    Args:
        material: what is learnt.
        division: its folds.
        joined: whether the material has the features of the signal, too.
        lacking: share of the labels that the base lacks. Where they are most of them, a head
            on the signal's features alone has a say, too: seven new exercises of ten people
            come right by .963 with it, by .917 without, with three windows of each.
    """
    alone = max(0.0, 2 * lacking - 1) / 2 if joined else 0.0

    def fitted(rows: Indices) -> tuple[FloatArray, FloatArray]:
        w0, b0 = _tempered(material, rows, slice(None))
        if alone:
            own, bias = _tempered(material, rows, slice(-SIGNAL_FEATURES, None))
            w0, b0 = (1 - alone) * w0, (1 - alone) * b0 + alone * bias
            w0[-SIGNAL_FEATURES:] += alone * own
        return w0, b0

    w0, b0 = fitted(np.arange(len(material)))
    divisor = temperature(logits(material.features, w0, b0), material.targets)
    held_out = None
    if division.folds:
        held_out = HeldOut.gathered(
            HeldOut(
                material.targets[fold.judge],
                material.sources[fold.judge],
                logits(material.features[fold.judge], *fitted(fold.learn)) / divisor,
            )
            for fold in division.folds
        )
    state = HeadState(material.labels, {"w0": w0 / divisor, "b0": b0 / divisor}, {}, 0)
    return Fitted("closed_form", state, held_out, joined=joined)


def _tempered(
    material: TrainingSet, rows: Indices, columns: slice
) -> tuple[FloatArray, FloatArray]:
    """Fit the discriminant on some features of some windows, as sure as they let it be."""
    features = np.ascontiguousarray(material.features[rows, columns])
    targets = material.targets[rows]
    turned = material.turned[rows, :, columns]
    w0, b0 = discriminant(features, targets, len(material.labels), turned)
    divisor = temperature(logits(features, w0, b0), targets)
    return w0 / divisor, b0 / divisor


def fit_gradient(
    trainer: HeadTrainer,
    material: TrainingSet,
    division: Division,
    settings: LearningSection,
    *,
    start: HeadState | None,
    on_epoch: Callable[[Progress], None],
) -> Fitted:
    """Fit by gradient steps, for as many epochs as suit held-out windows best.

    The folds are trained side by side, each from the beginning, so that no head has seen
    what it judges; after each epoch all held-out windows are judged, and when their loss
    has not fallen for `patience` epochs, the best number of epochs is known. With that
    number, everything is learnt, going on from `start`.

    Args:
        trainer: takes the steps.
        material: what is learnt.
        division: its folds.
        settings: epochs, patience, batch size, learning rate, seed.
        start: a head to go on from, for features as they come.
        on_epoch: is told how far it is after each epoch; what it raises ends the fit.

    Raises:
        ModelError: the loss is not finite any more.
    """

    def begun(rows: Indices, start: HeadState | None) -> GradientFit:
        return GradientFit(
            trainer,
            material.labels,
            material.features[rows],
            material.turned[rows],
            material.targets[rows],
            batch_size=settings.batch_size,
            learning_rate=settings.learning_rate,
            seed=settings.seed,
            start=start,
        )

    best: HeldOut | None = None
    epochs = min(BLIND_EPOCHS, settings.epochs)
    fits = [begun(fold.learn, None) for fold in division.folds]
    for epoch in range(1, settings.epochs + 1 if fits else 0):
        loss = float(np.mean([fit.epoch() for fit in fits]))
        held_out = HeldOut.gathered(
            HeldOut(
                material.targets[fold.judge],
                material.sources[fold.judge],
                fit.logits(material.features[fold.judge]),
            )
            for fit, fold in zip(fits, division.folds, strict=True)
        )
        if best is None or held_out.loss < best.loss:
            best, epochs = held_out, epoch
        on_epoch(
            Progress(epoch=epoch, epochs=settings.epochs, loss=loss, accuracy=held_out.accuracy)
        )
        if epoch - epochs >= settings.patience:
            break

    whole = begun(np.arange(len(material)), start)
    for epoch in range(1, epochs + 1):
        loss = whole.epoch()
        on_epoch(
            Progress(
                epoch=epoch,
                epochs=epochs,
                loss=loss,
                accuracy=None if best is None else best.accuracy,
            )
        )
    return Fitted("gradient", whole.result(), best, epochs)


_FIRST: Final = ("w0", "b0")

_SMALLEST: Final = 1e-12


class GradientFit:
    """One head in the making.

    It sees scaled features, which lets few windows and one learning rate go a long way; the
    scaling is then folded into the first layer, so that the head takes features as they come.

    Args:
        trainer: takes the steps; used by the caller's thread alone.
        labels: C names.
        features: float32 ``[n, F]`` to learn.
        turned: float32 ``[n, K, F]``, of turned copies; each epoch sees every window once,
            as it is or as one of its copies.
        targets: ``[n]``, label of each row; every label counts the same.
        batch_size: rows of one step.
        learning_rate: of the optimiser.
        seed: of the choice among the copies.
        start: a head to go on from, for features as they come; None to begin anew.
    """

    def __init__(
        self,
        trainer: HeadTrainer,
        labels: tuple[str, ...],
        features: FloatArray,
        turned: FloatArray,
        targets: Indices,
        *,
        batch_size: int,
        learning_rate: float,
        seed: int,
        start: HeadState | None = None,
    ) -> None:
        self._trainer = trainer
        self._targets = targets
        self._batch_size = batch_size
        self._learning_rate = learning_rate
        self._rng = np.random.default_rng(seed)
        self._weights = class_weights(targets, len(labels))
        self._scaling = Scaling.of(features, self._weights)
        self._variants = self._scaling.apply(
            np.concatenate([features[:, None], turned], axis=1)
        )
        if start is None:
            self._state = trainer.initial(labels)
        else:
            known = trainer.relabelled(start, labels)
            first = self._scaling.unfold(*(known.parameters[name] for name in _FIRST))
            self._state = _with_first(known, first)

    def epoch(self) -> float:
        """Learn every window once.

        Returns:
            Mean loss of the steps.

        Raises:
            ModelError: the loss is not finite any more.
        """
        rows = np.arange(len(self._targets))
        chosen = self._rng.integers(self._variants.shape[1], size=len(rows))
        self._state, loss = self._trainer.epoch(
            self._state,
            self._variants[rows, chosen],
            self._targets,
            self._weights,
            learning_rate=self._learning_rate,
            batch_size=self._batch_size,
        )
        if not np.isfinite(loss):
            raise ModelError(
                "training diverged",
                where="learning.learning_rate",
                remedy=f"Use less than {self._learning_rate:g}",
            )
        return loss

    def logits(self, features: FloatArray) -> FloatArray:
        """Judge features ``[n, F]``: logits ``[n, C]``, up to a constant for each row."""
        probabilities = self._trainer.probabilities(self._state, self._scaling.apply(features))
        logits: FloatArray = np.log(np.maximum(probabilities, _SMALLEST))
        return logits

    def result(self) -> HeadState:
        """Give the head as it is now, for features as they come."""
        first = self._scaling.fold(*(self._state.parameters[name] for name in _FIRST))
        return _with_first(self._state, first)


def _with_first(state: HeadState, first: tuple[FloatArray, FloatArray]) -> HeadState:
    """Replace the first layer."""
    parameters = {**state.parameters, **dict(zip(_FIRST, first, strict=True))}
    return HeadState(state.labels, parameters, state.slots, state.step)
