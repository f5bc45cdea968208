"""A model file on disk: whole, undamaged, and known before the interpreter sees a byte.

A `.tflite` is a flatbuffer (schema: tensorflow/compiler/mlir/lite/schema/schema.fbs). Only
its way to the metadata buffer is walked here, every step within bounds; all else belongs to
the interpreter, which crashes on damaged files and therefore only gets sealed ones.

The workshop writes it into the `.tflite` as the metadata buffer `harpi` (JSON, UTF-8); the
device reads it before it gives a byte to the interpreter. One structure, both sides.

The digest covers the whole file with its own 64 characters set to zeros, so that a
truncated or flipped file is refused instead of crashing the interpreter. It is also the
base's identity: a head names the digest of the base it belongs to.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from harpi.errors import ModelError
from harpi.files import decode_json

_IDENTIFIER: Final = b"TFL3"

_LARGEST_FILE: Final = 512 * 1024 * 1024

_REMEDY: Final = "Copy the file again, or convert the model again"


# Numbers of the fields in the schema's tables.
_MODEL_BUFFERS: Final = 4

_MODEL_METADATA: Final = 6

_METADATA_NAME: Final = 0

_METADATA_BUFFER: Final = 1

_BUFFER_DATA: Final = 0


class _Seal(msgspec.Struct, frozen=True):
    """What every format of the metadata has, whatever else changes."""

    format: int
    digest: str


@dataclass(frozen=True, slots=True, eq=False)
class ModelFile:
    """A model file whose digest was verified.

    Attributes:
        content: the bytes, as the interpreter takes them.
        metadata: what the file says about itself.
        path: where it was read from; for messages.
    """

    content: bytes
    metadata: ModelMetadata
    path: str

    @classmethod
    def read(cls, path: Path) -> ModelFile:
        """Read and verify a file.

        Raises:
            ModelError: it is missing, unreadable, damaged, or not made for harpi.
        """
        try:
            if path.stat().st_size > _LARGEST_FILE:
                raise ModelError(
                    f"larger than {_LARGEST_FILE} bytes",
                    where=str(path),
                    remedy="Give the path of a .tflite file",
                )
            content = path.read_bytes()
        except OSError as error:
            raise ModelError(
                f"cannot read the model: {error.strerror}",
                where=str(path),
                remedy="Check the path and its permissions",
            ) from error
        return cls.parse(content, str(path))

    @classmethod
    def parse(cls, content: bytes, path: str) -> ModelFile:
        """Verify a model that is already in memory.

        Args:
            content: all bytes of the file.
            path: where they are from; for messages.

        Raises:
            ModelError: it is damaged, or not made for harpi.
        """
        text, start = _metadata_text(content, path)
        try:
            seal = decode_json(text, _Seal)
        except msgspec.DecodeError as error:
            raise ModelError(
                f"its metadata cannot be read: {error}", where=path, remedy=_REMEDY
            ) from error
        _verify(content, text, start, seal.digest, path)
        if seal.format != FORMAT:
            raise ModelError(
                f"its metadata has format {seal.format}, this harpi reads {FORMAT}",
                where=path,
                remedy="Use the version of harpi that the model was converted with",
            )
        try:
            metadata = decode_json(text, ModelMetadata)
        except msgspec.DecodeError as error:
            raise ModelError(
                f"its metadata has an unexpected format: {error}",
                where=path,
                remedy="Convert the model again",
            ) from error
        return cls(content, metadata, path)


def _verify(content: bytes, text: bytes, start: int, digest: str, path: str) -> None:
    """Compare the digest with that of the file with zeros in the digest's place."""
    stated = digest.encode()
    if len(stated) != len(NO_DIGEST) or text.count(stated) != 1:
        raise ModelError("its metadata holds no digest", where=path, remedy=_REMEDY)
    if digest == NO_DIGEST:
        raise ModelError(
            "the file was never sealed with a digest",
            where=path,
            remedy="Convert the model again",
        )
    at = start + text.index(stated)
    found = hashlib.sha256(content[:at])
    found.update(NO_DIGEST.encode())
    found.update(memoryview(content)[at + len(stated) :])
    if found.hexdigest() != digest:
        raise ModelError(
            "the file is damaged, its digest is wrong",
            where=path,
            remedy=_REMEDY,
        )


def _metadata_text(content: bytes, path: str) -> tuple[bytes, int]:
    """Find harpi's metadata in the flatbuffer.

    Returns:
        The bytes of the buffer, and where in the file they start.
    """
    if content[4:8] != _IDENTIFIER:
        raise ModelError(
            "not a TensorFlow Lite model", where=path, remedy="Give the path of a .tflite file"
        )
    try:
        found = _find_buffer(Flatbuffer(content))
    except OutOfBounds:
        raise ModelError(
            "the file is damaged or cut short", where=path, remedy=_REMEDY
        ) from None
    if found is None:
        raise ModelError(
            "harpi did not make this .tflite: it lacks harpi's metadata and its signatures "
            "(bottleneck, initialize, train, infer)",
            where=path,
            remedy="Convert the Keras model or the SavedModel that it was made from with "
            "`harpi-models convert`; a plain .tflite can be neither cut nor trained",
        )
    start, length = found
    return content[start : start + length], start


def _find_buffer(file: Flatbuffer) -> tuple[int, int] | None:
    """Walk from the model to the buffer of the metadata entry with harpi's name."""
    model = file.indirect(0)
    for entry in file.tables(model, _MODEL_METADATA):
        name = file.vector(entry, _METADATA_NAME, 1)
        if name is None or file.slice(*name) != BUFFER_NAME.encode():
            continue
        index = file.number(entry, _METADATA_BUFFER, "<I")
        buffers = file.tables(model, _MODEL_BUFFERS)
        if index >= len(buffers):
            raise OutOfBounds
        return file.vector(buffers[index], _BUFFER_DATA, 1)
    return None


BUFFER_NAME: Final = "harpi"

FORMAT: Final = 1

NO_DIGEST: Final = "0" * 64

CLASSES: Final = -1
"""In a shape: the number of classes, which the head decides."""


class Tensor(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A parameter of the head or a slot of its optimiser, by its name in the signatures."""

    name: str
    shape: tuple[int, ...]
    """`CLASSES` stands where the number of classes goes."""


class ImuInput(
    Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    tag="imu",
    omit_defaults=True,
):
    """Windows of an IMU; scaling to the network's range is part of the graph."""

    rate: Annotated[float, Meta(gt=0)]
    """Samples per second."""
    length: Annotated[int, Meta(ge=1)]
    """Samples in a window."""
    channels: tuple[str, ...] = ("ax", "ay", "az", "gx", "gy", "gz")
    """Columns of a window, always all six."""
    axes: tuple[str, ...] = ("ax", "ay", "az", "gx", "gy", "gz")
    """Those that the network looks at; picking them is part of the graph."""
    accel_scale: float = 1.0
    """Value that 1 g has at the input of the signature; 1 means g."""
    gyro_scale: float = 1.0
    """Value that 1 deg/s has at the input of the signature; 1 means deg/s."""


class ImageInput(
    Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    tag="image",
    omit_defaults=True,
):
    """Square RGB images; pixels 0..255, scaling is part of the graph."""

    size: Annotated[int, Meta(ge=1)]
    preprocessing: str = ""
    """What the graph does to the pixels first, e.g. `-1..1`; empty where a file of harpi 0.1
    does not say."""


class VectorInput(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="vector"):
    """Vectors of any kind; the device's sensor does not give such, other programs may."""

    length: Annotated[int, Meta(ge=1)]


AnyInput = ImuInput | ImageInput | VectorInput
"""What a model takes."""


class HeadDesign(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The trainable head that the file carries."""

    kind: str
    """`softmax`, or `mlp` for hidden layers before it."""
    hidden: tuple[int, ...] = ()
    dropout: tuple[float, ...] = ()
    """Rate at the input of each dense layer, the features first; empty for none.

    Where a rate is above 0 the host gives `train` the input `mask{i}`, ``[N, width]``: 0 with
    that probability, else ``1 / (1 - rate)``.
    """
    optimizer: Literal["sgd", "momentum", "adam"] = "sgd"
    learning_rate: float = 0.01
    """Suggested; the signature takes it as an input."""
    batch_size: Annotated[int, Meta(ge=1)] = 20
    """Suggested; the signatures take any."""
    parameters: tuple[Tensor, ...] = ()
    slots: tuple[Tensor, ...] = ()


class ModelMetadata(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything the device needs to know about a model file."""

    format: int = FORMAT
    name: str
    version: str
    labels: tuple[str, ...]
    """What the signature `generic` answers with, in order; empty where there is none."""
    input: AnyInput
    features: Annotated[int, Meta(ge=1)]
    """Length of the vector that `bottleneck` gives."""
    head: HeadDesign
    quantization: Literal["none", "float16", "dynamic", "int8"] = "none"
    licence: str = ""
    data: tuple[str, ...] = ()
    """Names of the data sets that the base was trained on."""
    unknown_below: float | None = None
    """Confidence of `generic` under which a window is called unknown."""
    difference: float | None = None
    """Largest root-mean-square difference of an output to that of the base it was made from,
    as a share of the base's; None where a file of harpi 0.1 does not say."""
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] = NO_DIGEST


class OutOfBounds(Exception):
    """An offset points out of the file."""


class Flatbuffer:
    """A file of tables that point to each other.

    Args:
        content: all its bytes.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content

    def unpack(self, layout: str, at: int) -> int:
        """Read a number at a position; `layout` is one of the module struct.

        Raises:
            OutOfBounds: it is not in the file; so with all that reads.
        """
        if at < 0:
            raise OutOfBounds
        try:
            value: int = struct.unpack_from(layout, self._content, at)[0]
        except struct.error:
            raise OutOfBounds from None
        return value

    def indirect(self, at: int) -> int:
        """Follow the offset at a position."""
        return at + self.unpack("<I", at)

    def field(self, table: int, number: int) -> int | None:
        """Position of a field of a table; None where the table leaves it out."""
        vtable = table - self.unpack("<i", table)
        entry = 4 + 2 * number
        if entry + 2 > self.unpack("<H", vtable):
            return None
        offset = self.unpack("<H", vtable + entry)
        return table + offset if offset else None

    def number(self, table: int, number: int, layout: str, default: int = 0) -> int:
        """Value of a field that is a number; a default is not stored in the file."""
        field = self.field(table, number)
        return default if field is None else self.unpack(layout, field)

    def integers(self, table: int, number: int) -> tuple[int, ...]:
        """Values of a vector of int32; none where it is left out."""
        start, length = self.vector(table, number, 4) or (0, 0)
        values: tuple[int, ...] = struct.unpack_from(f"<{length}i", self._content, start)
        return values

    def text(self, table: int, number: int) -> str:
        """Value of a field that is a string; empty where it is left out."""
        found = self.vector(table, number, 1)
        return "" if found is None else self.slice(*found).decode("utf-8", errors="replace")

    def table(self, table: int, number: int) -> int | None:
        """Position of the table that a field points to; None where it is left out."""
        field = self.field(table, number)
        return None if field is None else self.indirect(field)

    def vector(self, table: int, number: int, width: int) -> tuple[int, int] | None:
        """Start and length of a vector of elements of `width` bytes; None if left out."""
        field = self.field(table, number)
        if field is None:
            return None
        start = self.indirect(field)
        length = self.unpack("<I", start)
        if start + 4 + length * width > len(self._content):
            raise OutOfBounds
        return start + 4, length

    def tables(self, table: int, number: int) -> list[int]:
        """Positions of the tables in a vector of tables."""
        start, length = self.vector(table, number, 4) or (0, 0)
        return [self.indirect(start + 4 * i) for i in range(length)]

    def slice(self, start: int, length: int) -> bytes:
        """Bytes of the file."""
        return self._content[start : start + length]
