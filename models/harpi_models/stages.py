"""Stages: the frozen parts of a base, without variables."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2 as freeze_variables,
)


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """One frozen part of a base.

    Attributes:
        function: takes and gives tensors by name, as keyword arguments and as a dictionary.
        inputs: specification of each input, batch first and open.
        outputs: names of what it gives.
        quantize: whether its weights may be quantised.
        weight_values: how many numbers its kernels and matrices hold. Vectors do not count:
            those of a batch normalisation are folded into its neighbours.
    """

    function: Callable[..., dict[str, Any]]
    inputs: Mapping[str, Any]
    outputs: tuple[str, ...]
    quantize: bool
    weight_values: int


def freeze(
    function: Callable[..., Mapping[str, Any]],
    inputs: Mapping[str, Sequence[int | None]],
    *,
    quantize: bool,
) -> Stage:
    """Make a stage: turn the variables that a function uses into constants.

    Converting a Keras 3 model that still has variables drops its weights in silence.

    Args:
        function: takes tensors as keyword arguments, gives tensors by name.
        inputs: shape of each input, None for the batch.
        quantize: whether its weights may be quantised.
    """
    specs = {n: tf.TensorSpec(s, tf.float32, name=n) for n, s in inputs.items()}
    concrete = tf.function(function, autograph=False).get_concrete_function(**specs)
    outputs = tuple(sorted(concrete.structured_outputs))
    frozen = freeze_variables(concrete, lower_control_flow=False)
    weights = sum(
        math.prod(op.outputs[0].shape)
        for op in frozen.graph.get_operations()
        if op.type == "Const"
        and op.outputs[0].dtype.is_floating
        and len(op.outputs[0].shape) > 1
    )

    def stage(**tensors: Any) -> dict[str, Any]:
        results = frozen(*(tensors[name] for name in specs))
        results = results if isinstance(results, (list, tuple)) else [results]
        return dict(zip(outputs, results, strict=True))

    return Stage(stage, specs, outputs, quantize, weights)
