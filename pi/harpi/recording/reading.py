"""Read a recording of any format: told by its content, understood in one way for all."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harpi.errors import RecordingError
from harpi.recording import (
    androsensor,
    arduino,
    edge_impulse,
    mhealth,
    pamap2,
    phyphox,
    physics_toolbox,
    sensor_logger,
    uci_har,
    wisdm,
)
from harpi.recording.archives import unpacked
from harpi.recording.delimited import read_delimited
from harpi.recording.head import Head, head_of
from harpi.recording.npz import read_npz
from harpi.recording.raw import Hints, Raw, refuse
from harpi.recording.table import Table, check_length
from harpi.recording.understanding import understand
from harpi.recording.understood import Understood


@dataclass(frozen=True, slots=True)
class Format:
    """A format that is read.

    Attributes:
        name: what people call it.
        looks_like: tells by the beginning of a file, or the names in a folder.
        read: reads it.
    """

    name: str
    looks_like: Callable[[Head], bool]
    read: Callable[[Path, str, Hints], Raw]


def _is_npz(head: Head) -> bool:
    return head.beginning.startswith(b"PK") or head.path.suffix.lower() == ".npz"


FORMATS: Final = (
    Format("harpi's npz", _is_npz, read_npz),
    *(
        Format(module.NAME, module.looks_like, module.read)
        for module in (
            sensor_logger,
            phyphox,
            uci_har,
            edge_impulse,
            androsensor,
            physics_toolbox,
            wisdm,
            pamap2,
            mhealth,
            arduino,
        )
    ),
    Format("CSV", lambda head: head.files is None, read_delimited),
)
"""In the order in which they are tried; the last takes any table with a header."""

ENDINGS: Final = (
    ".npz",
    ".csv",
    ".tsv",
    ".txt",
    ".log",
    ".dat",
    ".json",
    ".cbor",
    ".gz",
)
"""Of files that may be recordings. The content tells which format one has."""


def read_table(
    path: Path, *, where: str | None = None, hints: Hints | None = None
) -> tuple[Table, Understood]:
    """Read a recording and say what it was taken for.

    Args:
        path: a file, or the folder or archive of a program that writes several.
        where: what a person calls it; the path where not given.
        hints: what the person says of it.

    Raises:
        RecordingError: it is missing, damaged, too large, of no known format, or cannot be
            motion.
    """
    name = where or str(path)
    with _opened(path, name) as (place, head):
        known = next((one for one in FORMATS if one.looks_like(head)), None)
        if known is None:
            raise refuse(
                "there is no recording in it",
                name,
                "Name the files in it, or import the folder",
            )
        given = hints or Hints()
        raw = known.read(place, name, given)
        raw.vouched = raw.vouched or given.vouched
        check_length(len(raw), name)
        return understand(raw, name, given)


def is_recording(path: Path) -> bool:
    """Tell whether a folder is one recording, of a program that writes several files."""
    head = Head(path, files={}) if not path.is_dir() else head_of(path, str(path))
    return any(one.looks_like(head) for one in FORMATS[1:-1])


@contextmanager
def _opened(path: Path, where: str) -> Iterator[tuple[Path, Head]]:
    """Look at a file, a folder, or into an archive of one."""
    if not path.is_dir() and path.suffix.lower() not in (*ENDINGS, ".zip"):
        if not path.exists():
            raise refuse("there is no such recording", where, "Check the path")
        raise RecordingError(
            f"unsupported file type: {path.suffix or 'no ending'}",
            where=where,
            remedy=f"Use a file that ends in {', '.join(ENDINGS)}, or .zip",
        )
    if path.suffix.lower() == ".zip" and path.is_file() and not _holds_arrays(path):
        with unpacked(path, where) as folder:
            yield folder, head_of(folder, where)
        return
    yield path, head_of(path, where)


def _holds_arrays(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".npy") for name in archive.namelist()[:100])
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
