"""Put a base and a head, converted apart, into one TensorFlow Lite file.

Converted apart, the base can be quantised without touching the head, and its weights are
stored once however many signatures use them: subgraphs refer to the same buffers. The work is
done on the file's flatbuffer tables (`schema.fbs` of TensorFlow Lite).
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import flatbuffers  # type: ignore[import-untyped]
import msgspec
from ai_edge_litert import schema_py_generated as schema

from harpi.recognition.model_file import BUFFER_NAME, NO_DIGEST, ModelMetadata
from harpi_models.errors import ConversionRefused

FILE_IDENTIFIER = b"TFL3"
ALIGNMENT = 16


def merge(stages: Sequence[tuple[bytes, str]], head: bytes, metadata: bytes) -> bytes:
    """Compose the model file.

    Args:
        stages: the base as files that run one after the other, each with the name of its
            signature. The first takes `window`; each takes what it names from those before it;
            together they give `features` and, where the base classifies by itself,
            `probabilities`.
        head: file with the signatures `initialize`, `train` and `infer`.
        metadata: content of the buffer `harpi`.

    Returns:
        A file with the signatures `bottleneck`, `generic` (where there are probabilities),
        `initialize`, `train`, `infer` and `infer_window`.
    """
    out = Builder()
    graph = schema.SubGraphT()
    graph.tensors, graph.operators = [], []
    known: dict[str, int] = {}
    for content, name in stages:
        graph, known = _chain(graph, known, out.take(content), name)
    window = {"window": known["window"]}
    features = {"features": known["features"]}
    bottleneck = _keep(graph, features.values())
    out.add("bottleneck", bottleneck, window, features, shared=True)
    if "probabilities" in known:
        answer = {"probabilities": known["probabilities"]}
        out.add("generic", _keep(graph, answer.values()), window, answer, shared=True)

    heads = out.take(head)
    for name in ("initialize", "train", "infer"):
        inputs, outputs = names_of(signature_of(heads, name))
        out.add(name, heads.subgraphs[signature_of(heads, name).subgraphIndex], inputs, outputs)
    graph, known = _chain(bottleneck, window | features, heads, "infer")
    inputs, outputs = names_of(signature_of(heads, "infer"))
    parameters = {name: known[name] for name in inputs if name != "features"}
    answer = {name: known[name] for name in outputs}
    out.add("infer_window", graph, window | parameters, answer, shared=True)
    return out.finish(metadata)


def read(content: bytes) -> Any:
    """The tables of a file, as objects that can be changed."""
    return schema.ModelT.InitFromPackedBuf(bytearray(content), 0)


def seal(content: bytes, metadata: ModelMetadata) -> tuple[bytes, ModelMetadata]:
    """Fill in the digest that makes a damaged file noticeable.

    It is the SHA-256 of the file as it is with zeros in the digest's place.

    Args:
        content: a file whose metadata buffer holds `metadata` as JSON, digest open.
        metadata: the same metadata.

    Returns:
        The sealed file, and the metadata with the digest in it.
    """
    open_text = msgspec.json.encode(metadata)
    at = content.index(open_text)
    digest = hashlib.sha256(content).hexdigest()
    sealed_text = open_text.replace(NO_DIGEST.encode(), digest.encode())
    sealed = content[:at] + sealed_text + content[at + len(open_text) :]
    return sealed, msgspec.structs.replace(metadata, digest=digest)


class Builder:
    """Collects subgraphs of several files, with their buffers and operator codes."""

    def __init__(self) -> None:
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.description = "harpi"
        self.model.buffers = [_AlignedBuffer(b"")]
        self.model.operatorCodes = []
        self.model.subgraphs = []
        self.model.signatureDefs = []
        self.model.metadata = []
        self._taken: dict[bytes, Any] = {}
        self._order: list[int] = []
        self._packed: dict[Any, _Packed] = {}

    def take(self, content: bytes) -> Any:
        """Read a file and renumber its buffers and operator codes into those collected.

        The same file again gives the same tables again, so that nothing is stored twice.
        """
        if content in self._taken:
            return self._taken[content]
        source = self._taken[content] = read(content)
        _refuse_control_flow(source)
        buffers = {0: 0}
        codes = {}
        for i, code in enumerate(source.operatorCodes):
            codes[i] = self._code(code)
        for graph in source.subgraphs:
            for tensor in graph.tensors:
                if tensor.buffer not in buffers:
                    buffer = source.buffers[tensor.buffer]
                    empty = buffer.data is None or len(buffer.data) == 0
                    buffers[tensor.buffer] = 0 if empty else len(self.model.buffers)
                    if not empty:
                        self.model.buffers.append(_AlignedBuffer(bytes(buffer.data)))
                tensor.buffer = buffers[tensor.buffer]
            for operator in graph.operators:
                operator.opcodeIndex = codes[operator.opcodeIndex]
        return source

    def _code(self, code: Any) -> int:
        for i, known in enumerate(self.model.operatorCodes):
            if (known.builtinCode, known.version, known.customCode) == (
                code.builtinCode,
                code.version,
                code.customCode,
            ):
                return i
        self.model.operatorCodes.append(code)
        return len(self.model.operatorCodes) - 1

    def add(
        self,
        name: str,
        graph: Any,
        inputs: Mapping[str, int],
        outputs: Mapping[str, int],
        *,
        shared: bool = False,
    ) -> None:
        """Add a subgraph as a signature, without the tensors that it does not use.

        Args:
            name: of the signature.
            graph: operators and tensors.
            inputs: tensor by name.
            outputs: tensor by name.
            shared: its tensors continue those of the shared subgraphs before it, so that
                tables which are equal are written once.
        """
        used = {*inputs.values(), *outputs.values()}
        for operator in graph.operators:
            used.update(i for i in (*operator.inputs, *operator.outputs) if i >= 0)
            used.update(_indices(operator.intermediates))
        order = sorted(used)
        if shared:
            order = [i for i in self._order if i in used]
            order += sorted(used - set(order))
            self._order = order if len(order) > len(self._order) else self._order
        places = {old: new for new, old in enumerate(order)}
        places[-1] = -1
        made = schema.SubGraphT()
        made.name = name
        called = {i: key for key, i in (*outputs.items(), *inputs.items())}
        made.tensors = [
            self._pack(_named(graph.tensors[i], called.get(i, f"t{i}"))) for i in order
        ]
        made.operators = [
            self._pack(_rewired(operator, places.__getitem__)) for operator in graph.operators
        ]
        made.inputs = [places[i] for i in inputs.values()]
        made.outputs = [places[i] for i in outputs.values()]
        signature = schema.SignatureDefT()
        signature.signatureKey = name
        signature.subgraphIndex = len(self.model.subgraphs)
        signature.inputs = [_tensor_map(key, places[i]) for key, i in inputs.items()]
        signature.outputs = [_tensor_map(key, places[i]) for key, i in outputs.items()]
        self.model.subgraphs.append(made)
        self.model.signatureDefs.append(signature)

    def _pack(self, table: Any) -> _Packed:
        """The table, to be written once however many subgraphs have it."""
        packed = _Packed(table)
        return self._packed.setdefault(packed.key, packed)

    def constant(self, content: bytes) -> int:
        """Add the content of a constant tensor; gives the number of its buffer."""
        self.model.buffers.append(_AlignedBuffer(content))
        return len(self.model.buffers) - 1

    def finish(self, metadata: bytes | None = None) -> bytes:
        """Write the file, with the buffer `harpi` where there is metadata."""
        if metadata is not None:
            entry = schema.MetadataT()
            entry.name = BUFFER_NAME
            entry.buffer = self.constant(metadata)
            self.model.metadata = [entry]
        self._drop_unused()
        builder = _SharingBuilder(1 << 20)
        builder.Finish(self.model.Pack(builder), FILE_IDENTIFIER)
        return bytes(builder.Output())

    def _drop_unused(self) -> None:
        """Empty the buffers that no signature uses: of a classifier that was replaced, say."""
        used = {tensor.buffer for graph in self.model.subgraphs for tensor in graph.tensors}
        used |= {entry.buffer for entry in self.model.metadata}
        for i in set(range(len(self.model.buffers))) - used:
            self.model.buffers[i] = _AlignedBuffer(b"")


class _Packed:
    """A table that is written at most once into a file."""

    def __init__(self, table: Any) -> None:
        self._table = table
        builder = flatbuffers.Builder(256)
        builder.Finish(table.Pack(builder))
        self.buffer = int(getattr(table, "buffer", 0))
        """That a tensor lies in; 0, which is empty, for an operator."""
        self.key = bytes(builder.Output())
        """Equal for tables that are written as the same bytes."""
        self._offset: int | None = None

    def Pack(self, builder: Any) -> int:  # noqa: N802
        """Write the table, or refer to where it was written."""
        if self._offset is None:
            self._offset = int(self._table.Pack(builder))
        return self._offset


class _AlignedBuffer:
    """Content of a tensor, at an address that is a multiple of 16 as the schema demands.

    The Python classes of the schema leave it where it falls; a 32-bit Arm then stops with a bus
    error.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content

    def Pack(self, builder: Any) -> int:  # noqa: N802
        """Write the table."""
        data = None
        if self.content:
            builder.StartVector(1, len(self.content), ALIGNMENT)
            builder.head -= len(self.content)
            builder.Bytes[builder.head : builder.head + len(self.content)] = self.content
            data = builder.EndVector()
        schema.BufferStart(builder)
        if data is not None:
            schema.BufferAddData(builder, data)
        return int(schema.BufferEnd(builder))


class _SharingBuilder(flatbuffers.Builder):  # type: ignore[misc]  # it has no types
    """Writes equal vectors once.

    A small model is shapes and scales for a third, the same ones over and over.
    """

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.head: int = self.Head()
        self._begun: tuple[int, int, int] = (0, 0, 0)
        self._shareable = False
        self._written: dict[tuple[int, bytes], int] = {}
        self._strings: dict[str, int] = {}

    def CreateString(self, text: Any, *details: Any) -> int:  # noqa: N802
        """Write a name once; it begins no vector of its own."""
        self._shareable = False
        if text not in self._strings:
            self._strings[text] = int(super().CreateString(text, *details))
        return self._strings[text]

    def StartVector(self, element: int, count: int, alignment: int) -> Any:  # noqa: N802
        """Begin a vector of `count` elements of a size."""
        self._begun = (int(self.head), element * count, alignment)
        self._shareable = True
        return super().StartVector(element, count, alignment)

    def PrependUOffsetTRelative(self, offset: int) -> None:  # noqa: N802
        """Refer to a table; relative to this place, so the bytes mean nothing elsewhere."""
        self._shareable = False
        super().PrependUOffsetTRelative(offset)

    def EndVector(self, *count: int) -> int:  # noqa: N802
        """End the vector; drop it again where an equal one was written before."""
        offset = int(super().EndVector(*count))
        if not self._shareable:
            return offset
        head, size, alignment = self._begun
        key = (alignment, bytes(self.Bytes[self.head : self.head + 4 + size]))
        if key in self._written:
            self.head = head
            return self._written[key]
        self._written[key] = offset
        return offset


def _refuse_control_flow(source: Any) -> None:
    """Loops and conditions call other subgraphs by number, which merging would break."""
    calling = (schema.BuiltinOperator.IF, schema.BuiltinOperator.WHILE)
    if any(code.builtinCode in calling for code in source.operatorCodes):
        raise ConversionRefused(
            "the base has control flow (IF, WHILE), which cannot be merged",
            where="base",
            remedy="Take a base without loops or conditions",
        )


def _tensor_map(name: str, index: int) -> Any:
    entry = schema.TensorMapT()
    entry.name = name
    entry.tensorIndex = index
    return entry


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def signature_of(model: Any, name: str) -> Any:
    """The signature of a name.

    Raises:
        ConversionRefused: there is none.
    """
    for signature in model.signatureDefs:
        if _text(signature.signatureKey) == name:
            return signature
    raise ConversionRefused(f"the file has no signature {name!r}", where="merge")


def names_of(signature: Any) -> tuple[dict[str, int], dict[str, int]]:
    """Inputs and outputs of a signature, tensor index by name."""
    return (
        {_text(entry.name): int(entry.tensorIndex) for entry in signature.inputs},
        {_text(entry.name): int(entry.tensorIndex) for entry in signature.outputs},
    )


def _keep(graph: Any, outputs: Iterable[int]) -> Any:
    """The same subgraph with only the operators that the outputs need."""
    needed = set(outputs)
    operators = []
    for operator in reversed(graph.operators):
        if needed.intersection(int(i) for i in operator.outputs):
            operators.append(operator)
            needed.update(int(i) for i in operator.inputs)
    kept = copy.copy(graph)
    kept.operators = operators[::-1]
    return kept


def _chain(
    graph: Any, known: Mapping[str, int], model: Any, name: str
) -> tuple[Any, dict[str, int]]:
    """Append the subgraph of a signature, its inputs joined to tensors of the same name.

    Returns:
        The longer subgraph, and the tensors that have a name in it: those known before, the
        signature's other inputs, and its outputs.
    """
    signature = signature_of(model, name)
    inputs, outputs = names_of(signature)
    added = model.subgraphs[signature.subgraphIndex]
    offset = len(graph.tensors)
    joints = {index: known[name] for name, index in inputs.items() if name in known}

    def moved(index: int) -> int:
        return index if index < 0 else joints.get(index, index + offset)

    longer = copy.copy(graph)
    longer.tensors = [*graph.tensors, *(copy.copy(tensor) for tensor in added.tensors)]
    longer.operators = [
        *graph.operators,
        *(_rewired(operator, moved) for operator in added.operators),
    ]
    named = {name: moved(index) for name, index in (inputs | outputs).items()}
    return longer, {**known, **named}


def _named(tensor: Any, name: str) -> Any:
    """A tensor with a short name, which other tools read it by, and without empty tables."""
    named = copy.copy(tensor)
    named.name = name
    if named.quantization is not None and named.quantization.scale is None:
        named.quantization = None
    return named


def _rewired(operator: Any, moved: Any) -> Any:
    other = copy.copy(operator)
    other.inputs = [moved(int(i)) for i in operator.inputs]
    other.outputs = [moved(int(i)) for i in operator.outputs]
    other.intermediates = [moved(int(i)) for i in _indices(operator.intermediates)] or None
    return other


def _indices(values: Any) -> list[int]:
    return [] if values is None else list(values)
