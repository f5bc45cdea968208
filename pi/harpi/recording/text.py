"""Recordings as .csv: a header `time,ax,ay,az,gx,gy,gz[,label]`, then seconds, g and deg/s.

Columns may stand in any order and case, others are ignored; an empty label is none. The rate
is that of the times. Where more than `GAP_PERIODS` are missing a new segment begins; within a
segment, times that are not evenly spaced are evened out by interpolation.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.errors import RecordingError
from harpi.files import write_atomically
from harpi.recording.table import NO_LABEL, Table, check_length, check_rate, to_float32
from harpi.types import AXES, TimeArray

GAP_PERIODS: Final = 4.0

_MAX_BYTES: Final = 2**29
_MAX_TIME: Final = 1e12
_MAX_LABEL: Final = 64
_MAX_LABELS: Final = 10_000
_NUMBERS: Final = ("time", *AXES)
_HEADER: Final = ",".join((*_NUMBERS, "label"))


def read_csv(path: Path) -> Table:
    """Read a .csv recording.

    Raises:
        RecordingError: it is missing, not text, too large, or its columns are not as above.
    """
    where = str(path)
    header, _, body = _read_text(path).partition("\n")
    columns = _columns(header, where)
    if not body.strip():
        raise RecordingError("it holds no samples", where=where, remedy="Record again")
    try:
        numbers = _numbers(body, columns, where)
        check_length(len(numbers), where)
        label_names, label = _labels(body, columns, len(numbers), where)
    except csv.Error as error:
        raise RecordingError(
            f"its columns cannot be told apart ({error})",
            where=where,
            remedy=f"Write lines of {_HEADER}",
        ) from error
    times = numbers[:, 0]
    _check_times(times, where)
    rate = _rate_of(times)
    check_rate(rate, where)
    grid, row, segment = _even_grid(times, rate)
    values = np.column_stack([np.interp(grid, times, axis) for axis in numbers[:, 1:].T])
    unknown = np.full(len(values), -1, np.int16)
    return Table(
        values=to_float32(values),
        rate=rate,
        label_names=label_names,
        label=label[row],
        segment=segment,
        subject_names=(),
        subject=unknown,
        position_names=(),
        position=unknown,
        meta={},
    )


def write_csv(path: Path, table: Table) -> None:
    """Write a table, atomically; a second and more is left out between segments.

    Raises:
        OSError: the file cannot be written.
    """
    gaps = (table.segment - table.segment[0]) * (1.0 + GAP_PERIODS / table.rate)
    times = np.arange(len(table.values)) / table.rate + gaps
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow((*_NUMBERS, "label"))
    names = [*table.label_names, ""]
    writer.writerows(
        (f"{time:.6f}", *sample, names[label])
        for time, sample, label in zip(
            times.tolist(), table.values.tolist(), table.label.tolist(), strict=True
        )
    )
    write_atomically(path, buffer.getvalue().encode())


def _read_text(path: Path) -> str:
    where = str(path)
    try:
        size = path.stat().st_size
        if size > _MAX_BYTES:
            raise RecordingError(
                f"it has {size // 2**20} MiB, more than {_MAX_BYTES // 2**20} are not read",
                where=where,
                remedy="Split it into several recordings, or write it as .npz",
            )
        return path.read_text(encoding="utf-8-sig")
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
    except UnicodeDecodeError as error:
        raise RecordingError(
            "it is no text in UTF-8", where=where, remedy=f"Write lines of {_HEADER}"
        ) from error


def _columns(header: str, where: str) -> list[str]:
    columns = [name.strip().strip('"').lower() for name in header.split(",")]
    missing = [name for name in _NUMBERS if name not in columns]
    if missing:
        raise RecordingError(
            f"line 1: the header has no column {', '.join(missing)}",
            where=where,
            remedy=f"Begin the file with {_HEADER}",
        )
    return columns


def _numbers(body: str, columns: list[str], where: str) -> NDArray[np.float64]:
    """Parse time and the six axes: float64 ``[n, 7]``."""
    wanted = [columns.index(name) for name in _NUMBERS]
    try:
        return np.loadtxt(
            io.StringIO(body),
            delimiter=",",
            usecols=wanted,
            comments=None,
            quotechar='"',
            ndmin=2,
        )
    except ValueError as error:
        raise RecordingError(
            _first_fault(body, columns) or str(error),
            where=where,
            remedy="Separate columns by commas and write numbers with a decimal point",
        ) from error


def _first_fault(body: str, columns: list[str]) -> str | None:
    """Say in words which line numpy stumbled over."""
    for line, cells in enumerate(csv.reader(io.StringIO(body)), start=2):
        for name in _NUMBERS if cells else ():
            column = columns.index(name)
            if column >= len(cells):
                return f"line {line}: it has {len(cells)} columns, the header {len(columns)}"
            try:
                float(cells[column])
            except ValueError:
                return f"line {line}: {name} is {cells[column].strip()[:40]!r}, not a number"
    return None


def _labels(
    body: str, columns: list[str], count: int, where: str
) -> tuple[tuple[str, ...], NDArray[np.int16]]:
    if "label" not in columns:
        return (), np.full(count, NO_LABEL, np.int16)
    column = columns.index("label")
    codes = {"": NO_LABEL}
    rows = (row for row in csv.reader(io.StringIO(body)) if row)
    label = [
        codes.setdefault(row[column].strip() if column < len(row) else "", len(codes) - 1)
        for row in rows
    ]
    names = tuple(codes)[1:]
    if len(names) > _MAX_LABELS or any(len(name) > _MAX_LABEL for name in names):
        raise RecordingError(
            f"its labels are more than {_MAX_LABELS}, or longer than {_MAX_LABEL} characters",
            where=where,
            remedy="Write the name of one activity in each line, or nothing",
        )
    return names, np.array(label, np.int16)


def _check_times(times: TimeArray, where: str) -> None:
    for wrong, problem, remedy in (
        (~(np.abs(times) < _MAX_TIME), "its time is no number of seconds", "Remove it"),
        (
            _steps(times) <= 0.0,
            "its time does not come after the one before",
            "Sort the lines by time and remove those that are there twice",
        ),
    ):
        if wrong.any():
            row = int(np.argmax(wrong))
            raise RecordingError(f"sample {row}: {problem}", where=where, remedy=remedy)


def _steps(times: TimeArray) -> TimeArray:
    """Give the time since the sample before; infinite for the first."""
    with np.errstate(invalid="ignore"):  # infinite times are refused for what they are
        return np.diff(times, prepend=-np.inf)


def _rate_of(times: TimeArray) -> float:
    """Give the rate of times that may have gaps, as the shortest decimal that fits them."""
    steps = np.diff(times)
    usual = steps[steps < 1.5 * np.median(steps)]
    rate = 1.0 / float(np.mean(usual))
    for digits in range(7):
        rounded = round(rate, digits)
        if len(usual) * abs(rounded / rate - 1.0) < 1e-3:
            return rounded
    return rate


def _even_grid(
    times: TimeArray, rate: float
) -> tuple[TimeArray, NDArray[np.intp], NDArray[np.int32]]:
    """Lay an even grid over the times between gaps.

    Returns:
        The times of the grid, for each the row that is nearest, and its segment.
    """
    ends = np.append(np.flatnonzero(np.diff(times) > GAP_PERIODS / rate), len(times) - 1)
    starts = np.append(0, ends[:-1] + 1)
    counts = np.rint((times[ends] - times[starts]) * rate).astype(np.int64) + 1
    segment = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    place = np.arange(len(segment)) - np.repeat(np.cumsum(counts) - counts, counts)
    grid = times[starts][segment] + place / rate
    if len(grid) == len(times) and np.abs(times - grid).max() < 0.5 / rate:
        return times, np.arange(len(times)), segment  # even enough to be taken as it is
    grid = np.minimum(grid, times[ends][segment])
    row = np.searchsorted((times[1:] + times[:-1]) / 2.0, grid)
    return grid, row, segment
