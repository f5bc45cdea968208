"""The column of times in a table: numbers, dates, or times of day."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.errors import RecordingError
from harpi.recording.columns import Columns
from harpi.recording.raw import refuse

Row = tuple[int, list[str]]
"""The number of a line, and its cells."""

NO_THOUSANDS: Final = "Write decimal commas throughout, and no points between thousands"


@dataclass(frozen=True, slots=True)
class TimesRead:
    """The times of a table, as `Raw` names them."""

    place: int | None = None
    values: NDArray[np.float64] | None = None
    others: NDArray[np.float64] | None = None
    unit: str | None = None
    clock: bool = False
    start: datetime | None = None


class Times:
    """The column of times: numbers, dates, or times of day."""

    def __init__(self, decimal_comma: bool, columns: Columns, where: str) -> None:
        self._decimal_comma, self._columns, self._where = decimal_comma, columns, where
        self._place: int | None = None
        self._dates = False
        self._clock = False
        self._values = array("d")
        self._others = array("d")
        self._zone = True

    def add(self, batch: list[Row]) -> None:
        """Take in the times of some rows.

        Raises:
            RecordingError: one is neither a number nor a date.
        """
        if not self._columns.times or not batch:
            return
        place = self._choose(batch[0][1]) if self._place is None else self._place
        try:
            cells = [row[place] for _, row in batch]
            if self._dates:
                self._values.extend(map(self._date, cells))
            elif self._decimal_comma:
                self._values.extend(map(with_comma, cells))
                self._others.extend(_unpadded(cell.replace(",", ".")) for cell in cells)
            else:
                self._values.extend(map(float, cells))
                self._others.extend(map(_unpadded, cells))
        except (ValueError, IndexError, OverflowError) as error:
            raise self._fault(batch, place) from error

    def finish(self) -> TimesRead:
        """Give what the column says."""
        if self._place is None:
            return TimesRead()
        values = np.frombuffer(self._values, np.float64)
        if self._dates:
            start = None
            if not self._clock and self._zone and len(values) and values[0] > 0:
                start = datetime.fromtimestamp(float(values[0]), UTC)
            return TimesRead(self._place, values, None, "s", clock=True, start=start)
        unit = self._columns.time_units[self._place]
        others = np.frombuffer(self._others, np.float64)
        different = not np.array_equal(others, values)
        return TimesRead(self._place, values, others if different else None, unit)

    def _choose(self, row: list[str]) -> int:
        """Take the first column that holds numbers, else the first."""
        for place in self._columns.times:
            cell = row[place] if place < len(row) else ""
            if is_number(cell, comma=self._decimal_comma):
                self._place = place
                return place
        self._place = self._columns.times[0]
        self._dates = True
        cell = row[self._place].strip() if self._place < len(row) else ""
        self._clock = not cell[:4].isdigit()
        return self._place

    def _date(self, cell: str) -> float:
        text = cell.strip()
        if self._decimal_comma:
            text = text.replace(",", ".")
        if self._clock:
            moment = time.fromisoformat(_one_fraction(text, 2))
            seconds = 3600 * moment.hour + 60 * moment.minute + moment.second
            return seconds + moment.microsecond / 1e6
        stamp = datetime.fromisoformat(_one_fraction(text, 2))
        if stamp.tzinfo is None:
            # A clock on the wall: steps are right, the moment in UTC is not known.
            self._zone = False
            stamp = stamp.replace(tzinfo=UTC)
        return stamp.timestamp()

    def _fault(self, batch: list[Row], place: int) -> RecordingError:
        for line, row in batch:
            cell = row[place].strip() if place < len(row) else ""
            comma = self._decimal_comma and not self._dates
            try:
                if self._dates:
                    self._date(cell)
                elif comma:
                    with_comma(cell)
                else:
                    float(cell)
            except (ValueError, OverflowError):
                return refuse(
                    f"line {line}: {self._columns.names[place]} is {cell[:40]!r}, not a time",
                    self._where,
                    NO_THOUSANDS
                    if comma and is_number(cell)
                    else "Write seconds, milliseconds, or dates like 2024-05-06T12:00:00.020",
                )
        return refuse("its times cannot be read", self._where, "Write seconds")


def _one_fraction(text: str, colons: int) -> str:
    """Give 12:00:00:250, as some programs write it, the point that it lacks."""
    head, colon, tail = text.rpartition(":")
    if colon and head.count(":") >= colons and tail.isdigit():
        return f"{head}.{tail}"
    return text


def _unpadded(cell: str) -> float:
    """Read 1.5 as 1 s and 5 ms, as a program means it that pads no zeros."""
    whole, point, fraction = cell.strip().partition(".")
    if point and fraction.isdigit() and len(fraction) <= 3:
        return float(whole or 0) + int(fraction) / 1000.0
    return float(cell)


def is_number(cell: str, *, comma: bool = False) -> bool:
    """Whether a cell is a number; with a decimal comma where `comma` says so."""
    try:
        with_comma(cell) if comma else float(cell)
    except ValueError:
        return False
    return True


def with_comma(cell: str) -> float:
    """Read a number with a decimal comma; a point in it may be one between thousands.

    Raises:
        ValueError: it is none.
    """
    if "." in cell:
        raise ValueError(cell)
    return float(cell.replace(",", "."))
