"""Guards that every converted file passes before anyone sees it.

Each of them stands for a way in which a file converts "fine" and fails later: weights that
were dropped in silence, an operator that one of the runtimes lacks, an input without a
dimension that crashes LiteRT on aarch64, a train step that answers NaN.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from harpi.errors import ModelError
from harpi.recognition.model_file import CLASSES, ModelFile, ModelMetadata, Tensor
from harpi.types import FloatArray
from harpi_models.errors import ConversionRefused
from harpi_models.merge import read
from harpi_models.operators import NEWEST

if TYPE_CHECKING:
    from harpi_models.bases import Base
    from harpi_models.file_base import FileBase

STATEFUL = frozenset({"VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE"})
TOLERANCE = {"none": 1e-3, "float16": 2e-2, "dynamic": 0.35, "int8": 0.35}
"""Largest root-mean-square difference of the features to the base's, as a share of theirs."""
SMALLEST_SCALE = 1e-6
"""Features smaller than this, as untrained bases give them, are compared with it instead."""
RUNTIMES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")
PROBE_CLASSES = (2, 5)


@dataclass(frozen=True, slots=True)
class Findings:
    """What the guards measured.

    Attributes:
        operators: operators in all subgraphs together.
        difference: largest root-mean-square difference of an output to the base's, as a share
            of the base's.
        runtimes: the interpreters that loaded and trained the file.
    """

    operators: int
    difference: float
    runtimes: tuple[str, ...]


def check_file(
    content: bytes,
    metadata: ModelMetadata,
    base: Base | FileBase,
    windows: FloatArray | None = None,
) -> Findings:
    """Pass a file through all guards.

    Args:
        content: the model file.
        metadata: what it says about itself.
        base: the base it was made from.
        windows: to compare the two on, ``[n, *window_shape]``; made-up ones by default.

    Raises:
        ConversionRefused: names the guard and what it found.
    """
    operators = check_tables(content)
    weights = base.weight_bytes(metadata.quantization)
    if len(content) < weights:
        raise _refused(
            f"the file has {len(content)} bytes for {weights} bytes of weights",
            "Weights were lost; freeze the variables before converting",
        )
    check_reading(content, metadata)
    if windows is None:
        windows = probe_windows(base.window_shape, np.random.default_rng(1))
    wanted = base.run(windows)
    if not all(np.all(np.isfinite(values)) for values in wanted.values()):
        raise _refused(
            "the base itself gives values that are not finite", "Look at its weights"
        )
    differences, used = [], []
    for name in RUNTIMES:
        try:
            runtime = importlib.import_module(name)
        except ImportError:
            continue
        used.append(name.partition(".")[0])
        try:
            interpreter = runtime.Interpreter(
                model_content=content,
                num_threads=1,
                # As the device makes it.
                experimental_op_resolver_type=runtime.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            )
            differences.append(_check_outputs(interpreter, metadata, windows, wanted))
            for classes in PROBE_CLASSES:
                check_training(interpreter, metadata, classes)
        except ConversionRefused:
            raise
        except (ValueError, RuntimeError) as error:
            raise _refused(
                f"{used[-1]} cannot run the file: {str(error).splitlines()[0][:200]}",
                "Take another base or another quantisation",
            ) from error
    return Findings(operators, max(differences), tuple(used))


def check_reading(content: bytes, metadata: ModelMetadata) -> None:
    """Read the file as the device does.

    Raises:
        ConversionRefused: it cannot be read so, or says something else about itself.
    """
    try:
        read_back = ModelFile.parse(content, "the file").metadata
    except ModelError as error:
        raise _refused(
            f"the device cannot read it: {error}", "This is a fault of the converter"
        ) from error
    if read_back != metadata:
        raise _refused(
            "it says something else about itself than it should",
            "This is a fault of the converter",
        )


def check_tables(content: bytes) -> int:
    """Guards on the file's tables alone: operators, their versions, and inputs.

    Returns:
        Number of operators.

    Raises:
        ConversionRefused: a custom or stateful operator, one that is newer than
            tflite-runtime 2.14, or an input without a dimension.
    """
    model = read(content)
    names = {value: name for name, value in vars(schema.BuiltinOperator).items()}
    for code in model.operatorCodes:
        name = names.get(max(code.builtinCode, code.deprecatedBuiltinCode), "CUSTOM")
        if name == "CUSTOM":
            raise _refused(
                f"operator {code.customCode!r} is no builtin",
                "Flex operators do not run on a Pi",
            )
        if name in STATEFUL:
            raise _refused(f"operator {name} keeps state", "Freeze the variables first")
        if code.version > NEWEST.get(name, 0):
            raise _refused(
                f"operator {name} version {code.version} is newer than tflite-runtime 2.14",
                "Avoid the operator, or quantise otherwise",
            )
    for graph in model.subgraphs:
        for index in graph.inputs:
            shape = graph.tensors[index].shape
            if shape is None or len(shape) == 0:
                raise _refused(
                    f"an input of {graph.name!r} has no dimension",
                    "LiteRT crashes on it on aarch64; use the shape (1,)",
                )
    return sum(len(graph.operators) for graph in model.subgraphs)


def check_training(interpreter: Any, metadata: ModelMetadata, classes: int) -> None:
    """Train a few steps on made-up features and see the loss fall.

    Raises:
        ConversionRefused: a loss that is not finite, or that does not fall.
    """
    rng = np.random.default_rng(2)
    truth = np.arange(4 * classes) % classes
    labels = np.eye(classes, dtype=np.float32)[truth]
    centres = rng.normal(size=(classes, metadata.features))
    features = (centres[truth] + 0.1 * rng.normal(size=(len(truth), metadata.features))).astype(
        np.float32
    )
    features /= np.sqrt(metadata.features)
    initialize = interpreter.get_signature_runner("initialize")
    train = interpreter.get_signature_runner("train")
    state = initialize(classes=np.array([classes], np.int32))
    state = {name: np.array(value) for name, value in state.items()}
    losses = []
    for step in range(1, 11):
        result = train(
            features=features,
            labels=labels,
            weights=np.ones(len(truth), np.float32),
            learning_rate=np.array([metadata.head.learning_rate], np.float32),
            step=np.array([step], np.float32),
            **state,
            **_masks(metadata, len(truth)),
        )
        losses.append(float(result.pop("loss")[0]))
        state = {name: np.array(value) for name, value in result.items()}
    for tensor in (*metadata.head.parameters, *metadata.head.slots):
        if state[tensor.name].shape != _shape(tensor, classes):
            raise _refused(
                f"{tensor.name} has the shape {state[tensor.name].shape} for {classes} classes",
                "This is a fault of the converter",
            )
    if not np.all(np.isfinite(losses)) or not losses[-1] < losses[0]:
        raise _refused(
            f"training does not lower the loss: {losses[0]:.4g} to {losses[-1]:.4g}",
            "Try a smaller learning rate",
        )


def probe_windows(shape: Sequence[int], rng: np.random.Generator) -> FloatArray:
    """Made-up windows of a plausible range: g and deg/s, or pixels."""
    if len(shape) == 3:
        return rng.uniform(0, 255, (3, *shape)).astype(np.float32)
    scale = np.array([1, 1, 1, 120, 120, 120], np.float32)[: shape[-1]]
    gravity = np.array([0, 0.6, 0.8, 0, 0, 0], np.float32)[: shape[-1]]
    return (rng.normal(0, 0.3, (16, *shape)) * scale + gravity).astype(np.float32)


def _check_outputs(
    interpreter: Any,
    metadata: ModelMetadata,
    windows: FloatArray,
    wanted: dict[str, FloatArray],
) -> float:
    """Compare with the base, the batch at once and one window alone."""
    largest = 0.0
    for signature, output in (("bottleneck", "features"), ("generic", "probabilities")):
        if output not in wanted:
            continue
        runner = interpreter.get_signature_runner(signature)
        got = np.array(runner(window=windows)[output])
        alone = np.array(runner(window=windows[:1])[output])
        if got.shape != wanted[output].shape:
            raise _refused(
                f"{signature} gives {list(got.shape)}, not {list(wanted[output].shape)}",
                "This is a fault of the converter",
            )
        if not np.all(np.isfinite(got)):
            raise _refused(
                f"{signature} gives values that are not finite",
                "Weights were lost in the conversion",
            )
        scale = max(float(np.sqrt(np.mean(wanted[output] ** 2))), SMALLEST_SCALE)
        error = float(np.sqrt(np.mean((got - wanted[output]) ** 2))) / scale
        if error > TOLERANCE[metadata.quantization]:
            raise _refused(
                f"{signature} differs from the base by {error:.1%} of its size",
                "Quantise less, or give more representative windows",
            )
        apart = float(np.sqrt(np.mean((got[:1] - alone) ** 2))) / scale
        if metadata.quantization == "none" and apart > TOLERANCE["none"]:
            raise _refused(
                f"{signature} answers differently for one window than for a batch",
                "This is a fault of the converter",
            )
        largest = max(largest, error)
    return largest


def _masks(metadata: ModelMetadata, count: int) -> dict[str, FloatArray]:
    widths = (metadata.features, *metadata.head.hidden)
    return {
        f"mask{i}": np.ones((count, widths[i]), np.float32)
        for i, rate in enumerate(metadata.head.dropout)
        if rate > 0
    }


def _shape(tensor: Tensor, classes: int) -> tuple[int, ...]:
    return tuple(classes if n == CLASSES else n for n in tensor.shape)


def _refused(problem: str, remedy: str) -> ConversionRefused:
    return ConversionRefused(problem, where="guard", remedy=remedy)
