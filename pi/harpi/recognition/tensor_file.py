"""Files of tensors with a header: safetensors, versioned, with a digest, replaced whole.

The safetensors format has room for strings beside the tensors; there stand the kind of the
file, the version of its layout, a header as JSON, and a SHA-256 over the header and the
tensors, so that a damaged file is refused instead of used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from harpi.errors import ModelError
from harpi.files import decode_json, write_atomically

Tensors = dict[str, NDArray[Any]]
HeaderT = TypeVar("HeaderT", bound=msgspec.Struct)

_LARGEST_FILE: Final = 256 * 1024 * 1024
_LENGTH_BYTES: Final = 8


class _Strings(msgspec.Struct, frozen=True):
    """The strings that every file of harpi has."""

    kind: str
    format: str
    header: str
    digest: str


class _Listing(msgspec.Struct, frozen=True):
    """The part of the safetensors header that is read here; the library reads the rest."""

    strings: _Strings = msgspec.field(name="__metadata__")


def write_tensors(
    path: Path,
    kind: str,
    layout: int,
    header: msgspec.Struct,
    tensors: Mapping[str, NDArray[Any]],
) -> None:
    """Write a file, or leave the old one as it is.

    Args:
        path: the file; its directory exists.
        kind: what it holds, e.g. `head`.
        layout: version of the layout of its header and tensors.
        header: everything that is not a tensor.
        tensors: arrays by name.

    Raises:
        OSError: the disk is full, read-only, or refuses otherwise.
    """
    text = msgspec.json.encode(header).decode()
    compact = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    strings = _Strings(
        kind=kind, format=str(layout), header=text, digest=_digest(kind, layout, text, compact)
    )
    write_atomically(path, save(compact, msgspec.structs.asdict(strings)))


def read_tensors(
    path: Path, kind: str, layout: int, header: type[HeaderT], *, remedy: str
) -> tuple[HeaderT, Tensors]:
    """Read a file that `write_tensors` wrote.

    Args:
        path: the file.
        kind: what it must hold.
        layout: version of the layout that the caller understands.
        header: type of the header.
        remedy: what to do when the file cannot be used.

    Returns:
        The header, and the arrays by name.

    Raises:
        ModelError: the file is missing, damaged, of another kind or a newer layout.
    """
    where = str(path)
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise ModelError(f"larger than {_LARGEST_FILE} bytes", where=where, remedy=remedy)
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"cannot read the {kind}: {error.strerror}",
            where=where,
            remedy="Check the path and its permissions",
        ) from error
    try:
        strings = _read_strings(content)
        tensors: Tensors = load(content)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"not a {kind}, or damaged", where=where, remedy=remedy) from error
    if strings.kind != kind:
        raise ModelError(f"holds a {strings.kind}, not a {kind}", where=where, remedy=remedy)
    if strings.format != str(layout):
        raise ModelError(
            f"has layout {strings.format}, this harpi reads {layout}",
            where=where,
            remedy="Use the version of harpi that wrote it",
        )
    if strings.digest != _digest(kind, layout, strings.header, tensors):
        raise ModelError(
            f"the {kind} is damaged, its digest is wrong",
            where=where,
            remedy=remedy,
        )
    try:
        return decode_json(strings.header, header), tensors
    except msgspec.DecodeError as error:
        raise ModelError(
            f"the header of the {kind} has an unexpected format: {error}",
            where=where,
            remedy=remedy,
        ) from error


def _read_strings(content: bytes) -> _Strings:
    """Read harpi's strings from the header of a safetensors file."""
    length = int.from_bytes(content[:_LENGTH_BYTES], "little")
    listing = content[_LENGTH_BYTES : _LENGTH_BYTES + length]
    return decode_json(listing, _Listing).strings


def _digest(kind: str, layout: int, header: str, tensors: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 over everything that means something."""
    digest = hashlib.sha256(f"{kind}\0{layout}\0{header}\0".encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name}\0{tensor.dtype}\0{tensor.shape}\0".encode())
        digest.update(tensor.tobytes())
    return digest.hexdigest()
