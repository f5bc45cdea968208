"""From what stands in a file to motion in g and deg/s: one way for all formats."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi import labels as rule
from harpi.errors import UsageError
from harpi.recording.raw import Hints, Raw, refuse
from harpi.recording.table import (
    NO_LABEL,
    Table,
    check_length,
    check_rate,
    check_values,
    dead_axes,
)
from harpi.recording.timing import Clock, clock_of
from harpi.recording.understood import Understood
from harpi.recording.units import Scale, scale_of
from harpi.types import AXES, FloatArray

_LARGEST: Final = 1e8
"""More than any sensor gives, in the smallest unit that is read."""

RAILS_G: Final = (2.0, 4.0, 8.0, 16.0)
RAILS_DEG_S: Final = (250.0, 500.0, 1000.0, 2000.0)
"""Ends of the ranges that sensors of people's devices have."""

_FLICKER_SECONDS: Final = 1.0
"""Mean length of a label's stretches below which they are short."""


def understand(raw: Raw, where: str, hints: Hints) -> tuple[Table, Understood]:
    """Make a table of a file, and say what was understood of it.

    Raises:
        RecordingError: it cannot be motion of a body sensor, or nobody can tell its units.
    """
    check_length(len(raw), where)
    _check_numbers(raw, where)
    clock = clock_of(raw, hints, where)
    acc = clock.even(raw.acc)
    gyro = None if raw.gyro is None else clock.even(raw.gyro)
    segment = clock.segment
    subject = _column(raw.subject, clock)
    position = _column(raw.position, clock)
    segment, begins = _split_by(segment, clock.begins, clock.rate, (subject, position))
    dead = dead_axes(acc if gyro is None else np.hstack([acc, gyro]))
    silent = gyro is None or dead[-3:] == AXES[3:]
    scale = _scale(raw, acc, None if silent else gyro, clock, segment, dead, where)
    values = _converted(acc, gyro, scale)
    check_rate(clock.rate, where)
    check_values(values, where, lambda row: raw.place(int(clock.rows[row])))
    names, label, told = _labels(raw, clock, where)
    table = Table(
        values=values,
        rate=clock.rate,
        label_names=names,
        label=label,
        segment=segment,
        subject_names=raw.subjects,
        subject=subject,
        position_names=raw.positions,
        position=position,
        meta=raw.meta,
        begins=begins,
        gyro=gyro is not None,
    )
    rail = at_the_rail(values)
    counts = np.bincount(label[label >= 0], minlength=len(names)) / clock.rate
    return table, Understood(
        file=where,
        format=raw.format,
        samples=len(values),
        seconds=len(values) / clock.rate,
        rate=clock.rate,
        jitter_ms=1000.0 * clock.jitter,
        columns=dict(raw.columns),
        ignored=tuple(raw.ignored),
        missing=AXES[3:] if gyro is None else (),
        dead=dead,
        acceleration_unit=scale.acc_unit,
        angular_rate_unit=None if gyro is None else scale.gyro_unit,
        at_rest_g=scale.at_rest,
        largest_deg_s=None if gyro is None else float(np.abs(values[:, 3:]).max()),
        turning_checked=scale.checked,
        labels=dict(zip(names, counts.tolist(), strict=True)),
        unlabelled=float(np.count_nonzero(label < 0) / clock.rate),
        subjects=raw.subjects,
        positions=raw.positions,
        gaps=clock.gaps,
        lost=clock.lost,
        restarts=clock.restarts,
        duplicates=clock.duplicates,
        at_the_rail=rail,
        start=clock.start,
        notes=(*raw.notes, *clock.notes, *scale.notes, *told),
        warnings=tuple(_warnings(raw, scale, dead, rail, len(values))),
    )


def _check_numbers(raw: Raw, where: str) -> None:
    """Refuse what no sensor gives in any unit, before anything is computed from it."""
    for first, values in (("a", raw.acc), ("g", raw.gyro)):
        if values is None:
            continue
        wrong = ~(np.abs(values) < _LARGEST)
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise refuse(
                f"{raw.place(int(row))} has no finite {first}{'xyz'[column]}",
                where,
                "Remove the sample, or write what was measured",
            )


def at_the_rail(values: FloatArray) -> int:
    """Count samples in which an axis stays at the end of a usual range for two or more.

    Args:
        values: float32 ``[n, 6]`` in g and deg/s.
    """
    stuck = np.zeros(len(values), np.bool_)
    for axis, column in enumerate(np.abs(values.T)):
        largest = float(column.max())
        rails = RAILS_G if axis < 3 else RAILS_DEG_S
        if not any(abs(largest / rail - 1.0) < 0.01 for rail in rails):
            continue
        at_end = column >= 0.9995 * largest
        pairs = at_end[1:] & at_end[:-1]
        stuck[1:] |= pairs
        stuck[:-1] |= pairs
    return int(np.count_nonzero(stuck))


# --- units ----------------------------------------------------------------------------------


def _scale(
    raw: Raw,
    acc: FloatArray,
    gyro: FloatArray | None,
    clock: Clock,
    segment: NDArray[np.int32],
    dead: tuple[str, ...],
    where: str,
) -> Scale:
    if dead[:3] == AXES[:3]:  # nothing can be told from a sensor that does not move
        return Scale()
    scale = scale_of(acc, gyro, clock.rate, segment, raw.acc_unit, raw.gyro_unit)
    if raw.vouched:
        return Scale(
            at_rest=scale.at_rest,
            checked=scale.checked,
            doubt=scale.doubt,
            problem=scale.problem,
        )
    if raw.unnamed and scale.at_rest is None:
        raise refuse(
            "its values have no names, and nothing in it shows which are the acceleration",
            where,
            "Print names with the values, or begin the file with ax,ay,az,gx,gy,gz",
        )
    if scale.problem:
        raise refuse(scale.problem, where, scale.remedy)
    return scale


def _converted(acc: FloatArray, gyro: FloatArray | None, scale: Scale) -> FloatArray:
    values = np.zeros((len(acc), 6), np.float32)
    values[:, :3] = acc if scale.acc_per_g == 1.0 else acc / scale.acc_per_g
    if gyro is not None:
        values[:, 3:] = gyro if scale.gyro_per_deg_s == 1.0 else gyro / scale.gyro_per_deg_s
    return values


def _warnings(
    raw: Raw, scale: Scale, dead: tuple[str, ...], rail: int, count: int
) -> Iterable[str]:
    if scale.problem or scale.doubt:
        yield scale.problem or scale.doubt
    if dead == AXES:
        yield "the sensor is dead: none of its axes ever changes"
    elif raw.gyro is None:
        yield "there is no gyroscope: kNN, generic and personal all need its three axes"
    elif dead[-3:] == AXES[3:]:
        yield (
            "the gyroscope is dead or was never read: it does not change once; kNN, generic "
            "and personal all need its three axes"
        )
    elif dead:
        yield f"{', '.join(dead)} never changes: the axis is dead or was never read"
    if rail:
        yield (
            f"{rail} samples ({rail / count:.1%}) are at the end of the sensor's range: what "
            "was beyond is lost; record with a larger range"
        )


# --- labels and other columns ---------------------------------------------------------------


def _column(index: NDArray[np.int16] | None, clock: Clock) -> NDArray[np.int16]:
    if index is None:
        return np.full(len(clock.rows), -1, np.int16)
    return index[clock.rows]


def _split_by(
    segment: NDArray[np.int32],
    begins: NDArray[np.float64],
    rate: float,
    columns: tuple[NDArray[np.int16], ...],
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Begin another run where the wearer or the place changes."""
    new = np.diff(segment, prepend=segment[0] - 1) != 0
    for column in columns:
        new[1:] |= column[1:] != column[:-1]
    firsts = np.flatnonzero(new)
    origin = np.searchsorted(segment, segment[firsts])
    # Not the first of its run: as many samples later.
    return (
        np.cumsum(new, dtype=np.int32) - np.int32(1),
        begins[segment[firsts] - segment[0]] + (firsts - origin) / rate,
    )


def _labels(
    raw: Raw, clock: Clock, where: str
) -> tuple[tuple[str, ...], NDArray[np.int16], list[str]]:
    """Bring labels under the one rule that holds for them."""
    if raw.label is None or not len(raw.labels):
        return (), np.full(len(clock.rows), NO_LABEL, np.int16), []
    if raw.vouched:
        return tuple(raw.labels), raw.label[clock.rows], []
    label = raw.label[clock.rows]
    counts = np.bincount(label[label >= 0], minlength=len(raw.labels))
    names: list[str] = []
    code_of: dict[str, int] = {}
    codes = np.full(len(raw.labels) + 1, NO_LABEL, np.int16)  # the last one is for -1
    nothing: list[str] = []
    spelt: dict[str, list[str]] = {}
    for code in np.argsort(-counts, kind="stable").tolist():
        text = rule.tidy(raw.labels[code])
        if rule.is_none(text):
            if text and counts[code]:
                nothing.append(text)
            continue
        try:
            text = rule.check_label(text)
        except UsageError as error:
            place = raw.place(int(np.argmax(raw.label == code)))
            raise refuse(f"{place}: {error.problem}", where, "Correct the label") from error
        key = rule.plain(text)
        if key not in code_of:
            code_of[key] = len(names)
            names.append(text)
        elif names[code_of[key]] != text:
            spelt.setdefault(names[code_of[key]], []).append(text)
        codes[code] = code_of[key]
    notes = [
        f"{', '.join(map(repr, others))} is taken for {name!r}"
        for name, others in spelt.items()
    ]
    if nothing:
        notes.append(f"{', '.join(map(repr, nothing))} counts as no label")
    cleaned = codes[label]
    # In the order in which they come.
    order = list(dict.fromkeys(cleaned[np.flatnonzero(np.diff(cleaned, prepend=-2))].tolist()))
    order = [code for code in order if code >= 0]
    order += [code for code in range(len(names)) if code not in order]
    ordered = np.full(len(names) + 1, NO_LABEL, np.int16)
    ordered[order] = np.arange(len(order))
    notes += _flicker(cleaned, clock.rate)
    return tuple(names[code] for code in order), ordered[cleaned], notes


def _flicker(label: NDArray[np.int16], rate: float) -> list[str]:
    changes = int(np.count_nonzero(np.diff(label)))
    seconds = len(label) / rate
    if changes < 10 or seconds / changes >= _FLICKER_SECONDS:
        return []
    return [f"the label changes {changes} times in {seconds:.0f} s: its stretches are short"]
