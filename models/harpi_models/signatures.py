"""The head's signatures as a TensorFlow Lite file of their own, before they meet the base.

Batch and number of classes stay open: every tensor that has them is ``None`` there.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from harpi.recognition.model_file import CLASSES, Tensor
from harpi_models.errors import ConversionRefused
from harpi_models.heads import Head, forward, gradients
from harpi_models.optimizers import Optimizer

BUILTINS_ONLY = [tf.lite.OpsSet.TFLITE_BUILTINS]


def head_signatures(head: Head, optimizer: Optimizer, features: int) -> bytes:
    """Convert `initialize`, `train` and `infer` of a head.

    Args:
        head: the layers.
        optimizer: what `train` does with the gradients.
        features: length of the vector that the base gives.

    Returns:
        A TensorFlow Lite file with the three signatures.
    """
    parameters = head.parameters(features)
    slots = optimizer.slots(parameters)
    masks = head.masks(features)
    batch = tf.TensorSpec([None, features], tf.float32)
    row = tf.TensorSpec([1], tf.float32)
    values = {tensor.name: _spec(tensor) for tensor in parameters}
    state = {tensor.name: _spec(tensor) for tensor in slots}
    masked = {mask.name: tf.TensorSpec([None, *mask.shape], tf.float32) for mask in masks}
    start = head.start(features)

    def initialize(classes: Any) -> dict[str, Any]:
        return {
            t.name: (tf.constant(start[t.name]) if t.name in start else _zeros(t, classes))
            for t in (*parameters, *slots)
        }

    def train(**inputs: Any) -> dict[str, Any]:
        before = {name: inputs[name] for name in values}
        loss, found = gradients(
            head,
            inputs["features"],
            inputs["labels"],
            inputs["weights"],
            before,
            {name: inputs[name] for name in masked},
        )
        after, kept = optimizer.update(
            found,
            before,
            {name: inputs[name] for name in state},
            inputs["learning_rate"],
            inputs["step"],
        )
        # A step counter that no optimiser reads would be dropped from the signature.
        return {"loss": loss + 0.0 * inputs["step"], **after, **kept}

    def infer(**inputs: Any) -> dict[str, Any]:
        before = {name: inputs[name] for name in values}
        return {"probabilities": tf.nn.softmax(forward(head, inputs["features"], before, {}))}

    return convert(
        {
            "initialize": (initialize, {"classes": tf.TensorSpec([1], tf.int32)}),
            "train": (
                train,
                {
                    "features": batch,
                    "labels": tf.TensorSpec([None, None], tf.float32),
                    "weights": tf.TensorSpec([None], tf.float32),
                    "learning_rate": row,
                    "step": row,
                    **values,
                    **state,
                    **masked,
                },
            ),
            "infer": (infer, {"features": batch, **values}),
        }
    )


def convert(
    signatures: Mapping[str, tuple[Any, Mapping[str, Any]]],
    *,
    optimizations: Sequence[Any] = (),
    supported_types: Sequence[Any] = (),
    supported_ops: Sequence[Any] = (),
    representative: Any = None,
) -> bytes:
    """Convert functions without variables into one TensorFlow Lite file.

    Args:
        signatures: for each signature its function and the specification of its inputs.
        optimizations: of `tf.lite.Optimize`.
        supported_types: types that weights may be stored in.
        supported_ops: of `tf.lite.OpsSet`; only builtin operators unless given.
        representative: generator function of inputs to calibrate int8 with.

    Raises:
        ConversionRefused: TensorFlow cannot express a signature in builtin operators.
    """
    module = tf.Module()
    functions = {}
    for name, (function, inputs) in signatures.items():
        specs = {key: tf.TensorSpec(s.shape, s.dtype, name=key) for key, s in inputs.items()}
        functions[name] = tf.function(function, autograph=False).get_concrete_function(**specs)
        setattr(module, name, functions[name])
    with tempfile.TemporaryDirectory(prefix="harpi-models-") as folder, silence():
        tf.saved_model.save(
            module,
            folder,
            signatures=functions,
            # The gradients of swish and its like are not needed, and cannot be saved.
            options=tf.saved_model.SaveOptions(experimental_custom_gradients=False),
        )
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=list(functions)
        )
        converter.target_spec.supported_ops = list(supported_ops) or BUILTINS_ONLY
        converter.optimizations = list(optimizations)
        converter.target_spec.supported_types = list(supported_types)
        converter.representative_dataset = representative
        # tflite-runtime 2.14 has no FULLY_CONNECTED with a scale for each channel.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
        try:
            return bytes(converter.convert())
        except Exception as error:
            raise ConversionRefused(
                f"TensorFlow Lite has no builtin operator for {_culprits(str(error))}",
                where=", ".join(functions),
                remedy="Leave it out, or unroll it where it is part of a recurrent layer",
            ) from error


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Keep the converter's native chatter off the terminal; errors still come as exceptions."""
    sys.stderr.flush()
    with Path(os.devnull).open("wb") as nowhere:
        kept = os.dup(2)
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _spec(tensor: Tensor) -> Any:
    shape = [None if n == CLASSES else n for n in tensor.shape]
    return tf.TensorSpec(shape, tf.float32)


def _zeros(tensor: Tensor, classes: Any) -> Any:
    sizes = [classes if n == CLASSES else tf.constant([n]) for n in tensor.shape]
    return tf.zeros(tf.concat(sizes, axis=0) if len(sizes) > 1 else sizes[0])


def _culprits(text: str) -> str:
    """The operators that the converter's error is about, or else how it begins."""
    names = sorted(set(re.findall(r"'tf\.(\w+)'", text)))
    return ", ".join(names) or f"it: {text.strip()[:200]}"
