"""Recordings as .npz: harpi's own format, version 1.

One compressed archive of plain arrays, no pickle. Required are `acc` (numbers
``[n, 3]``, divided by `acc_lsb_per_g` where that is given) and `fs` (Hz); `gyro` likewise, by
`gyro_lsb_per_dps`. Optional, one per sample: `label` (index into `label_names`, from 0, -1 for
none; without names, numbers or texts that name themselves), `segment`, `subject` (index into
`subject_names`, or a number that names the wearer), `position` (index into `position_names`).
`meta` is a JSON object. `format` is the version; without it, the file is taken for version 1.
"""

from __future__ import annotations

import io
import json
import math
import sys
import warnings
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from tokenize import TokenError
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harpi.errors import RecordingError
from harpi.files import write_atomically
from harpi.recording.archives import check_beginning
from harpi.recording.raw import Hints, Raw
from harpi.recording.table import MAX_SAMPLES, Table, check_length, check_rate, to_float32
from harpi.types import FloatArray

FORMAT: Final = 1

_MAX_MEMBER_BYTES: Final = MAX_SAMPLES * 6 * 8
_MAX_NAMES: Final = 10_000
_HARMLESS_BYTES: Final = 32 * 2**20
_MAX_RATIO: Final = 100
"""By which an archive grows at most when it is unpacked, where it grows beyond harmless: noise
keeps any signal above a tenth of it."""
_MEMBERS: Final = (
    "acc",
    "gyro",
    "fs",
    "acc_lsb_per_g",
    "gyro_lsb_per_dps",
    "label",
    "labels",
    "activity",
    "label_names",
    "segment",
    "subject",
    "subject_names",
    "position",
    "position_names",
    "meta",
    "format",
)
_LABELS: Final = ("label", "labels", "activity")
_ACC_LSB: Final = (16384.0, 8192.0, 4096.0, 2048.0)
_GYRO_LSB: Final = (131.0, 65.5, 32.8, 16.4)
_DAMAGED: Final = "Copy the file again from where it came"

_BROKEN: Final = (
    *(zipfile.BadZipFile, zlib.error, EOFError, ValueError),
    *(SyntaxError, TokenError),  # NumPy reads the head of an array as Python's literals
)

Arrays = Mapping[str, NDArray[Any]]


def read_npz(path: Path, where: str, hints: Hints) -> Raw:
    """Read a .npz recording.

    Raises:
        RecordingError: it is missing, damaged, too large, or of another layout.
    """
    arrays, others = _read_arrays(path, where)
    version = _scalar(arrays, "format", FORMAT, where)
    if version != FORMAT:
        raise RecordingError(
            f"it has format {version:g}, this harpi reads format {FORMAT}",
            where=where,
            remedy="Update harpi, or export the recording again with this one",
        )
    if "acc" not in arrays and others:
        raise RecordingError(
            f"its arrays are {', '.join(sorted([*arrays, *others])[:12])}",
            where=where,
            remedy="Name them acc [n, 3], gyro [n, 3], fs, and label with label_names",
        )
    acc = _axes(arrays, "acc", "acc_lsb_per_g", where)
    gyro = _axes(arrays, "gyro", "gyro_lsb_per_dps", where) if "gyro" in arrays else None
    if gyro is None and others:
        others = [name for name in others if name != "gyro"]
    count = len(acc)
    rate = hints.rate
    if rate is None or "fs" in arrays:
        rate = _scalar(arrays, "fs", None, where)
    labels, label, label_key = _labels(arrays, count, where)
    subjects, subject = _subjects(arrays, count, where)
    positions = _names(arrays, "position_names", where)
    position = _indices(arrays, "position", count, len(positions), where)
    meta = _meta(arrays, where)
    check_rate(rate, where)
    return Raw(
        format="harpi's npz",
        acc=acc,
        gyro=gyro,
        rate=rate,
        acc_unit="g" if "acc_lsb_per_g" in arrays else None,
        gyro_unit="deg/s" if "gyro_lsb_per_dps" in arrays else None,
        labels=labels,
        label=label,
        breaks=_breaks(arrays, count, where),
        subjects=subjects,
        subject=subject,
        positions=positions,
        position=position,
        columns={
            "ax": "acc",
            **({} if gyro is None else {"gx": "gyro"}),
            **({label_key: label_key} if label_key else {}),
        },
        ignored=others,
        vouched="take" in meta,
        meta=meta,
    )


def write_npz(path: Path, table: Table) -> None:
    """Write a table, atomically; what an MPU-6050 measured comes back to the last bit.

    Raises:
        OSError: the file cannot be written.
    """
    acc_lsb = _fitting_lsb(table.values[:, :3], _ACC_LSB)
    gyro_lsb = _fitting_lsb(table.values[:, 3:], _GYRO_LSB)
    arrays: dict[str, ArrayLike] = {
        "format": np.int16(FORMAT),
        "fs": np.float64(table.rate),
        "acc": np.rint(table.values[:, :3] * acc_lsb).astype(np.int16),
        "gyro": np.rint(table.values[:, 3:] * gyro_lsb).astype(np.int16),
        "acc_lsb_per_g": np.float64(acc_lsb),
        "gyro_lsb_per_dps": np.float64(gyro_lsb),
        "label": table.label,
        "label_names": _unicode(table.label_names),
        "segment": table.segment,
        "subject": table.subject,
        "subject_names": _unicode(table.subject_names),
        "position": table.position,
        "position_names": _unicode(table.position_names),
        "meta": np.str_(json.dumps(dict(table.meta), ensure_ascii=False)),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.asarray(array), allow_pickle=False)
            # A fixed date: the same recording is the same file.
            member = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, content.getvalue(), compresslevel=9)
    write_atomically(path, buffer.getvalue())


# --- the archive --------------------------------------------------------------------------


def _read_arrays(path: Path, where: str) -> tuple[Arrays, list[str]]:
    """Read the arrays that are known; also name the others."""
    try:
        with zipfile.ZipFile(path) as archive:
            check_beginning(archive)
            wanted = {f"{name}.npy": name for name in _MEMBERS}
            present = [info for info in archive.infolist() if info.filename in wanted]
            others = [
                info.filename.removesuffix(".npy")[:40]
                for info in archive.infolist()[:100]
                if info.filename not in wanted
            ]
            _check_size(present, path, where)
            arrays = {
                wanted[info.filename]: _read_member(archive, info, where) for info in present
            }
            return arrays, others
    except RecordingError:
        raise
    except FileNotFoundError as error:
        raise RecordingError(
            "there is no such recording", where=where, remedy="Check the path"
        ) from error
    except OSError as error:
        raise RecordingError(
            f"it cannot be read: {error.strerror or error}",
            where=where,
            remedy="Check the path and its permissions",
        ) from error
    except _BROKEN as error:
        raise RecordingError(
            f"it is truncated, damaged, or no .npz file ({error})",
            where=where,
            remedy=_DAMAGED,
        ) from error
    except RuntimeError as error:  # also what zipfile does not implement
        raise RecordingError(
            f"its archive is of a kind that is not read ({error})",
            where=where,
            remedy="Save it again with numpy.savez_compressed",
        ) from error


def _check_size(members: Sequence[zipfile.ZipInfo], path: Path, where: str) -> None:
    """Refuse an archive that is small and would fill the memory."""
    packed, size = path.stat().st_size, sum(member.file_size for member in members)
    if size > max(_HARMLESS_BYTES, packed * _MAX_RATIO):
        raise RecordingError(
            f"its {packed} bytes would unpack to {size // 2**20} MiB, which no signal does",
            where=where,
            remedy=_DAMAGED,
        )


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: str) -> NDArray[Any]:
    """Read one array, and no byte more than its header promises."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise RecordingError(
            f"its array '{info.filename}' is packed by method {info.compress_type}, "
            "which is not read",
            where=where,
            remedy="Save it again with numpy.savez_compressed",
        )
    with archive.open(info) as stream:
        version = np.lib.format.read_magic(stream)
        with warnings.catch_warnings():
            # NumPy warns of headers of Python 2, and of types by their old names, before it
            # reads or refuses them; nobody can do anything about that.
            warnings.simplefilter("ignore")
            try:
                if version == (1, 0):
                    shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
                else:
                    shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
            except TypeError as error:  # keys of which not all are texts
                raise ValueError(f"'{info.filename}' has no header ({error})") from error
        if not all(0 <= length <= sys.maxsize for length in shape):
            raise ValueError(f"'{info.filename}' has the shape {shape}")
        size = math.prod(shape) * dtype.itemsize
        if dtype.hasobject or dtype.kind not in "iufUS":
            raise RecordingError(
                f"its array '{info.filename}' holds {dtype}, not numbers or text",
                where=where,
                remedy="Save plain arrays; pickled objects are never read",
            )
        if size > _MAX_MEMBER_BYTES:
            raise RecordingError(
                f"its array '{info.filename}' would take {size // 2**20} MiB",
                where=where,
                remedy="Split it into several recordings",
            )
        content = stream.read(size)
        if len(content) < size:
            raise EOFError(f"'{info.filename}' ends early")
        stream.read(1)  # the end of the member, where its checksum is compared
    if dtype.kind == "U":
        points = np.frombuffer(content, np.dtype("u4").newbyteorder(dtype.byteorder))
        if points.max(initial=0) > sys.maxunicode:
            raise ValueError(f"'{info.filename}' holds no text")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


# --- the arrays ---------------------------------------------------------------------------


def _scalar(arrays: Arrays, name: str, default: float | None, where: str) -> float:
    if name not in arrays and default is not None:
        return default
    array = arrays.get(name)
    if array is None and name == "fs":
        raise RecordingError(
            "it has no array 'fs'",
            where=where,
            remedy="Add fs, the samples per second, or give them with --rate",
        )
    if array is None or array.size != 1 or array.dtype.kind not in "iuf":
        raise _wrong(name, "one number", where)
    return float(array.reshape(()))


def _axes(arrays: Arrays, name: str, lsb_name: str, where: str) -> FloatArray:
    array = arrays.get(name)
    if array is None or array.ndim != 2 or array.shape[1] != 3 or array.dtype.kind not in "iuf":
        raise _wrong(name, "numbers [n, 3]", where)
    check_length(len(array), where)
    lsb = _scalar(arrays, lsb_name, 1.0, where)
    if not (math.isfinite(lsb) and lsb > 0.0):
        raise _wrong(lsb_name, "a positive number", where)
    count = len(arrays["acc"])
    if len(array) != count:
        raise _wrong(name, f"as many rows as 'acc', {count}", where)
    # What is infinite, or no number, is refused later, with its place.
    with np.errstate(over="ignore", invalid="ignore"):
        return to_float32(np.divide(array, lsb, dtype=np.float64))


def _names(arrays: Arrays, name: str, where: str) -> tuple[str, ...]:
    array = arrays.get(name, np.empty(0, "U1"))
    if array.ndim != 1 or array.dtype.kind not in "US" or len(array) > _MAX_NAMES:
        raise _wrong(name, "a list of names", where)
    return _texts(array, name, where)


def _texts(array: NDArray[Any], name: str, where: str) -> tuple[str, ...]:
    """Make texts of an array of text, of bytes in UTF-8, or of numbers."""
    try:
        return tuple(
            one.decode() if isinstance(one, bytes) else str(one) for one in array.tolist()
        )
    except UnicodeDecodeError as error:
        raise _wrong(name, "text in UTF-8", where) from error


def _column(arrays: Arrays, name: str, count: int, where: str) -> NDArray[np.int64]:
    array = arrays[name]
    if array.shape != (count,) or array.dtype.kind not in "iu":
        raise _wrong(name, f"one integer for each of the {count} samples", where)
    return array.astype(np.int64)


def _indices(
    arrays: Arrays, name: str, count: int, names: int, where: str
) -> NDArray[np.int16]:
    if name not in arrays or not names:
        return np.full(count, -1, np.int16)
    column = _column(arrays, name, count, where)
    if column.min() < -1 or column.max() >= names:
        raise _wrong(name, f"indices from -1 to {names - 1} into '{name}_names'", where)
    return column.astype(np.int16)


def _labels(
    arrays: Arrays, count: int, where: str
) -> tuple[tuple[str, ...], NDArray[np.int16] | None, str]:
    """Give the names, the index of each sample, and the array that they are from.

    Indices count from 0 into `label_names`. Without names, each number or text is its own.
    """
    names = _names(arrays, "label_names", where)
    key = next((name for name in _LABELS if name in arrays), None)
    if key is None:
        return (), None, ""
    array = arrays[key]
    if array.shape != (count,):
        raise _wrong(key, f"one integer or text for each of the {count} samples", where)
    if array.dtype.kind == "f" and bool((array == np.rint(array)).all()):
        array = array.astype(np.int64)
    if names and array.dtype.kind in "iu":
        if array.min() < -1 or array.max() >= len(names):
            raise RecordingError(
                f"its array '{key}' goes from {array.min()} to {array.max()}, and "
                f"'label_names' has {len(names)} names: it is not indices from -1 to "
                f"{len(names) - 1}",
                where=where,
                remedy="Count labels from 0, and write -1 where there is none",
            )
        return names, array.astype(np.int16), key
    if array.dtype.kind not in "iuUS":
        raise _wrong(key, f"one integer or text for each of the {count} samples", where)
    found, index = np.unique(array, return_inverse=True)
    if len(found) > _MAX_NAMES:
        raise _wrong(key, f"at most {_MAX_NAMES} different labels", where)
    return _texts(found, key, where), index.astype(np.int16), key


def _subjects(
    arrays: Arrays, count: int, where: str
) -> tuple[tuple[str, ...], NDArray[np.int16]]:
    if "subject_names" in arrays or "subject" not in arrays:
        names = _names(arrays, "subject_names", where)
        return names, _indices(arrays, "subject", count, len(names), where)
    numbers, index = np.unique(_column(arrays, "subject", count, where), return_inverse=True)
    if len(numbers) > _MAX_NAMES:
        raise _wrong("subject", f"at most {_MAX_NAMES} different numbers", where)
    return tuple(str(number) for number in numbers), index.astype(np.int16)


def _breaks(arrays: Arrays, count: int, where: str) -> list[int]:
    """Tell where another contiguous run begins."""
    if "segment" not in arrays:
        return []
    segment = _column(arrays, "segment", count, where)
    return (np.flatnonzero(np.diff(segment)) + 1).tolist()


def _meta(arrays: Arrays, where: str) -> Mapping[str, Any]:
    array = arrays.get("meta", np.array("{}"))
    try:
        meta = json.loads(str(array.reshape(())))
    except (ValueError, RecursionError) as error:
        raise _wrong("meta", "a JSON object", where) from error
    if not isinstance(meta, dict):
        raise _wrong("meta", "a JSON object", where)
    return meta


def _wrong(name: str, expected: str, where: str) -> RecordingError:
    return RecordingError(
        f"its array '{name}' is not {expected}",
        where=where,
        remedy="See the layout of an .npz in docs/recordings.md",
    )


def _fitting_lsb(values: FloatArray, choices: tuple[float, ...]) -> float:
    """Choose the chip's scale that int16 words of `values` came from, else the finest."""
    largest = float(np.abs(values).max())
    fitting = [lsb for lsb in choices if largest * lsb <= 32767.0]
    for lsb in fitting:
        words = values * np.float64(lsb)
        if np.abs(words - np.rint(words)).max() < 0.01:
            return lsb
    return fitting[0] if fitting else 32767.0 / largest


def _unicode(names: tuple[str, ...]) -> NDArray[np.str_]:
    return np.array(names, np.str_) if names else np.empty(0, "U1")
