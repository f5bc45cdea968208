"""Run the signatures of a model file with NumPy, operator by operator."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

import numpy as np

from harpi.recognition.model_file import OutOfBounds
from harpi.recognition.numpy_runtime.graph import Array, Graph, Signature, Subgraph, Unsupported
from harpi.recognition.numpy_runtime.operators import FUNCTIONS, Function


class OpResolverType(Enum):
    """As of TensorFlow Lite; there is nothing to choose here."""

    BUILTIN_WITHOUT_DEFAULT_DELEGATES = 0


class Interpreter:
    """A model, ready to run; the face of TensorFlow Lite's, as far as harpi uses it.

    Unlike theirs it keeps nothing between two runs.

    Args:
        model_content: the file.
        num_threads: not used; NumPy decides.
        experimental_op_resolver_type: not used.

    Raises:
        ValueError: the model has an operator, or an option of one, that is not known here.
    """

    def __init__(
        self,
        model_content: bytes,
        num_threads: int = 1,
        experimental_op_resolver_type: OpResolverType | None = None,
    ) -> None:
        del num_threads, experimental_op_resolver_type
        try:
            self._graph = Graph(model_content)
            self._programs = [_Program(subgraph) for subgraph in self._graph.subgraphs]
            self._signatures = self._graph.signatures
        except OutOfBounds:
            raise ValueError("the file is damaged") from None

    def get_signature_list(self) -> dict[str, dict[str, list[str]]]:
        """Give the names of the signatures, with those of their inputs and outputs."""
        return {
            name: {"inputs": list(signature.inputs), "outputs": list(signature.outputs)}
            for name, signature in self._signatures.items()
        }

    def get_signature_runner(self, name: str) -> SignatureRunner:
        """Give what runs a signature."""
        signature = self._signatures[name]
        return SignatureRunner(signature, self._programs[signature.subgraph])


class SignatureRunner:
    """Runs one signature.

    Args:
        signature: its inputs and outputs.
        program: what is run.
    """

    def __init__(self, signature: Signature, program: _Program) -> None:
        self._signature = signature
        self._program = program

    def get_input_details(self) -> dict[str, dict[str, Any]]:
        """Give type and shape of every input, -1 where its size is open."""
        tensors = self._program.subgraph.tensors
        return {
            name: {
                "dtype": tensors[number].dtype.type,
                "shape_signature": np.array(tensors[number].shape, np.int32),
            }
            for name, number in self._signature.inputs.items()
        }

    def __call__(self, **inputs: Array) -> dict[str, Array]:
        """Run it.

        Args:
            inputs: arrays by name.

        Returns:
            Arrays of the caller's own, by name.

        Raises:
            ValueError: the arrays do not go together, or the model needs what is not known
                here.
        """
        numbers = self._signature.inputs
        given = {numbers[name]: array for name, array in inputs.items()}
        found = self._program.run(given, set(self._signature.outputs.values()))
        return {name: found[number].copy() for name, number in self._signature.outputs.items()}


class _Program:
    """A subgraph with the functions of its operators.

    Raises:
        Unsupported: it has an operator that is not known here.
    """

    def __init__(self, subgraph: Subgraph) -> None:
        self.subgraph = subgraph
        self._functions = [_function(operator.code) for operator in subgraph.operators]
        last: dict[int, int] = {}
        for step, operator in enumerate(subgraph.operators):
            last |= dict.fromkeys((*operator.inputs, *operator.outputs), step)
        self._dead: list[list[int]] = [[] for _ in subgraph.operators]
        """What nobody needs after a step; a large batch would not fit otherwise."""
        for number, step in last.items():
            if number >= 0 and subgraph.tensors[number].value is None:
                self._dead[step].append(number)

    def run(self, given: dict[int, Array], wanted: set[int]) -> dict[int, Array]:
        """Compute tensors.

        Args:
            given: values of the inputs, by the number of the tensor.
            wanted: numbers of the tensors to compute.
        """
        tensors = self.subgraph.tensors
        values = dict(given)
        for number in wanted:
            if (constant := tensors[number].value) is not None:
                values[number] = constant

        def value(number: int) -> Array | None:
            if number < 0:
                return None
            constant = tensors[number].value
            return values[number] if constant is None else constant

        # Infinite and undefined results are answers, as for TensorFlow Lite.
        with np.errstate(all="ignore"):
            for operator, (name, function), dead in zip(
                self.subgraph.operators, self._functions, self._dead, strict=True
            ):
                (output,) = operator.outputs
                inputs = [value(number) for number in operator.inputs]
                try:
                    values[output] = function(operator.options, inputs, tensors[output].dtype)
                except Unsupported as error:
                    raise Unsupported(
                        f"{name} with {error} needs TensorFlow Lite, which is not installed"
                    ) from None
                for number in dead:
                    if number not in wanted:
                        del values[number]
        return values


def _function(code: int) -> tuple[str, Function]:
    """Name and function of an operator.

    Raises:
        Unsupported: it is not known here.
    """
    if code not in FUNCTIONS:
        raise Unsupported(
            f"the operator {name_of(code)} needs TensorFlow Lite, which is not installed"
        )
    return FUNCTIONS[code]


_TABLE: Final = """
ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE
EMBEDDING_LOOKUP FLOOR FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D
LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1
RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH CONCAT_EMBEDDINGS
SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER
BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE
UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT
LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM ARG_MAX MINIMUM LESS NEG
PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE TILE
EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD
REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV
REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU
SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND COS WHERE
RANK ELU REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE
NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM
BATCH_MATMUL PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D
IMAG REAL COMPLEX_ABS HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL
CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE BROADCAST_ARGS
RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM MULTINOMIAL GELU DYNAMIC_UPDATE_SLICE
RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_SUM ATAN2
UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT
"""

_NAMES: Final = _TABLE.split()


def name_of(code: int) -> str:
    """Name an operator by its number in BuiltinOperator of the schema."""
    return _NAMES[code] if code < len(_NAMES) else f"number {code}"
