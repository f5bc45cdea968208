"""Edge Impulse's acquisition format, as JSON or as CBOR (RFC 8949).

One object: under `payload` stand `interval_ms`, `sensors` with `name` and `units`, and
`values`, a row for each sample. (docs.edgeimpulse.com, data acquisition format)
"""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from msgspec import Meta, Struct

from harpi.errors import NoRecording
from harpi.files import decode_json
from harpi.recording.columns import columns_of, name_of
from harpi.recording.delimited import MAX_BYTES
from harpi.recording.head import Head
from harpi.recording.raw import Hints, Raw, refuse
from harpi.types import AXES

NAME: Final = "Edge Impulse"

_DAMAGED: Final = "Download the sample again from Edge Impulse"
_DEEPEST: Final = 16
_MAX_BYTES: Final = MAX_BYTES // 4
"""An object in memory takes several times its size in the file."""


class _Sensor(Struct):
    name: str
    units: str = ""


class _Payload(Struct):
    interval_ms: Annotated[float, Meta(gt=0)]
    sensors: Annotated[list[_Sensor], Meta(min_length=1, max_length=256)]
    values: list[list[float]]
    device_name: str = ""
    device_type: str = ""


class _Acquisition(Struct):
    payload: _Payload


def looks_like(head: Head) -> bool:
    """Tell whether it is an object of JSON, or a map of CBOR."""
    beginning = head.beginning.lstrip(b"\xef\xbb\xbf \t\r\n")
    return beginning.startswith(b"{") or _is_cbor(head.beginning)


def _is_cbor(beginning: bytes) -> bool:
    return beginning[:1] != b"" and beginning[0] >> 5 == 5 and b"payload" in beginning


def read(path: Path, where: str, hints: Hints) -> Raw:
    """Read an acquisition.

    Raises:
        RecordingError: it is damaged, too large, or of another layout.
    """
    if path.stat().st_size > _MAX_BYTES:
        raise refuse(
            f"it has {path.stat().st_size >> 20} MiB; {_MAX_BYTES >> 20} at most are read",
            where,
            "Split it into several samples",
        )
    content = path.read_bytes()
    try:
        if _is_cbor(content[:512]):
            payload = msgspec.convert(decode_cbor(content), _Acquisition).payload
        else:
            payload = decode_json(content, _Acquisition).payload
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
        raise NoRecording(
            f"it is no acquisition of Edge Impulse ({_plainly(error)})",
            where=where,
            remedy=_DAMAGED,
        ) from error
    return _raw(payload, where)


def _plainly(error: Exception) -> str:
    """Say what is wrong without the words of a schema."""
    text = str(error)
    place = text.partition(" - at ")[2].strip("`").lstrip("$.")
    if "missing required field" in text:
        return "there is no " + text.split("`")[1]
    return f"{place} is of another kind" if place else text


def _raw(payload: _Payload, where: str) -> Raw:
    names = [sensor.name for sensor in payload.sensors]
    columns = columns_of(names)
    if not columns.has_acc or columns.twice:
        raise refuse(
            f"its sensors are {', '.join(names[:12])}; there is no accelerometer with x, y, z",
            where,
            "Record accX, accY and accZ",
        )
    for number, row in enumerate(payload.values):
        if len(row) != len(names):
            raise refuse(
                f"sample {number}: it has {len(row)} values for {len(names)} sensors",
                where,
                _DAMAGED,
            )
    if not payload.values:
        raise refuse("it holds no samples", where, "Record again")
    with np.errstate(over="ignore"):
        values = np.array(payload.values, np.float64).astype(np.float32)
    places = [columns.axes[axis] for axis in AXES if axis in columns.axes]
    has_gyro = columns.has_gyro
    return Raw(
        format=NAME,
        acc=values[:, places[:3]],
        gyro=values[:, [columns.axes[axis] for axis in AXES[3:]]] if has_gyro else None,
        rate=1000.0 / payload.interval_ms,
        acc_unit=_unit(payload, columns.axes["ax"]),
        gyro_unit=_unit(payload, columns.axes["gx"]) if has_gyro else None,
        columns={axis: names[place] for axis, place in columns.axes.items()},
        ignored=[name for p, name in enumerate(names) if p not in columns.axes.values()],
        meta={"device": payload.device_type or payload.device_name},
    )


def _unit(payload: _Payload, place: int) -> str | None:
    sensor = payload.sensors[place]
    return name_of(f"{sensor.name} ({sensor.units})").unit


# --- CBOR -----------------------------------------------------------------------------------


def decode_cbor(content: bytes) -> Any:
    """Decode one item of CBOR (RFC 8949): numbers, texts, arrays and maps.

    Raises:
        ValueError: it ends early, is nested too deeply, or is of a kind that is not read.
    """
    value, end = _item(content, 0, 0)
    if end != len(content):
        raise ValueError("there is more after its end")
    return value


def _item(content: bytes, at: int, depth: int) -> tuple[Any, int]:
    if depth > _DEEPEST:
        raise ValueError("it is nested too deeply")
    if at >= len(content):
        raise ValueError("it ends early")
    major, info = content[at] >> 5, content[at] & 31
    at += 1
    if major == 7:
        return _simple(content, at, info)
    endless = info == 31 and major in (2, 3, 4, 5)
    size, at = (None, at) if endless else _argument(content, at, info)
    if major == 0:
        return size, at
    if major == 1:
        return -1 - (size or 0), at
    if major == 6:  # a tag: the item itself follows
        return _item(content, at, depth + 1)
    if major in (2, 3):
        return _string(content, at, size, major, depth)
    return _collection(content, at, size, major, depth)


def _argument(content: bytes, at: int, info: int) -> tuple[int, int]:
    if info < 24:
        return info, at
    if info > 27:
        raise ValueError("it holds a length that there is not")
    size = 1 << (info - 24)
    if at + size > len(content):
        raise ValueError("it ends early")
    return int.from_bytes(content[at : at + size], "big"), at + size


def _simple(content: bytes, at: int, info: int) -> tuple[Any, int]:
    if info in (25, 26, 27):
        size = 1 << (info - 24)
        if at + size > len(content):
            raise ValueError("it ends early")
        return struct.unpack(">" + "efd"[info - 25], content[at : at + size])[0], at + size
    known = {20: False, 21: True, 22: None, 23: None}
    if info not in known:
        raise ValueError(f"it holds a simple value {info}, which is not read")
    return known[info], at


def _string(
    content: bytes, at: int, size: int | None, major: int, depth: int
) -> tuple[str | bytes, int]:
    if size is None:
        whole = b""
        while content[at : at + 1] != b"\xff":
            piece, at = _item(content, at, depth + 1)
            if isinstance(piece, str):
                piece = piece.encode()
            if not isinstance(piece, bytes):
                raise ValueError("a text is made of something else")
            whole += piece
        return (whole.decode() if major == 3 else whole), at + 1
    if at + size > len(content):
        raise ValueError("it ends early")
    part = content[at : at + size]
    return (part.decode() if major == 3 else part), at + size


def _collection(
    content: bytes, at: int, size: int | None, major: int, depth: int
) -> tuple[list[Any] | dict[Any, Any], int]:
    items = []
    left = math.inf if size is None else size * (2 if major == 5 else 1)
    while left > 0:
        if size is None and content[at : at + 1] == b"\xff":
            at += 1
            break
        item, at = _item(content, at, depth + 1)
        items.append(item)
        left -= 1
    if major == 4:
        return items, at
    if len(items) % 2 or not all(isinstance(key, str) for key in items[::2]):
        raise ValueError("a map has keys that are no text")
    return dict(zip(items[::2], items[1::2], strict=True)), at
