"""Tables as text: a header that names the columns, then a line for each sample.

Columns may stand in any order, be separated by commas, semicolons, tabs, bars or blanks, and
have decimal commas where those do not separate columns. What stands above the header is left
out; a header that comes again begins another recording. The file is read in one go and in
pieces, so that a long one needs little memory beyond its samples.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, TextIO

import numpy as np
from numpy.typing import NDArray

from harpi.errors import NoRecording, RecordingError
from harpi.recording.columns import NUMBERED, Columns, columns_of
from harpi.recording.raw import Hints, Raw, refuse
from harpi.recording.table_times import NO_THOUSANDS, Row, Times, is_number, with_comma
from harpi.types import AXES

MAX_BYTES: Final = 2**28
"""Text that is read at most: more than a day at 50 Hz."""

HEADER: Final = "time,ax,ay,az,gx,gy,gz,label"

_MOST_LABELS: Final = 10_000
_LONGEST_CELL: Final = 4096
_HEAD: Final = 60
"""Lines in which the header is looked for."""
_BATCH: Final = 8192
_DELIMITERS: Final = (",;\t|", " ")
_SAVE_AS: Final = "Save it as UTF-8 text with the columns " + HEADER


@dataclass(frozen=True, slots=True)
class Sheet:
    """Where the table of a file is.

    Attributes:
        header: the names of the columns as they stand there.
        columns: what they are.
        line: line of the header, from 1.
        delimiter: what separates columns.
        decimal_comma: numbers have a comma where others have a point.
        skipped: what stands above the header.
    """

    header: tuple[str, ...]
    columns: Columns
    line: int
    delimiter: str
    decimal_comma: bool
    skipped: tuple[str, ...] = ()


def read_delimited(path: Path, where: str, hints: Hints) -> Raw:
    """Read a table.

    Raises:
        RecordingError: it is missing, not text, too large, or no table of samples.
    """
    return read_sheet(path, find_sheet(path, where), where, hints)


def read_gyroscope(path: Path, where: str, hints: Hints) -> Raw:
    """Read a table that has a gyroscope alone; its angular rates come as `acc`.

    Raises:
        RecordingError: as `read_delimited`.
    """
    sheet = find_sheet(path, where, gyroscope=True)
    columns = sheet.columns
    if columns.has_gyro:
        columns.axes = {"a" + axis[1]: columns.axes[axis] for axis in AXES[3:]}
        columns.acc_unit, columns.gyro_unit = columns.gyro_unit, None
    return read_sheet(path, sheet, where, hints)


def find_sheet(path: Path, where: str, *, gyroscope: bool = False) -> Sheet:
    """Find the header of a table, and how its columns are separated.

    Args:
        path: the file.
        where: what a person calls it.
        gyroscope: a gyroscope alone is enough.

    Raises:
        RecordingError: it cannot be read, or no line of it is such a header.
    """
    with opened_text(path, where) as (text, _):
        lines = [line.rstrip("\r\n") for line in islice(_short_lines(text, where), _HEAD)]
    best: tuple[int, Columns] | None = None
    for number, line in enumerate(lines, start=1):
        found = _header(line)
        if found is None:
            continue
        delimiter, cells = found
        columns = columns_of(cells)
        if columns.has_acc or (gyroscope and columns.has_gyro):
            below = lines[number:]
            decimal_comma = _has_decimal_commas(below, delimiter, columns)
            skipped = tuple(one for one in lines[: number - 1] if one.strip())
            return Sheet(tuple(cells), columns, number, delimiter, decimal_comma, skipped)
        if len(columns.axes) + len(columns.linear) >= 1 and best is None:
            best = number, columns
    raise _no_header(lines, best, where)


def read_sheet(
    path: Path,
    sheet: Sheet,
    where: str,
    hints: Hints,
    *,
    format: str = "CSV",  # noqa: A002
    columns: Columns | None = None,
) -> Raw:
    """Read the samples below a header.

    Args:
        path: the file.
        sheet: where its table is.
        where: what a person calls the file.
        hints: what the person says of it.
        format: what the format is called.
        columns: what the columns are, where the reader of a format knows better.

    Raises:
        RecordingError: a line is not as the header says.
    """
    columns = columns or sheet.columns
    if columns.twice:
        raise refuse(
            f"line {sheet.line}: the header has {columns.twice} more than once",
            where,
            "Remove the columns that are not meant",
        )
    if columns.axes.keys() & set(AXES[3:]) and not columns.has_gyro:
        raise refuse(
            f"line {sheet.line}: the header has no column {', '.join(columns.missing)}",
            where,
            f"Begin the file with {HEADER}",
        )
    rows = _Rows(sheet, columns, where)
    with opened_text(path, where) as (text, position):
        for _ in range(sheet.line):
            text.readline()
        size = max(1, path.stat().st_size)
        for batch in _batches(csv.reader(text, delimiter=sheet.delimiter), sheet, where):
            rows.add(batch)
            hints.on_progress(min(1.0, position() / size))
    return rows.finish(format)


# --- text -----------------------------------------------------------------------------------


@contextmanager
def opened_text(path: Path, where: str) -> Iterator[tuple[TextIO, Any]]:
    """Open a file of text, packed by gzip or not; also tell how far it is read.

    Raises:
        RecordingError: it is missing, too large, or no text in UTF-8 or UTF-16.
    """
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            if size > MAX_BYTES:
                raise _too_long(size, where)
            packed = file.peek(2)[:2] == b"\x1f\x8b"
            content: Any = gzip.GzipFile(fileobj=file) if packed else file
            limited = io.BufferedReader(_Limited(content, where))
            encoding = _encoding(limited.peek(256)[:256])
            # Carriage returns end lines, too: old programs write them alone, or two of them.
            text = io.TextIOWrapper(limited, encoding, errors="strict", newline=None)
            yield text, file.tell
    except RecordingError:
        raise
    except FileNotFoundError as error:
        raise refuse("there is no such recording", where, "Check the path") from error
    except IsADirectoryError as error:
        raise refuse("it is a folder", where, "Name a file in it") from error
    except UnicodeError as error:
        raise refuse(f"it is no text in UTF-8 ({_told(error)})", where, _SAVE_AS) from error
    except (zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise refuse(
            f"its packed content is damaged ({error})", where, "Copy it again"
        ) from error
    except csv.Error as error:
        raise refuse(
            f"its columns cannot be told apart ({error})", where, f"Write lines of {HEADER}"
        ) from error
    except OSError as error:
        raise refuse(
            f"it cannot be read: {error.strerror or error}",
            where,
            "Check the path and its permissions",
        ) from error


class _Limited(io.RawIOBase):
    """A stream that ends with an error where there is more than is read."""

    def __init__(self, source: Any, where: str) -> None:
        self._source, self._where, self._left = source, where, MAX_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._source.read(len(buffer))
        self._left -= len(content)
        if self._left < 0:
            raise _too_long(None, self._where)
        buffer[: len(content)] = content
        return len(content)


def _too_long(size: int | None, where: str) -> RecordingError:
    told = f"{size // 2**20} MiB" if size is not None else f"more than {MAX_BYTES // 2**20} MiB"
    return refuse(
        f"it has {told}; {MAX_BYTES // 2**20} MiB at most are read, about a day at 50 Hz",
        where,
        "Split it into several recordings, each with the header",
    )


def _encoding(beginning: bytes) -> str:
    if beginning.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    # Without a mark, every other byte of plain text in UTF-16 is zero.
    for place, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros = beginning[place::2].count(0)
        if len(beginning) >= 8 and zeros > 0.9 * (len(beginning) // 2):
            return encoding
    return "utf-8-sig"


def _told(error: UnicodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.object[error.start]:#04x}"
    return str(error)


def _short_lines(text: TextIO, where: str) -> Iterator[str]:
    """Read lines, none of them longer than a table has."""
    while line := text.readline(2**16):
        if "\0" in line:
            raise refuse("it is no text", where, _SAVE_AS)
        yield line


# --- the header -----------------------------------------------------------------------------


def _header(line: str) -> tuple[str, list[str]] | None:
    """Split a line that may be a header; None where it is empty, or a remark."""
    line = line.strip("\ufeff")
    if not line.strip() or line.lstrip().startswith(("//", "%")):
        return None
    for delimiters in _DELIMITERS:
        try:
            dialect = csv.Sniffer().sniff(line[:_LONGEST_CELL], delimiters)
            (cells,) = csv.reader([line], delimiter=dialect.delimiter, skipinitialspace=True)
        except (csv.Error, ValueError, TypeError):
            continue
        if len(cells) > 1:
            return dialect.delimiter, cells
    return None


def _numeric(cell: str) -> bool:
    try:
        float(cell.strip().strip('"').replace(",", "."))
    except ValueError:
        return False
    return True


def _has_decimal_commas(lines: Sequence[str], delimiter: str, columns: Columns) -> bool:
    for line in lines:
        try:
            cells = next(csv.reader([line], delimiter=delimiter))
        except (csv.Error, StopIteration):
            continue
        numbers = [cells[p] for p in columns.axes.values() if p < len(cells)]
        if any("," in number for number in numbers):
            return all("." not in number for number in numbers)
    return False


def _no_header(
    lines: Sequence[str], best: tuple[int, Columns] | None, where: str
) -> RecordingError:
    full = [line for line in lines if line.strip()]
    if not full:
        return refuse("it is empty", where, "Record again")
    if best is not None:
        number, columns = best
        if len(columns.linear) >= 3 and not columns.has_acc:
            return refuse(
                f"line {number}: its acceleration is without gravity "
                f"({', '.join(columns.names[p] for p in columns.linear[:3])})",
                where,
                "Record the acceleration with gravity",
            )
        missing = ", ".join(axis for axis in columns.missing if axis.startswith("a"))
        return refuse(
            f"line {number}: the header has no column {missing}; it has {_some(columns.names)}",
            where,
            f"Name the columns {HEADER}",
        )
    first = next(number for number, line in enumerate(lines, start=1) if line.strip())
    found = _header(full[0])
    cells = found[1] if found else [full[0].strip()]
    numbers = sum(_numeric(cell) for cell in cells)
    if numbers >= 3 and numbers >= len(cells) - 2:
        return refuse(
            f"line {first}: it has no header that names its {len(cells)} columns",
            where,
            f"Put a line in front that names them, such as {HEADER}",
        )
    return NoRecording(
        f"line {first}: no header is found that names ax, ay and az; it says "
        f"{full[0].strip()[:60]!r}",
        where=where,
        remedy=f"Begin the file with {HEADER}",
    )


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(name[:30] or "''" for name in names[:12])
    return shown + (f" and {len(names) - 12} more" if len(names) > 12 else "")


# --- the rows -------------------------------------------------------------------------------


def _batches(reader: Any, sheet: Sheet, where: str) -> Iterator[list[Row]]:
    """Read rows with the number of their last line, without those that are empty."""
    batch: list[Row] = []
    for row in reader:
        if not row or not any(cell and not cell.isspace() for cell in row):
            continue
        batch.append((sheet.line + reader.line_num, row))
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


class _Rows:
    """The samples of a table, as they are read."""

    def __init__(self, sheet: Sheet, columns: Columns, where: str) -> None:
        self._sheet, self._columns, self._where = sheet, columns, where
        axes = AXES if columns.has_gyro else AXES[:3]
        self._axes = axes
        self._places = [columns.axes[axis] for axis in axes]
        self._pick = itemgetter(*self._places)
        self._values = array("f")
        self._lines = array("i")
        self._breaks: list[int] = []
        self._times = Times(sheet.decimal_comma, columns, where)
        self._labels = _Codes(columns.label, "label", where)
        self._subjects = _Codes(columns.subject, "subject", where)

    def add(self, batch: list[Row]) -> None:
        """Take in some rows.

        Raises:
            RecordingError: one of them is not as the header says.
        """
        batch = self._without_headers(batch)
        width = len(self._sheet.header)
        for line, row in batch:
            if len(row) > width and any(cell.strip() for cell in row[width:]):
                raise self._too_wide(line, row)
        picked = (self._pick(row) for _, row in batch)
        try:
            if self._sheet.decimal_comma:
                numbers = [[with_comma(c) for c in cells] for cells in picked]
            else:
                numbers = [[float(c) for c in cells] for cells in picked]
        except (ValueError, IndexError) as error:
            raise self._fault(batch) from error
        with np.errstate(over="ignore"):
            values = np.array(numbers, np.float64).reshape(-1, len(self._axes))
            single = values.astype(np.float32)
        if not np.isfinite(single).all():
            raise self._infinite(batch, single)
        self._values.frombytes(single.tobytes())
        self._lines.extend(line for line, _ in batch)
        self._times.add(batch)
        self._labels.add(batch)
        self._subjects.add(batch)

    def finish(self, format: str) -> Raw:  # noqa: A002
        """Make columns of all rows."""
        columns = self._columns
        count = len(self._lines)
        if not count:
            raise refuse("it holds no samples", self._where, "Record again")
        values = np.frombuffer(self._values, np.float32).reshape(count, -1)
        times = self._times.finish()
        used = {axis: columns.names[columns.axes[axis]] for axis in self._axes}
        if times.place is not None:
            used = {"time": columns.names[times.place], **used}
        for role, place in (("label", columns.label), ("subject", columns.subject)):
            if place is not None:
                used[role] = columns.names[place]
        taken = {
            *self._places,
            *(p for p in (times.place, columns.label, columns.subject) if p is not None),
        }
        notes = []
        if self._sheet.skipped:
            told = self._sheet.skipped[0].strip()[:40]
            notes.append(f"left out what stands above the header: {told!r}")
        if self._breaks:
            notes.append("the header stands there again: another recording begins")
        return Raw(
            format=format,
            acc=values[:, :3],
            gyro=values[:, 3:] if len(self._axes) == 6 else None,
            times=times.values,
            other_times=times.others,
            time_unit=times.unit,
            clock=times.clock,
            start=times.start,
            acc_unit=columns.acc_unit,
            gyro_unit=columns.gyro_unit,
            labels=self._labels.names,
            label=self._labels.finish(),
            subjects=tuple(self._subjects.names),
            subject=self._subjects.finish(),
            breaks=self._breaks,
            lines=np.frombuffer(self._lines, np.int32),
            columns=used,
            ignored=[
                name
                for place, name in enumerate(columns.names)
                if place not in taken and name and place not in self._unnamed()
            ],
            notes=notes,
        )

    def _unnamed(self) -> set[int]:
        return {p for p, unit in self._columns.time_units.items() if unit == NUMBERED}

    def _without_headers(self, batch: list[Row]) -> list[Row]:
        header = list(self._sheet.header)
        kept: list[Row] = []
        for line, row in batch:
            if row == header:
                self._breaks.append(len(self._lines) + len(kept))
            else:
                kept.append((line, row))
        return kept

    def _too_wide(self, line: int, row: list[str]) -> RecordingError:
        width = len(self._sheet.header)
        # Each number with a decimal comma is two cells.
        doubled = sum(self._columns.names[p] != "" for p in self._places)
        commas = self._sheet.delimiter == "," and len(row) in (
            width + doubled,
            width + doubled + 1,
        )
        if commas and all(cell.strip().lstrip("-").isdigit() for cell in row[: 2 * doubled]):
            return refuse(
                f"line {line}: its numbers have decimal commas, and commas between columns",
                self._where,
                "Write decimal points, or separate the columns by semicolons",
            )
        return refuse(
            f"line {line}: it has {len(row)} columns, the header has {width}"
            + (", as if a line break were missing" if len(row) >= 2 * width - 1 else ""),
            self._where,
            "Correct or remove the line",
        )

    def _fault(self, batch: list[Row]) -> RecordingError:
        for line, row in batch:
            for axis, place in zip(self._axes, self._places, strict=True):
                if place >= len(row):
                    return refuse(
                        f"line {line}: it ends early, with {len(row)} of "
                        f"{len(self._sheet.header)} columns: "
                        f"{self._sheet.delimiter.join(row)[-40:]!r}",
                        self._where,
                        "Complete or remove the line",
                    )
                if not is_number(row[place], comma=self._sheet.decimal_comma):
                    return refuse(
                        f"line {line}: {axis} is {row[place].strip()[:40]!r}, not a number",
                        self._where,
                        _for_number(row[place], comma=self._sheet.decimal_comma),
                    )
        return refuse("its lines cannot be read", self._where, f"Write lines of {HEADER}")

    def _infinite(self, batch: list[Row], values: NDArray[np.float32]) -> RecordingError:
        row, column = np.argwhere(~np.isfinite(values))[0]
        line, cells = batch[row]
        cell = cells[self._places[column]].strip()[:40]
        return refuse(
            f"line {line}: {self._axes[column]} is {cell!r}, which is no measurement",
            self._where,
            "Remove the line, or write what was measured",
        )


def _for_number(cell: str, *, comma: bool = False) -> str:
    if comma and "." in cell:
        return NO_THOUSANDS
    if "\u2212" in cell or "\u2013" in cell:
        return "Write negative numbers with a plain hyphen, -1.5"
    if "," in cell:
        return "Write numbers with a decimal point, or separate the columns by semicolons"
    return "Remove the line, or write what was measured"


class _Codes:
    """A column of names, as indices."""

    def __init__(self, place: int | None, kind: str, where: str) -> None:
        self._place, self._kind, self._where = place, kind, where
        self._codes: dict[str, int] = {}
        self._index = array("h")

    @property
    def names(self) -> list[str]:
        """The names, in the order in which they came."""
        return list(self._codes)

    def add(self, batch: list[Row]) -> None:
        """Take in some rows; one that ends before the column has no name."""
        place = self._place
        if place is None:
            return
        codes, index = self._codes, self._index
        for line, row in batch:
            cell = row[place].strip() if place < len(row) else ""
            code = codes.setdefault(cell, len(codes))
            if code >= _MOST_LABELS or len(cell) > _LONGEST_CELL:
                raise refuse(
                    f"line {line}: it has more than {_MOST_LABELS} different {self._kind}s, or "
                    f"one of more than {_LONGEST_CELL} characters",
                    self._where,
                    f"Write one {self._kind} in each line",
                )
            index.append(code)

    def finish(self) -> NDArray[np.int16] | None:
        """Give ``[n]`` indices into the names; None where there is no such column."""
        return None if self._place is None else np.frombuffer(self._index, np.int16)
