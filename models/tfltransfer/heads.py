"""Heads, as `tfltransfer.heads` called them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


class SoftmaxClassifierHead:
    """One dense layer and a softmax on the flattened bottleneck.

    Args:
        train_batch_size: suggested to whoever trains.
        input_shape: of the bottleneck.
        num_classes: not fixed in the file, which takes any number.
        l2_reg: penalty on the weights.
    """

    def __init__(
        self,
        train_batch_size: int,
        input_shape: Sequence[int],
        num_classes: int,
        l2_reg: float | None = None,
    ) -> None:
        self.train_batch_size = train_batch_size
        self.shape = tuple(input_shape)
        self.num_classes = num_classes
        self.l2_reg = l2_reg

    def input_shape(self) -> tuple[int, ...]:
        """Shape of the bottleneck."""
        return self.shape

    def made(self) -> tuple[Any, Any]:
        """The head of `harpi_models`, and what it does to the bottleneck first."""
        import keras

        from harpi_models.heads import Tail, softmax_head

        flat = Tail(lambda value: keras.layers.Flatten()(value), self.shape, "Flatten")
        return softmax_head(l2=self.l2_reg or 0.0), flat if len(self.shape) > 1 else None


class KerasModelHead:
    """A Keras model; a softmax is added where it ends with logits.

    Args:
        keras_model: of layers that follow one another.
    """

    def __init__(self, keras_model: Any) -> None:
        self.model = keras_model

    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of the bottleneck."""
        return tuple(self.model.inputs[0].shape)[1:]

    def made(self) -> tuple[Any, Any]:
        """The head of `harpi_models`, and what it does to the bottleneck first."""
        from harpi_models.keras_heads import head_from_keras

        found = head_from_keras(self.model)
        return found.head, found.tail


class LogitsSavedModelHead:
    """A SavedModel that ends with logits; a softmax is added.

    Args:
        model_dir: where it is.
    """

    def __init__(self, model_dir: str | Path) -> None:
        self.model_dir = Path(model_dir)

    def made(self) -> tuple[Any, Any]:
        """The head of `harpi_models`, and what it does to the bottleneck first."""
        from harpi_models.saved_models import head_from_path

        found = head_from_path(self.model_dir)
        return found.head, found.tail
