"""The head that is fitted step by step, by the base file's own `train` signature.

It sees scaled features, which lets few windows and one learning rate go a long way; the
scaling is then folded into the first layer, so that the head takes features as they come.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from harpi.errors import ModelError
from harpi.learning.closed_form import Indices, Scaling, class_weights
from harpi.recognition.head_trainer import HeadState, HeadTrainer
from harpi.types import FloatArray

_FIRST: Final = ("w0", "b0")
_SMALLEST: Final = 1e-12


class GradientFit:
    """One head in the making.

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
