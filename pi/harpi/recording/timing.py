"""The clock of a file: its unit, its rate, and what is wrong with it.

People's clocks count seconds, milliseconds, microseconds or nanoseconds, from the start or
from 1970; they restart, tick too coarsely to tell samples apart, or stamp a whole packet at
once. Each is told from the others by how the stamps follow each other, and only what is
certain is evened out: samples are spread within packets that come steadily, a clock that
restarts begins another recording, a line that stands twice counts once. Anything else is
refused with its line.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.recording.raw import Hints, Raw, refuse
from harpi.types import FloatArray, TimeArray

GAP_PERIODS: Final = 4.0
"""Sampling periods without a sample from which on signal is missing, and not interpolated."""

SLOWEST, FASTEST = 4.0, 4000.0
"""Samples per second of the sensors that people wear."""

UNITS: Final = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
"""Seconds in each unit of time."""

UNIT_NAMES: Final = {
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
}

_PACKED: Final = 0.3
"""Share of the mean step below which two samples came in one packet."""
_FEWEST_PACKETS: Final = 5
"""Pauses from which on samples may come in packets; fewer are gaps."""
_DAY: Final = 86_400.0
_FINER: Final = "Write a time for each sample, in milliseconds or finer"
_SWAPPED: Final = 10
"""Samples within which a clock that was set back catches up if lines were only swapped."""
_EPOCH: Final = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True, eq=False)
class Clock:
    """Even times for the samples of a file, and what was found on the way.

    Attributes:
        rate: samples per second.
        rows: ``[m]``, the samples of the file that are nearest to the even ones.
        segment: int32 ``[m]``, number of the contiguous run.
        begins: float64, second at which each run begins on the clock of the file.
        times: float64 ``[n]`` of the samples that count; None where no value is interpolated.
        grid: float64 ``[m]``, in the same seconds; None where `times` is.
        counted: ``[n]``, the samples that count; None for all.
        jitter: standard deviation of the steps between samples, in seconds.
        lost: share of samples that are missing within the runs, and were interpolated.
        gaps: how often signal is missing for longer.
        restarts: how often the clock began anew.
        duplicates: lines that stood twice.
        unit: what one step of the file's clock was taken for; None where it has none.
        start: UTC time of the first sample, where the file says it.
        notes: what a person should know.
    """

    rate: float
    rows: NDArray[np.intp]
    segment: NDArray[np.int32]
    begins: TimeArray
    times: TimeArray | None = None
    grid: TimeArray | None = None
    counted: NDArray[np.intp] | None = None
    jitter: float = 0.0
    lost: float = 0.0
    gaps: int = 0
    restarts: int = 0
    duplicates: int = 0
    unit: str | None = None
    start: datetime | None = None
    notes: list[str] = field(default_factory=list)

    def even(self, values: FloatArray) -> FloatArray:
        """Bring columns ``[n, k]`` of the file to the even times."""
        if self.counted is not None:
            values = values[self.counted]
        if self.times is None or self.grid is None:
            return values
        columns = [np.interp(self.grid, self.times, column) for column in values.T]
        return np.column_stack(columns).astype(np.float32)


def clock_of(raw: Raw, hints: Hints, where: str) -> Clock:
    """Understand the times of a file.

    Raises:
        RecordingError: they cannot be those of a sensor, or nobody can tell what they mean.
    """
    _check_hint(hints, where)
    if raw.times is None:
        return _without_times(raw, hints, where)
    seconds, unit, start, notes = _seconds(raw, hints, where)
    counted, duplicates = _without_duplicates(seconds, raw)
    if counted is not None:
        seconds = seconds[counted]
    line = _Lines(raw, counted)
    seconds, breaks, restarts = _restarts(seconds, raw, line, where)
    parts = _Parts(seconds, breaks)
    typical = _typical_step(parts.steps)
    packed = parts.steps < _PACKED * typical
    pauses = len(packed) - np.count_nonzero(packed)
    if pauses >= _FEWEST_PACKETS and np.count_nonzero(packed) >= _PACKED * len(packed):
        clock = _of_packets(parts, packed, line, where)
        notes.append(clock.notes[0])
    elif (same := parts.steps == 0.0).any():
        clock = _of_coarse_clock(parts, same, typical, line, where)
        notes.append(clock.notes[0])
    else:
        clock = _of_single_samples(parts)
    rows = clock.rows if counted is None else counted[clock.rows]
    if restarts:
        notes.append(
            f"the clock restarts {_times(restarts)}: each part is a recording of its own"
        )
    if duplicates:
        notes.append(f"{_counted(duplicates, 'line')} stood there twice and counts once")
    return replace(
        clock,
        rows=rows,
        counted=counted,
        restarts=restarts,
        duplicates=duplicates,
        unit=unit,
        start=start,
        notes=notes,
    )


# --- from the numbers in the file to seconds ------------------------------------------------


def _check_hint(hints: Hints, where: str) -> None:
    if hints.rate is not None and not SLOWEST <= hints.rate <= FASTEST:
        raise refuse(
            f"a rate of {hints.rate:g} Hz is none that a body sensor has",
            where,
            f"Give --rate between {SLOWEST:g} and {FASTEST:g}",
        )


def _without_times(raw: Raw, hints: Hints, where: str) -> Clock:
    rate = raw.rate if raw.rate is not None else hints.rate
    if rate is None:
        raise refuse(
            "it has no column of times",
            where,
            "Give the samples per second with --rate if they are even",
        )
    notes = []
    if raw.rate is None:
        notes.append(f"it has no times: samples are taken as even, at the {rate:g} Hz you gave")
    elif hints.rate is not None and abs(hints.rate / raw.rate - 1.0) > 0.01:
        raise refuse(
            f"it says that it has {raw.rate:g} Hz, and --rate says {hints.rate:g} Hz",
            where,
            "Leave --rate out",
        )
    segment = _segments(len(raw), raw.breaks)
    begins = np.flatnonzero(np.diff(segment, prepend=-1)) / rate
    return Clock(rate, np.arange(len(raw)), segment, begins, start=raw.start, notes=notes)


def _seconds(
    raw: Raw, hints: Hints, where: str
) -> tuple[TimeArray, str, datetime | None, list[str]]:
    """Return seconds since the first sample, the unit, when that was, and what was guessed."""
    times = raw.stamps(where)
    if (wrong := ~(np.abs(times) < 1e19)).any():
        place = raw.place(int(np.argmax(wrong)))
        raise refuse(f"{place}: its time is no number", where, "Remove the line")
    notes: list[str] = []
    steps = np.diff(times)
    if raw.other_times is not None and (steps < 0).any() and _repairs(raw.other_times, times):
        times = raw.other_times
        notes.append("fractions of its times lack leading zeros: 1.5 is taken for 1.005")
    typical = _typical_step(np.diff(times))
    if typical == 0.0:
        raise refuse("all its samples have the same time", where, _FINER)
    if hints.rate is not None:
        return _numbered(times, typical, raw, hints.rate, where)
    unit = raw.time_unit
    if unit is None:
        unit = _likely_unit(times, typical, raw, where)
        if unit != "s":
            notes.append(
                f"its times are taken for {UNIT_NAMES[unit]}: in seconds it would have "
                f"{_per_second(typical):.3g} Hz"
            )
    elif unit == "rows":
        raise refuse(
            "its times are numbers of samples",
            where,
            "Give the samples per second with --rate",
        )
    scale = UNITS[unit]
    _check_rate(typical, unit, raw, where)
    start = raw.start
    if start is None and not raw.clock:
        start = _since_1970(float(times[0]) * scale)
    return (times - times[0]) * scale, unit, start, notes


def _repairs(other: TimeArray, times: TimeArray) -> bool:
    """Tell whether times go forward if their fractions are taken for whole thousandths."""
    back, still_back = (int(np.count_nonzero(np.diff(t) < 0)) for t in (times, other))
    return back > 2 and still_back == 0


def _numbered(
    times: TimeArray, typical: float, raw: Raw, rate: float, where: str
) -> tuple[TimeArray, str, datetime | None, list[str]]:
    numbers = bool((times == np.rint(times)).all()) and typical == 1.0
    if not numbers:
        known = [
            u for u, s in UNITS.items() if abs(_per_second(typical * s) / rate - 1.0) < 0.05
        ]
        if not known:
            raise refuse(
                f"its times are no numbers, and do not give the {rate:g} Hz of --rate",
                where,
                "Leave --rate out",
            )
        scale = UNITS[known[0]]
        return (times - times[0]) * scale, known[0], raw.start, []
    notes = [f"its times are numbers of samples, at the {rate:g} Hz you gave"]
    return (times - times[0]) / rate, "rows", raw.start, notes


def _likely_unit(times: TimeArray, typical: float, raw: Raw, where: str) -> str:
    """Choose the one unit in which the samples come as often as a body sensor gives them."""
    if typical == 1.0 and len(times) > 2 and bool((times == np.rint(times)).all()):
        raise refuse(
            "its times count 1, 2, 3 ...: numbers of samples, or milliseconds at 1000 Hz",
            where,
            "Give --rate if they are numbers of samples, or name the column time_ms",
        )
    for unit, scale in UNITS.items():
        if SLOWEST <= _per_second(typical * scale) < 1000.0 * SLOWEST:
            return unit
    rate = _per_second(typical)
    raise refuse(
        f"its rate would be {rate:g} Hz, which no body sensor has",
        where,
        "Write the time of each sample in seconds",
    )


def _check_rate(typical: float, unit: str, raw: Raw, where: str) -> None:
    rate = _per_second(typical * UNITS[unit])
    if SLOWEST <= rate <= FASTEST:
        return
    likely = [
        UNIT_NAMES[u]
        for u, scale in UNITS.items()
        if SLOWEST <= _per_second(typical * scale) < 1000.0 * SLOWEST
    ]
    hint = f"; they look like {likely[0]}" if likely else ""
    raise refuse(
        f"its times in {UNIT_NAMES[unit]} give {rate:.3g} Hz, which no body sensor has{hint}",
        where,
        "Correct the times, or the unit in the header",
    )


def _since_1970(seconds: float) -> datetime | None:
    earliest, latest = _EPOCH
    if not earliest.timestamp() <= seconds <= latest.timestamp():
        return None
    return datetime.fromtimestamp(seconds, UTC)


def _per_second(step: float) -> float:
    return 1.0 / step if step > 1e-300 else math.inf


def _typical_step(steps: TimeArray) -> float:
    """Return the mean step without those that are gaps, or go back."""
    steps = steps[steps >= 0.0]
    if (steps > 0.0).any():
        long = steps > GAP_PERIODS * np.median(steps[steps > 0.0])
        if np.count_nonzero(long) < _FEWEST_PACKETS:
            steps = steps[~long]
    if not (steps > 0.0).any():
        return 0.0
    tick = float(np.median(steps[steps > 0.0]))
    for _ in range(10):
        mean = float(steps.mean())
        usual = steps <= 20.0 * max(mean, tick)
        if usual.all():
            break
        steps = steps[usual]
    return mean


# --- what is wrong with them ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Lines:
    """Where samples are in the file, for messages."""

    raw: Raw
    counted: NDArray[np.intp] | None

    def __call__(self, sample: int) -> str:
        return self.raw.place(sample if self.counted is None else int(self.counted[sample]))


def _without_duplicates(seconds: TimeArray, raw: Raw) -> tuple[NDArray[np.intp] | None, int]:
    """Leave out samples that are the sample before once more, time and all."""
    same = np.diff(seconds) == 0.0
    count = int(np.count_nonzero(same))
    if not 0 < count <= max(1, 0.05 * len(seconds)):
        return None, 0  # none, or a clock that is too coarse
    places = np.flatnonzero(same)
    columns = raw.acc if raw.gyro is None else np.hstack([raw.acc, raw.gyro])
    copies = places[(columns[places] == columns[places + 1]).all(axis=1)] + 1
    if not len(copies):
        return None, 0
    return np.delete(np.arange(len(seconds)), copies), len(copies)


def _restarts(
    seconds: TimeArray, raw: Raw, line: _Lines, where: str
) -> tuple[TimeArray, NDArray[np.intp], int]:
    """Find where the clock begins anew; a clock that passes midnight goes on."""
    back = np.flatnonzero(np.diff(seconds) < 0.0) + 1
    if raw.clock and len(back):
        seconds = seconds.copy()
        for place in back:
            if seconds[place] - seconds[place - 1] < -0.9 * _DAY:
                seconds[place:] += _DAY
        back = np.flatnonzero(np.diff(seconds) < 0.0) + 1
    if len(back) > max(3, len(seconds) / 100):
        raise refuse(
            f"{line(int(back[0]))}: its clock goes back here and {len(back) - 1} times more",
            where,
            "Write times that only grow, as those of millis() do",
        )
    for one in back.tolist():
        soon = seconds[one + 1 : one + 1 + _SWAPPED]
        if len(soon) == 0 or (soon > seconds[one - 1]).any():
            raise refuse(
                f"{line(one)}: its time lies {seconds[one - 1] - seconds[one]:.3g} s "
                "before that of the line above",
                where,
                "See whether these two lines are swapped, or whether something wrote between "
                "them; nothing else needs to change",
            )
    breaks = set(back.tolist())
    if line.counted is None:
        breaks |= set(raw.breaks)
    else:
        breaks |= set(np.searchsorted(line.counted, list(raw.breaks)).tolist())
    ordered = np.array(sorted(place for place in breaks if 0 < place < len(seconds)), np.intp)
    return seconds, ordered, len(back)


class _Parts:
    """Times that only go forward, in parts between restarts."""

    def __init__(self, seconds: TimeArray, breaks: NDArray[np.intp]) -> None:
        self.seconds = seconds
        self.breaks = breaks
        steps = np.diff(seconds)
        steps[breaks - 1] = np.nan
        self.all_steps = steps
        self.steps = steps[np.isfinite(steps)]

    def split(self, gaps: NDArray[np.bool_]) -> list[tuple[int, int]]:
        """Cut at restarts and after the samples that a gap follows: begin and end of each."""
        cut = gaps.copy()
        cut[self.breaks - 1] = True
        borders = np.flatnonzero(cut) + 1
        return list(
            zip([0, *borders.tolist()], [*borders.tolist(), len(self.seconds)], strict=True)
        )


def _of_single_samples(parts: _Parts) -> Clock:
    """Even out samples that each have a time of their own."""
    rate = _rate_of(parts.steps)
    period = 1.0 / rate
    gaps = np.nan_to_num(parts.all_steps, nan=0.0) > GAP_PERIODS * period
    pieces = parts.split(gaps)
    grid, row, segment = _even_grid(parts.seconds, pieces, rate)
    usual = parts.steps[parts.steps < 1.5 * period]
    even = grid is None
    clock = Clock(
        rate,
        row,
        segment,
        parts.seconds[[begin for begin, _ in pieces]],
        None if even else parts.seconds,
        grid,
        jitter=float(np.std(usual)) if len(usual) else 0.0,
        lost=max(0.0, 1.0 - len(parts.seconds) / len(row)),
        gaps=int(np.count_nonzero(gaps)),
    )
    return _strictly_forward(clock, parts)


def _strictly_forward(clock: Clock, parts: _Parts) -> Clock:
    """Lay restarted parts one after the other, since `numpy.interp` needs times that grow."""
    if clock.times is None or clock.grid is None or not len(parts.breaks):
        return clock
    times, grid = clock.times.copy(), clock.grid.copy()
    begins = np.searchsorted(clock.rows, parts.breaks)
    for place, on_grid in zip(parts.breaks, begins, strict=True):
        shift = max(0.0, float(times[place - 1] - times[place]) + 1.0)
        times[place:] += shift
        grid[on_grid:] += shift
    return replace(clock, times=times, grid=grid)


def _of_packets(parts: _Parts, packed: NDArray[np.bool_], line: _Lines, where: str) -> Clock:
    """Spread samples that come several at once, with one time or nearly one."""
    new = np.ones(len(parts.seconds), np.bool_)
    finite = np.isfinite(parts.all_steps)
    new[1:][finite] = ~packed
    starts = np.flatnonzero(new)
    sizes = np.diff(starts, append=len(new))
    waits = np.diff(parts.seconds[starts])
    whole = np.isin(starts[1:], parts.breaks, invert=True)
    if not whole.any():
        raise _unsteady(line(1), where)
    period = float(np.median((waits / sizes[:-1])[whole]))
    larger = np.maximum(sizes[:-1], sizes[1:])
    late = whole & (waits > 1.7 * larger * period + 1e-9)
    kept = whole & ~late
    if not kept.any() or period <= 0.0:
        raise _unsteady(line(1), where)
    period = float(waits[kept].sum() / sizes[:-1][kept].sum())
    rate = _shortest(1.0 / period, int(kept.sum()) or 1)
    gaps = np.zeros(len(parts.seconds) - 1, np.bool_)
    gaps[starts[1:][late] - 1] = True
    pieces = parts.split(gaps)
    longest = float(np.max(waits[kept]))
    for begin, end in pieces:
        inside = starts[(starts >= begin) & (starts < end)]
        drift = parts.seconds[inside] - inside / rate
        if len(inside) > 2 and np.ptp(drift) > 3.0 * longest + 0.002 * (end - begin) / rate:
            raise _unsteady(line(int(inside[np.argmax(np.abs(drift - drift[0]))])), where)
    usual = float(np.median(sizes))
    note = (
        f"samples come in packets of about {usual:.0f}, every {1000 * usual / rate:.0f} ms: "
        "they are spread evenly"
    )
    return _evenly(parts, pieces, rate, int(late.sum()), note)


def _of_coarse_clock(
    parts: _Parts, same: NDArray[np.bool_], typical: float, line: _Lines, where: str
) -> Clock:
    """Spread samples of which now and then two have one time, because the clock is coarse."""
    moves = parts.steps[~same]
    tick = float(moves.min())
    gaps = np.nan_to_num(parts.all_steps, nan=0.0) > max(GAP_PERIODS * typical, 2.5 * tick)
    pieces = parts.split(gaps)
    counted = sum(end - begin - 1 for begin, end in pieces)
    lasting = sum(float(parts.seconds[end - 1] - parts.seconds[begin]) for begin, end in pieces)
    rate = _shortest(counted / lasting, counted)
    for begin, end in pieces:
        place = np.arange(begin, end)
        drift = parts.seconds[place] - place / rate
        if np.ptp(drift) > 2.5 * max(tick, 1.0 / rate):
            at = int(np.flatnonzero(np.nan_to_num(parts.all_steps, nan=1.0) == 0.0)[0]) + 1
            raise refuse(
                f"{line(at)}: it has the time of the line above and other values",
                where,
                "Remove the one that is wrong, or write finer times",
            )
    note = f"its clock ticks every {1000 * tick:.3g} ms: samples are spread evenly"
    return _evenly(parts, pieces, rate, int(np.count_nonzero(gaps)), note)


def _unsteady(place: str, where: str) -> Exception:
    return refuse(
        f"{place}: several samples share one time, and they do not come steadily",
        where,
        _FINER,
    )


def _evenly(
    parts: _Parts, pieces: list[tuple[int, int]], rate: float, gaps: int, note: str
) -> Clock:
    lengths = [end - begin for begin, end in pieces]
    return Clock(
        rate,
        np.arange(len(parts.seconds)),
        np.repeat(np.arange(len(pieces), dtype=np.int32), lengths),
        parts.seconds[[begin for begin, _ in pieces]],
        jitter=float(np.std(parts.steps[parts.steps < 20.0 / rate])),
        gaps=gaps,
        notes=[note],
    )


# --- even times -----------------------------------------------------------------------------


def _rate_of(steps: TimeArray) -> float:
    """Return the rate of steps that may have gaps, as the shortest decimal that fits them.

    A step counts as many periods as it is long, so that neither jitter nor what is lost bends
    the mean.
    """
    periods = np.rint(steps / np.median(steps))
    usual = periods <= GAP_PERIODS
    return _shortest(float(periods[usual].sum() / steps[usual].sum()), len(steps))


def _shortest(rate: float, count: int) -> float:
    for digits in range(7):
        rounded = round(rate, digits)
        if count * abs(rounded / rate - 1.0) < 1e-3:
            return rounded
    return rate


def _even_grid(
    times: TimeArray, pieces: list[tuple[int, int]], rate: float
) -> tuple[TimeArray | None, NDArray[np.intp], NDArray[np.int32]]:
    """Lay an even grid over the times of each piece.

    Returns:
        The times of the grid, None where the samples are even enough to be taken as they
        are; for each the row that is nearest; and its segment.
    """
    starts = np.array([begin for begin, _ in pieces])
    ends = np.array([end - 1 for _, end in pieces])
    counts = np.rint((times[ends] - times[starts]) * rate).astype(np.int64) + 1
    segment = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    place = np.arange(len(segment)) - np.repeat(np.cumsum(counts) - counts, counts)
    grid = times[starts][segment] + place / rate
    if np.array_equal(counts, ends - starts + 1) and np.abs(times - grid).max() < 0.5 / rate:
        return None, np.arange(len(times)), segment
    grid = np.minimum(grid, times[ends][segment])
    rows = np.empty(len(grid), np.intp)
    for number, (begin, end) in enumerate(pieces):
        mine = slice(*np.searchsorted(segment, [number, number + 1]))
        middles = (times[begin + 1 : end] + times[begin : end - 1]) / 2.0
        rows[mine] = begin + np.searchsorted(middles, grid[mine])
    return grid, rows, segment


def _segments(count: int, breaks: Iterable[int]) -> NDArray[np.int32]:
    begins = np.zeros(count, np.int32)
    begins[[place for place in breaks if 0 < place < count]] = 1
    return np.cumsum(begins, dtype=np.int32)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" + ("" if count == 1 else "s")
