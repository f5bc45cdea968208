"""The inner loop of learning a head: batches through the signature `train`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harpi.recognition.interpreter import Interpreter
from harpi.recognition.model_file import CLASSES, HeadDesign, ModelFile, Tensor
from harpi.types import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class HeadState:
    """A head in the making; every step gives a new one.

    Attributes:
        labels: in the order of the head's outputs.
        parameters: float32 arrays by the names that the signatures have for them.
        slots: state of the optimiser, likewise.
        step: steps taken.
    """

    labels: tuple[str, ...]
    parameters: Mapping[str, FloatArray]
    slots: Mapping[str, FloatArray]
    step: int = 0


class HeadTrainer:
    """Trains heads on features, in the thread that calls it.

    Args:
        model: the base whose signatures do the arithmetic.
        seed: of the order of the samples and of what is dropped out.

    Raises:
        ModelError: the runtime refuses the model.
    """

    def __init__(self, model: ModelFile, seed: int = 1) -> None:
        self._design: HeadDesign = model.metadata.head
        self._features = model.metadata.features
        self._interpreter = Interpreter(model)
        self._rng = np.random.default_rng(seed)

    def initial(self, labels: tuple[str, ...]) -> HeadState:
        """Give a head that prefers no label yet."""
        classes = np.array([len(labels)], np.int32)
        values = self._interpreter.run("initialize", {"classes": classes})
        return HeadState(
            labels,
            _named(values, self._design.parameters),
            {t.name: np.zeros(_sized(t, len(labels)), np.float32) for t in self._design.slots},
        )

    def relabelled(self, state: HeadState, labels: tuple[str, ...]) -> HeadState:
        """Give the head further, fewer or reordered labels.

        What was learnt of labels that stay is kept, with the optimiser's state; new labels
        start as in `initial`.
        """
        if labels == state.labels:
            return state
        fresh = self.initial(labels)
        kept = [label for label in labels if label in state.labels]
        old = [state.labels.index(label) for label in kept]
        new = [labels.index(label) for label in kept]

        def carried(
            tensors: tuple[Tensor, ...],
            before: Mapping[str, FloatArray],
            start: Mapping[str, FloatArray],
        ) -> dict[str, FloatArray]:
            arrays = {}
            for tensor in tensors:
                array = before[tensor.name]
                if CLASSES in tensor.shape:
                    array = start[tensor.name].copy()
                    array[..., new] = before[tensor.name][..., old]
                arrays[tensor.name] = array
            return arrays

        return HeadState(
            labels,
            carried(self._design.parameters, state.parameters, fresh.parameters),
            carried(self._design.slots, state.slots, fresh.slots),
            state.step,
        )

    def batches(self, count: int, size: int) -> Iterator[NDArray[np.int64]]:
        """Deal `count` samples into batches, in random order.

        All batches have the same size; the last overlaps the one before where the number
        does not come out even, so that no sample is left out and no batch is small.
        """
        order = self._rng.permutation(count)
        size = min(size, count)
        for begin in range(0, count, size):
            begin = min(begin, count - size)
            yield order[begin : begin + size]

    def step(
        self,
        state: HeadState,
        features: FloatArray,
        targets: FloatArray,
        weights: FloatArray,
        learning_rate: float,
    ) -> tuple[HeadState, float]:
        """Take one step of the optimiser.

        Args:
            state: the head before.
            features: float32 ``[n, F]``.
            targets: float32 ``[n, C]``, rows that sum to 1.
            weights: float32 ``[n]``.
            learning_rate: of this step.

        Returns:
            The head after, and the loss before.

        Raises:
            ModelError: shapes do not fit, or something is not finite.
        """
        inputs = {
            "features": features,
            "labels": targets,
            "weights": weights,
            "learning_rate": np.array([learning_rate], np.float32),
            "step": np.array([state.step + 1], np.float32),
            **state.parameters,
            **state.slots,
            **self._masks(len(features)),
        }
        values = self._interpreter.run("train", inputs)
        after = HeadState(
            state.labels,
            _named(values, self._design.parameters),
            _named(values, self._design.slots),
            state.step + 1,
        )
        return after, float(values["loss"][0])

    def epoch(
        self,
        state: HeadState,
        features: FloatArray,
        targets: NDArray[np.int64],
        weights: FloatArray,
        *,
        learning_rate: float,
        batch_size: int,
    ) -> tuple[HeadState, float]:
        """Go once through all samples.

        Args:
            state: the head before.
            features: float32 ``[n, F]``, n at least 1.
            targets: int64 ``[n]``, index into the labels of the head.
            weights: float32 ``[n]``.
            learning_rate: of every step.
            batch_size: samples of a step.

        Returns:
            The head after, and the mean loss over the steps.

        Raises:
            ModelError: shapes do not fit, or something is not finite.
        """
        one_hot = np.eye(len(state.labels), dtype=np.float32)[targets]
        losses = []
        for rows in self.batches(len(features), batch_size):
            state, loss = self.step(
                state, features[rows], one_hot[rows], weights[rows], learning_rate
            )
            losses.append(loss)
        return state, float(np.mean(losses))

    def probabilities(self, state: HeadState, features: FloatArray) -> FloatArray:
        """Probabilities ``[n, C]`` of the labels for features ``[n, F]``."""
        inputs = {"features": features, **state.parameters}
        return self._interpreter.run("infer", inputs)["probabilities"]

    def _masks(self, count: int) -> dict[str, FloatArray]:
        """Draw the dropout masks of a batch."""
        widths = (self._features, *self._design.hidden)
        masks = {}
        for i, rate in enumerate(self._design.dropout):
            if rate > 0:
                keep = self._rng.random((count, widths[i])) >= rate
                masks[f"mask{i}"] = (keep / (1 - rate)).astype(np.float32)
        return masks


def _named(
    values: Mapping[str, FloatArray], tensors: tuple[Tensor, ...]
) -> dict[str, FloatArray]:
    """Pick tensors by name."""
    return {tensor.name: values[tensor.name] for tensor in tensors}


def _sized(tensor: Tensor, classes: int) -> tuple[int, ...]:
    """Shape of a tensor for so many classes."""
    return tuple(classes if size == CLASSES else size for size in tensor.shape)
