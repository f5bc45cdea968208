"""Guards that every converted file passes before anyone sees it.

Each of them stands for a way in which a file converts "fine" and fails later: weights that
were dropped in silence, an operator that one of the runtimes lacks, an input without a
dimension that crashes LiteRT on aarch64, a train step that answers NaN.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from harpi.errors import ModelError
from harpi.recognition.model_file import CLASSES, ModelFile, ModelMetadata, Tensor
from harpi.types import FloatArray
from harpi_models.errors import ConversionRefused
from harpi_models.merge import read

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
    *,
    allowed: float | None = None,
) -> Findings:
    """Pass a file through all guards.

    Args:
        content: the model file.
        metadata: what it says about itself.
        base: the base it was made from.
        windows: to compare the two on, ``[n, *window_shape]``; made-up ones by default.
        allowed: largest difference to the base, as a share of its outputs; by default that of
            `TOLERANCE` for the quantisation.

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
            differences.append(
                _check_outputs(interpreter, metadata, windows, wanted, allowed=allowed)
            )
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
    if len(shape) == 1:
        return rng.normal(size=(16, *shape)).astype(np.float32)
    scale = np.array([1, 1, 1, 120, 120, 120], np.float32)[: shape[-1]]
    gravity = np.array([0, 0.6, 0.8, 0, 0, 0], np.float32)[: shape[-1]]
    return (rng.normal(0, 0.3, (16, *shape)) * scale + gravity).astype(np.float32)


def _check_outputs(
    interpreter: Any,
    metadata: ModelMetadata,
    windows: FloatArray,
    wanted: dict[str, FloatArray],
    *,
    allowed: float | None,
) -> float:
    """Compare with the base, the batch at once and one window alone."""
    largest = 0.0
    limit = TOLERANCE[metadata.quantization] if allowed is None else allowed
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
        if error > limit:
            raise _refused(
                f"{signature} differs from the base by {error:.1%} of its size, "
                f"{limit:.1%} is allowed",
                "Quantise less, give more representative images or windows, or accept it with "
                f"--allow_difference {math.ceil(error * 20) / 20:g}",
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


# Found by offering tflite-runtime 2.14.0 a file with each operator at each version; those that
# it does not know at all are left out.
_TABLE: Final = """
ADD=5 AVERAGE_POOL_2D=3 CONCATENATION=4 CONV_2D=7 DEPTHWISE_CONV_2D=7 DEPTH_TO_SPACE=2
DEQUANTIZE=5 EMBEDDING_LOOKUP=3 FLOOR=1 FULLY_CONNECTED=10 HASHTABLE_LOOKUP=1
L2_NORMALIZATION=2 L2_POOL_2D=1 LOCAL_RESPONSE_NORMALIZATION=1 LOGISTIC=3 LSH_PROJECTION=1
LSTM=4 MAX_POOL_2D=3 MUL=7 RELU=3 RELU_N1_TO_1=1 RELU6=3 RESHAPE=1 RESIZE_BILINEAR=4 RNN=3
SOFTMAX=3 SPACE_TO_DEPTH=2 SVDF=4 TANH=3 SKIP_GRAM=1 EMBEDDING_LOOKUP_SPARSE=1 PAD=4
UNIDIRECTIONAL_SEQUENCE_RNN=3 GATHER=6 BATCH_TO_SPACE_ND=4 SPACE_TO_BATCH_ND=4 TRANSPOSE=6
MEAN=3 SUB=5 DIV=2 SQUEEZE=2 UNIDIRECTIONAL_SEQUENCE_LSTM=4 STRIDED_SLICE=8
BIDIRECTIONAL_SEQUENCE_RNN=3 EXP=2 TOPK_V2=3 SPLIT=4 LOG_SOFTMAX=2
BIDIRECTIONAL_SEQUENCE_LSTM=3 CAST=5 PRELU=1 MAXIMUM=4 ARG_MAX=3 MINIMUM=4 LESS=3 NEG=1
PADV2=4 GREATER=2 GREATER_EQUAL=3 LESS_EQUAL=2 SELECT=4 SLICE=6 SIN=1 TRANSPOSE_CONV=4
SPARSE_TO_DENSE=3 TILE=3 EXPAND_DIMS=1 EQUAL=4 NOT_EQUAL=3 LOG=1 SUM=2 SQRT=1 RSQRT=2
SHAPE=1 POW=1 ARG_MIN=3 FAKE_QUANT=2 REDUCE_PROD=2 REDUCE_MAX=3 PACK=4 LOGICAL_OR=1
ONE_HOT=1 LOGICAL_AND=1 LOGICAL_NOT=1 UNPACK=4 REDUCE_MIN=3 FLOOR_DIV=3 REDUCE_ANY=1
SQUARE=1 ZEROS_LIKE=1 FILL=4 FLOOR_MOD=2 RANGE=2 RESIZE_NEAREST_NEIGHBOR=4 LEAKY_RELU=2
SQUARED_DIFFERENCE=2 MIRROR_PAD=3 ABS=5 SPLIT_V=2 UNIQUE=1 CEIL=1 REVERSE_V2=3 ADD_N=1
GATHER_ND=4 COS=1 WHERE=2 RANK=1 ELU=1 REVERSE_SEQUENCE=1 MATRIX_DIAG=1 QUANTIZE=3
MATRIX_SET_DIAG=1 ROUND=1 HARD_SWISH=1 IF=1 WHILE=1 NON_MAX_SUPPRESSION_V4=1
NON_MAX_SUPPRESSION_V5=1 SCATTER_ND=1 SELECT_V2=2 DENSIFY=1 SEGMENT_SUM=1 BATCH_MATMUL=4
CUMSUM=1 CALL_ONCE=1 BROADCAST_TO=3 RFFT2D=1 CONV_3D=1 IMAG=1 REAL=1 COMPLEX_ABS=1
HASHTABLE=1 HASHTABLE_FIND=1 HASHTABLE_IMPORT=1 HASHTABLE_SIZE=1 REDUCE_ALL=1
CONV_3D_TRANSPOSE=1 VAR_HANDLE=1 READ_VARIABLE=1 ASSIGN_VARIABLE=1 BROADCAST_ARGS=1
RANDOM_STANDARD_NORMAL=1 BUCKETIZE=1 RANDOM_UNIFORM=1 MULTINOMIAL=1 GELU=2
DYNAMIC_UPDATE_SLICE=1 RELU_0_TO_1=1 UNSORTED_SEGMENT_PROD=1 UNSORTED_SEGMENT_MAX=1
UNSORTED_SEGMENT_SUM=1 ATAN2=1 UNSORTED_SEGMENT_MIN=1 SIGN=2 BITCAST=1 BITWISE_XOR=1
RIGHT_SHIFT=1
"""

NEWEST: Final[dict[str, int]] = {
    name: int(version)
    for name, _, version in (entry.partition("=") for entry in _TABLE.split())
}
"""The newest version of each builtin operator that tflite-runtime 2.14.0 runs."""
