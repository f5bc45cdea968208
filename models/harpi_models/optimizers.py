"""Optimisers as pure functions: gradients, parameters and slots in, new ones out.

The arithmetic is that of Keras 3 (`keras.optimizers.SGD`, `keras.optimizers.Adam`), so that a
step on the device equals `train_on_batch`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from harpi.recognition.model_file import Tensor

Tensors = dict[str, Any]


class Optimizer(Protocol):
    """What an optimiser promises."""

    @property
    def kind(self) -> Literal["sgd", "momentum", "adam"]:
        """Name in the metadata of the model file."""
        ...

    @property
    def learning_rate(self) -> float:
        """Suggested; the signature takes it as an input."""
        ...

    def slots(self, parameters: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Names and shapes of the state it keeps for the parameters."""
        ...

    def update(
        self,
        gradients: Mapping[str, Any],
        parameters: Mapping[str, Any],
        slots: Mapping[str, Any],
        learning_rate: Any,
        step: Any,
    ) -> tuple[Tensors, Tensors]:
        """Take one step.

        Args:
            gradients: of the loss by each parameter, under the parameters' names.
            parameters: the values before.
            slots: the state before, as `slots` names it.
            learning_rate: ``[1]``.
            step: ``[1]``, 1 for the first step.

        Returns:
            Parameters and slots after the step.
        """
        ...


@dataclass(frozen=True, slots=True)
class Sgd:
    """``p -= rate * g``."""

    learning_rate: float = 0.01

    @property
    def kind(self) -> Literal["sgd"]:
        """Name in the metadata."""
        return "sgd"

    def slots(self, parameters: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """It keeps no state."""
        del parameters
        return ()

    def update(
        self,
        gradients: Mapping[str, Any],
        parameters: Mapping[str, Any],
        slots: Mapping[str, Any],
        learning_rate: Any,
        step: Any,
    ) -> tuple[Tensors, Tensors]:
        """One step; see `Optimizer.update`."""
        del slots, step
        return {n: p - learning_rate * gradients[n] for n, p in parameters.items()}, {}


@dataclass(frozen=True, slots=True)
class Momentum:
    """``m = momentum * m - rate * g; p += m``."""

    learning_rate: float = 0.01
    momentum: float = 0.9

    @property
    def kind(self) -> Literal["momentum"]:
        """Name in the metadata."""
        return "momentum"

    def slots(self, parameters: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The velocity ``m_*`` of every parameter."""
        return tuple(Tensor(name=f"m_{p.name}", shape=p.shape) for p in parameters)

    def update(
        self,
        gradients: Mapping[str, Any],
        parameters: Mapping[str, Any],
        slots: Mapping[str, Any],
        learning_rate: Any,
        step: Any,
    ) -> tuple[Tensors, Tensors]:
        """One step; see `Optimizer.update`."""
        del step
        new_slots = {
            f"m_{n}": slots[f"m_{n}"] * self.momentum - learning_rate * gradients[n]
            for n in parameters
        }
        return {n: p + new_slots[f"m_{n}"] for n, p in parameters.items()}, new_slots


@dataclass(frozen=True, slots=True)
class Adam:
    """Adam (Kingma and Ba 2014, arXiv 1412.6980, the form before its section 2.1)."""

    learning_rate: float = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    @property
    def kind(self) -> Literal["adam"]:
        """Name in the metadata."""
        return "adam"

    def slots(self, parameters: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """First and second moments, ``m_*`` and ``v_*``, of every parameter."""
        return tuple(
            Tensor(name=f"{slot}_{p.name}", shape=p.shape) for slot in "mv" for p in parameters
        )

    def update(
        self,
        gradients: Mapping[str, Any],
        parameters: Mapping[str, Any],
        slots: Mapping[str, Any],
        learning_rate: Any,
        step: Any,
    ) -> tuple[Tensors, Tensors]:
        """One step; see `Optimizer.update`."""
        import tensorflow as tf

        bias_1 = 1.0 - tf.pow(tf.constant(self.beta_1, step.dtype), step)
        bias_2 = 1.0 - tf.pow(tf.constant(self.beta_2, step.dtype), step)
        alpha = learning_rate * tf.sqrt(bias_2) / bias_1
        new_parameters: Tensors = {}
        new_slots: Tensors = {}
        for name, value in parameters.items():
            gradient = gradients[name]
            m, v = slots[f"m_{name}"], slots[f"v_{name}"]
            m = m + (gradient - m) * (1.0 - self.beta_1)
            v = v + (gradient * gradient - v) * (1.0 - self.beta_2)
            new_slots[f"m_{name}"], new_slots[f"v_{name}"] = m, v
            new_parameters[name] = value - alpha * m / (tf.sqrt(v) + self.epsilon)
        return new_parameters, new_slots


def optimizer(name: str, learning_rate: float | None = None) -> Optimizer:
    """An optimiser by its name, with its usual or the given learning rate.

    Raises:
        KeyError: there is none of that name.
    """
    made: dict[str, type[Sgd] | type[Momentum] | type[Adam]] = {
        "sgd": Sgd,
        "momentum": Momentum,
        "adam": Adam,
    }
    kind = made[name]
    return kind() if learning_rate is None else kind(learning_rate)
