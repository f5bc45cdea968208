"""Where a network ends and its classifier begins.

A network is a frozen TensorFlow graph with one input and one output. The cut is found by
walking back from the output over everything without weights, to the layer that gives one
number for each class; what goes into that layer becomes the features.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2 as freeze_variables,
)

from harpi.types import FloatArray
from harpi_models.errors import BaseRefused

_ANSWERS: Final = {"Softmax", "Sigmoid"}
_BENDING: Final = {"Relu", "Relu6", "LeakyRelu", "Elu", "Selu", "Tanh", "Softplus", "Gelu"}
_WEIGHTLESS: Final = {
    "Identity", "StopGradient", "PreventGradient", "PartitionedCall", "StatefulPartitionedCall",
    "Reshape", "Squeeze", "ExpandDims", "Transpose", "Cast", "Pad", "PadV2", "MirrorPad",
    "Mean", "Max", "Sum", "MaxPool", "MaxPoolV2", "AvgPool",
}  # fmt: skip
_MIXING: Final = {
    "Conv2D", "DepthwiseConv2dNative", "MatMul", "BatchMatMulV2", "Conv1D", "Conv3D", "Einsum",
}  # fmt: skip
_BIASES: Final = {"BiasAdd", "Add", "AddV2"}
_SCALINGS: Final = {
    "Mul", "RealDiv", "Sub", "Add", "AddV2", "FusedBatchNorm", "FusedBatchNormV2",
    "FusedBatchNormV3",
}  # fmt: skip
_NO_COMPUTATION: Final = {"Const", "Identity", "NoOp", "Placeholder"}


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A place where a network can be cut.

    Attributes:
        tensor: what becomes the features; a map is averaged over its places later.
        layer: what gives it, for people.
        shape: of one sample there.
        classes: how many the classifier behind it answers with; None where there is none.
    """

    tensor: Any
    layer: str
    shape: tuple[int | None, ...]
    classes: int | None

    @property
    def width(self) -> int | None:
        """Features after averaging."""
        return self.shape[-1] if self.shape else None


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A frozen graph, from one input to one output.

    Attributes:
        frozen: the concrete function, without variables.
        where: its name, for messages.
        layers: names of its layers where Keras says them.
    """

    frozen: Any
    where: str
    layers: Collection[str] = ()
    _constant: dict[str, bool] = field(default_factory=dict)

    @classmethod
    def traced(
        cls, function: Callable[[Any], Any], shape: Sequence[int | None], where: str,
        layers: Collection[str] = (),
    ) -> Network:  # fmt: skip
        """Freeze a function of one tensor ``[None, ...]``."""
        spec = tf.TensorSpec([None, *shape], tf.float32, name="window")
        concrete = tf.function(
            lambda window: function(window) + 0.0, autograph=False
        ).get_concrete_function(window=spec)
        return cls(freeze_variables(concrete, lower_control_flow=False), where, layers)

    @property
    def input(self) -> Any:
        """The input tensor."""
        return self.frozen.inputs[0]

    @property
    def output(self) -> Any:
        """The output tensor, before what only hands it on."""
        tensor = self.frozen.outputs[0]
        while tensor.op.type in ("Identity", "AddV2") and len(self._data(tensor.op)) == 1:
            if tensor.op.type == "AddV2" and not self._adds_zero(tensor.op):
                break
            tensor = self._data(tensor.op)[0]
        return tensor

    @property
    def names(self) -> set[str]:
        """Names of layers: Keras', or what the names of the operations say."""
        found = set(self.layers)
        for op in self.frozen.graph.get_operations():
            for part in op.name.split("/")[:-1]:
                found |= {part, re.sub(r"_\d+$", "", part)}
        return found

    def softmax(self) -> bool:
        """Whether the output is a softmax."""
        return str(self.output.op.type) == "Softmax"

    def pruned(self, fetches: Mapping[str, Any]) -> Callable[[Any], dict[str, Any]]:
        """A function from the input to some tensors."""
        run: Callable[[Any], dict[str, Any]] = self.frozen.prune(self.input, dict(fetches))
        kind = self.input.dtype
        if kind == tf.float32:
            return run
        # A window is float32; a signature may want another type of number.
        return lambda window: {
            name: tf.cast(value, tf.float32)
            for name, value in run(tf.cast(window, kind)).items()
        }

    def first_input(self) -> Callable[[FloatArray], FloatArray]:
        """A function from the input to what the first layer with weights is fed."""
        for op in self.frozen.graph.get_operations():
            data = self._data(op)
            if op.type in _MIXING and len(data) == 1:
                return _inner(self.pruned({"first": data[0]}))
        return lambda images: images

    def default_cut(self) -> Cut:
        """The cut before the classifier, or the output where it ends with none.

        Raises:
            BaseRefused: it answers with a softmax or a sigmoid, but of which layer cannot be
                told.
        """
        tensor, answers, bent = self.output, False, False
        while True:
            op, data = tensor.op, self._data(tensor.op)
            if op.type in _MIXING and len(data) == 1:
                if self._classifies(op, answers=answers, bent=bent):
                    classes = int(self.output.shape[-1])
                    return self._cut(self._without_passing(data[0]), classes)
                break
            if len(data) != 1:
                break
            if op.type in _ANSWERS:
                answers = True
            elif op.type in _BENDING:
                bent = True
            elif not (
                op.type in _WEIGHTLESS
                or self._is_bias(op, data[0])
                # Behind a classifier, a number for each class may be scaled and shifted.
                or (answers and op.type in _SCALINGS)
            ):
                break
            tensor = data[0]
        if answers:
            raise BaseRefused(
                "it answers with a classifier, but where that begins cannot be told",
                where=self.where,
                remedy="Name the layer whose output becomes the features with "
                f"--bottleneck_layer; the last ones are {', '.join(self._last_layers())}",
            )
        return self._cut(self.output, None)

    def named_cut(self, name: str) -> Cut:
        """The cut behind a layer or an operation.

        Raises:
            BaseRefused: there is none of that name.
        """
        computed = self._computed()
        for spelt in self._spellings():
            found = [
                op
                for op in computed
                if op.name == name or name in map(spelt, op.name.split("/")[:-1])
            ]
            if found:
                return self._cut(found[-1].outputs[0], None)
        last = self._last_layers()
        raise BaseRefused(
            f"there is no layer {name!r} to cut at" if self.layers
            else f"there is no layer or operation {name!r} to cut at",
            where=self.where,
            remedy=f"Its last ones are {', '.join(last)}",
        )  # fmt: skip

    def cut_of_shape(self, cut: Cut, shape: Sequence[int | None]) -> Cut:
        """A cut further back over what has no weights, where a sample has a shape.

        Raises:
            BaseRefused: none of them has it.
        """
        tensor = cut.tensor
        seen = []
        while True:
            found = tuple(tensor.shape[1:])
            seen.append(list(found))
            if len(found) == len(shape) and all(
                b is None or a == b for a, b in zip(found, shape, strict=True)
            ):
                return self._cut(tensor, cut.classes)
            data = self._data(tensor.op)
            if len(data) != 1 or tensor.op.type not in _WEIGHTLESS:
                raise BaseRefused(
                    f"the head takes {list(shape)}, the base gives "
                    f"{' or '.join(map(str, seen))} at {cut.layer!r}",
                    where=self.where,
                    remedy="Build the head for this base, or name another --bottleneck_layer",
                )
            tensor = data[0]

    def _computed(self) -> list[Any]:
        """Operations that compute something from the window."""
        return [
            op
            for op in self.frozen.graph.get_operations()
            if op.type not in _NO_COMPUTATION and self._data(op)
        ]

    def _last_layers(self) -> list[str]:
        return list(self.layers)[-6:] or [op.name for op in self._computed()[-5:]]

    def _cut(self, tensor: Any, classes: int | None) -> Cut:
        return Cut(tensor, self._layer_of(tensor.op), tuple(tensor.shape[1:]), classes)

    def _classifies(self, op: Any, *, answers: bool, bent: bool) -> bool:
        """Whether a layer with weights gives one number for each class."""
        if bent and not answers:
            return False
        if op.type in ("MatMul", "BatchMatMulV2"):
            return True
        if op.type != "Conv2D" or tuple(op.inputs[1].shape[:2]) != (1, 1):
            return False
        places = tuple(op.outputs[0].shape[1:3])
        return answers or places == (1, 1)

    def _is_bias(self, op: Any, data: Any) -> bool:
        if op.type not in _BIASES:
            return False
        if self._adds_zero(op):
            return True
        source = data.op
        # A convolution over time is one over an image of one row.
        while (
            source.type in ("Identity", "StopGradient", "Squeeze", "Reshape") and source.inputs
        ):
            source = source.inputs[0].op
        return source.type in _MIXING

    def _adds_zero(self, op: Any) -> bool:
        if op.type != "AddV2":
            return False
        other = op.inputs[1].op
        return other.type == "Const" and not np.any(tf.make_ndarray(other.get_attr("value")))

    def _without_passing(self, tensor: Any) -> Any:
        while tensor.op.type in ("Identity", "StopGradient", "ExpandDims"):
            tensor = tensor.op.inputs[0]
        return tensor

    def _data(self, op: Any) -> list[Any]:
        """Inputs of an operation that depend on the window; shapes are none."""
        if op.type == "Reshape":
            return [op.inputs[0]] if not self._is_constant(op.inputs[0]) else []
        return [tensor for tensor in op.inputs if not self._is_constant(tensor)]

    def _is_constant(self, tensor: Any) -> bool:
        pending = [tensor.op]
        while pending:
            op = pending[-1]
            if op.name in self._constant:
                pending.pop()
            elif op.type in ("Placeholder", "Shape"):
                self._constant[op.name] = op.type == "Shape"
            else:
                missing = [t.op for t in op.inputs if t.op.name not in self._constant]
                if missing:
                    pending += missing
                else:
                    self._constant[op.name] = all(self._constant[t.op.name] for t in op.inputs)
        return self._constant[tensor.op.name]

    def _numbered(self) -> bool:
        """Whether the trace put a number behind the name of every layer, as Keras 3 does."""
        parts = [
            op.name.split("/")
            for op in self.frozen.graph.get_operations()
            if op.name.count("/") > 1 and op.type != "Const"
        ]
        return bool(parts) and all(re.search(r"_\d+$", p[0]) for p in parts)

    def _spellings(self) -> tuple[Callable[[str], str], Callable[[str], str]]:
        """From a part of an operation's name to that of a layer; the likelier way first."""

        def bare(part: str) -> str:
            return re.sub(r"_\d+$", "", part)

        return (bare, str) if self._numbered() else (str, bare)

    def _layer_of(self, op: Any) -> str:
        """The innermost layer that an operation belongs to."""
        parts = op.name.split("/")[:-1]
        for part in reversed(parts):
            for spelt in self._spellings():
                if spelt(part) in self.layers:
                    return spelt(part)
        return parts[-1] if parts else str(op.name)


def _inner(run: Callable[[Any], dict[str, Any]]) -> Callable[[FloatArray], FloatArray]:
    """The middle of the map `first`, because what is padded says nothing of the scaling."""

    def first(images: FloatArray) -> FloatArray:
        value = np.asarray(run(tf.constant(images))["first"], np.float32)
        if value.ndim != 4:
            return value
        high, wide = value.shape[1] // 4, value.shape[2] // 4
        return value[:, high : value.shape[1] - high, wide : value.shape[2] - wide]

    return first
