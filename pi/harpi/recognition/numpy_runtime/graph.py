"""What is in a `.tflite`: tensors, operators and signatures.

Field numbers are those of tensorflow/compiler/mlir/lite/schema/schema.fbs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from harpi.recognition.model_file import Flatbuffer, OutOfBounds

Array = NDArray[Any]
_Item = TypeVar("_Item")

_TYPES: Final[dict[int, type[np.generic]]] = {
    0: np.float32,
    1: np.float16,
    2: np.int32,
    4: np.int64,
    6: np.bool_,
    9: np.int8,
}
"""NumPy's types of the numbers in TensorType."""


class Unsupported(ValueError):
    """The model has something that this runtime does not know."""


@dataclass(frozen=True)
class Options:
    """The options of an operator, by the numbers of their fields.

    Attributes:
        file: that they are in.
        table: where; None where the operator has none.
    """

    file: Flatbuffer
    table: int | None

    def integer(self, field: int, default: int = 0) -> int:
        """An int32."""
        return self._number(field, "<i", default)

    def enum(self, field: int) -> int:
        """A byte that stands for a name."""
        return self._number(field, "<b", 0)

    def flag(self, field: int) -> bool:
        """A truth value."""
        return bool(self._number(field, "<B", 0))

    def real(self, field: int) -> float:
        """A float32."""
        return float(self._number(field, "<f", 0))

    def _number(self, field: int, layout: str, default: int) -> int:
        if self.table is None:
            return default
        return self.file.number(self.table, field, layout, default)


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of a subgraph.

    Attributes:
        dtype: of its values.
        shape: with -1 where it is open.
        value: of a constant; None where it is computed.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    value: Array | None


@dataclass(frozen=True, slots=True)
class Operator:
    """A step of a subgraph.

    Attributes:
        code: its number in BuiltinOperator.
        inputs: numbers of tensors; -1 for one that is left out.
        outputs: likewise.
        options: how it does it.
    """

    code: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Options


@dataclass(frozen=True, slots=True)
class Subgraph:
    """Operators in the order in which they are done, and the tensors between them."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """A name under which a subgraph can be run.

    Attributes:
        subgraph: its number.
        inputs: numbers of tensors, by name.
        outputs: likewise.
    """

    subgraph: int
    inputs: dict[str, int]
    outputs: dict[str, int]


class Graph:
    """A model file.

    Args:
        content: all its bytes; they are sealed, so that damage is not expected.

    Raises:
        Unsupported: it has a tensor of a type that is not known here.
        harpi.recognition.model_file.OutOfBounds: it is damaged all the same.
    """

    def __init__(self, content: bytes) -> None:
        self._file = Flatbuffer(content)
        self._model = self._file.indirect(0)
        self._codes = [self._code(table) for table in self._file.tables(self._model, 1)]
        self._buffers = self._file.tables(self._model, 4)
        self._constants: dict[tuple[int, tuple[int, ...], np.dtype[Any]], Array] = {}

    @cached_property
    def subgraphs(self) -> tuple[Subgraph, ...]:
        """All subgraphs."""
        return tuple(self._subgraph(table) for table in self._file.tables(self._model, 2))

    @cached_property
    def signatures(self) -> dict[str, Signature]:
        """All signatures, by name."""
        return {
            self._file.text(table, 2): self._signature(table)
            for table in self._file.tables(self._model, 7)
        }

    def _signature(self, table: int) -> Signature:
        number = self._file.number(table, 4, "<I")
        names = self._names(table, 0), self._names(table, 1)
        tensors = _pick(self.subgraphs, number).tensors
        for tensor in (*names[0].values(), *names[1].values()):
            _pick(tensors, tensor)
        return Signature(number, *names)

    def _names(self, signature: int, field: int) -> dict[str, int]:
        maps = self._file.tables(signature, field)
        return {self._file.text(entry, 0): self._file.number(entry, 1, "<I") for entry in maps}

    def _subgraph(self, table: int) -> Subgraph:
        tensors = tuple(self._tensor(tensor) for tensor in self._file.tables(table, 0))
        operators = tuple(self._operator(step) for step in self._file.tables(table, 3))
        for operator in operators:
            for number in (*operator.inputs, *operator.outputs):
                _pick(tensors, max(number, 0))
        return Subgraph(tensors, operators)

    def _code(self, table: int) -> int:
        """Number of an operator; small ones are in the older field, too."""
        return max(self._file.number(table, 0, "<b"), self._file.number(table, 3, "<i"))

    def _operator(self, table: int) -> Operator:
        return Operator(
            _pick(self._codes, self._file.number(table, 0, "<I")),
            self._file.integers(table, 1),
            self._file.integers(table, 2),
            Options(self._file, self._file.table(table, 4)),
        )

    def _tensor(self, table: int) -> Tensor:
        number = self._file.number(table, 1, "<b")
        if number not in _TYPES:
            raise Unsupported(f"a tensor of the type number {number}")
        dtype = np.dtype(_TYPES[number])
        shape = self._file.integers(table, 0)
        signature = self._file.integers(table, 7) or shape
        value = self._constant(self._file.number(table, 2, "<I"), shape, dtype)
        return Tensor(dtype, signature, value)

    def _constant(
        self, buffer: int, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> Array | None:
        """Values in a buffer, the same array for all tensors that share it."""
        key = (buffer, shape, dtype)
        if key not in self._constants:
            found = self._file.vector(_pick(self._buffers, buffer), 0, 1)
            if found is None or found[1] == 0:
                return None
            content = self._file.slice(*found)
            self._constants[key] = np.frombuffer(content, dtype).reshape(shape)
        return self._constants[key]


def _pick(items: Sequence[_Item], number: int) -> _Item:
    """Give an item by the number that the file says.

    Raises:
        OutOfBounds: there is none.
    """
    if number >= len(items):
        raise OutOfBounds
    return items[number]
