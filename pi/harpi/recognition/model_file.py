"""A model file on disk: whole, undamaged, and known before the interpreter sees a byte.

A `.tflite` is a flatbuffer (schema: tensorflow/compiler/mlir/lite/schema/schema.fbs). Only
its way to the metadata buffer is walked here, every step within bounds; all else belongs to
the interpreter, which crashes on damaged files and therefore only gets sealed ones.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from harpi.decoding import decode_json
from harpi.errors import ModelError
from harpi.recognition.flatbuffer import Flatbuffer, OutOfBounds
from harpi.recognition.metadata import BUFFER_NAME, FORMAT, NO_DIGEST, ModelMetadata

_IDENTIFIER: Final = b"TFL3"
_LARGEST_FILE: Final = 512 * 1024 * 1024
_REMEDY: Final = "Copy the file again, or convert the model anew"

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
                f"its metadata is not as agreed: {error}",
                where=path,
                remedy="Convert the model anew",
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
            remedy="Convert the model anew",
        )
    at = start + text.index(stated)
    found = hashlib.sha256(content[:at])
    found.update(NO_DIGEST.encode())
    found.update(memoryview(content)[at + len(stated) :])
    if found.hexdigest() != digest:
        raise ModelError(
            "the file is damaged, its digest is another than it states",
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
            "the model says nothing about itself, harpi did not convert it",
            where=path,
            remedy="Convert it with `harpi-models convert`",
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
