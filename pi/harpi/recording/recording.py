"""One recording: motion at an even rate, with what its wearer did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from harpi.errors import RecordingError
from harpi.recording.csv_writer import write_csv
from harpi.recording.npz import write_npz
from harpi.recording.raw import Hints
from harpi.recording.reading import read_table
from harpi.recording.table import (
    NO_LABEL,
    Table,
    check_length,
    check_rate,
    check_values,
    dead_axes,
)
from harpi.recording.understood import Understood
from harpi.types import AXES, FloatArray, TimeArray

_WRITERS = {".npz": write_npz, ".csv": write_csv}


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Motion at an even rate, with what its wearer did.

    Attributes:
        values: float32 ``[n, 6]``, columns as in `harpi.types.AXES`.
        rate: samples per second.
        labels: names of the activities.
        label: int16 ``[n]``, index into `labels`, or -1 where the activity is unknown or
            changes; left out, all are -1.
        segment: int32 ``[n]``, 0, 1, 2 ... for each contiguous run of one sensor; left out,
            it is one run.
        subject: who wore it, if it was one person that the file names.
        position: where it was worn, if it was one place that the file names.
        meta: whatever else the file says of itself; kept by .npz alone.
        begins: float64, second at which each segment begins on the clock of the file; empty
            where that is not known.
        gyro: whether there is a gyroscope; without, its columns are 0.

    Raises:
        ValueError: the columns do not fit together.
    """

    values: FloatArray = field(repr=False)
    rate: float
    labels: tuple[str, ...] = ()
    label: NDArray[np.int16] = field(default_factory=lambda: np.empty(0, np.int16), repr=False)
    segment: NDArray[np.int32] = field(
        default_factory=lambda: np.empty(0, np.int32), repr=False
    )
    subject: str | None = None
    position: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    begins: TimeArray = field(default_factory=lambda: np.empty(0), repr=False)
    gyro: bool = True

    def __post_init__(self) -> None:
        count = len(self.values)
        if not len(self.label):
            object.__setattr__(self, "label", np.full(count, NO_LABEL, np.int16))
        if not len(self.segment):
            object.__setattr__(self, "segment", np.zeros(count, np.int32))
        if self.values.shape != (count, 6):
            raise ValueError(f"values must be [n, 6], got {self.values.shape}")
        if self.label.shape != (count,) or self.segment.shape != (count,):
            raise ValueError(f"label and segment must be [{count}] as the values are")
        if count and not NO_LABEL <= self.label.min() <= self.label.max() < len(self.labels):
            raise ValueError(f"label must be indices from -1 to {len(self.labels) - 1}")

    def __len__(self) -> int:
        return len(self.values)

    @property
    def duration(self) -> float:
        """Seconds that it takes to play."""
        return len(self) / self.rate

    @property
    def dead(self) -> tuple[str, ...]:
        """The axes that carry no signal: not measured, or the same all the time."""
        if self.gyro:
            return dead_axes(self.values)
        return tuple(dict.fromkeys((*dead_axes(self.values), *AXES[3:])))

    @staticmethod
    def read(
        path: Path | str,
        *,
        subject: str | int | None = None,
        position: str | None = None,
    ) -> Recording:
        """Read a recording; see `harpi.recording.reading` for the formats.

        Args:
            path: a file, or the folder or archive of a program that writes several.
            subject: only this wearer, of a file that holds several.
            position: only this place on the body.

        Raises:
            RecordingError: it is missing, damaged, too large, of another layout, holds what
                cannot be motion, or does not hold the subject or the position.
        """
        return read_whole(path, subject=subject, position=position)[0]

    def write(self, path: Path | str) -> None:
        """Write the recording, atomically; the ending of `path` tells the format.

        Raises:
            RecordingError: the ending is neither .npz nor .csv, there is nothing to write, or
                the values cannot be motion.
            OSError: the file cannot be written.
        """
        write_together(path, [self])


def read_whole(
    path: Path | str, *, subject: str | int | None = None, position: str | None = None
) -> tuple[Recording, Understood]:
    """Read a recording as one, whoever wore it, and say what the file was taken for.

    Args:
        path: as for `Recording.read`.
        subject: only this wearer.
        position: only this place on the body.

    Raises:
        RecordingError: as `Recording.read`.
    """
    table, understood = read_table(Path(path))
    chosen = _chosen(table, subject, position, str(path))
    return _part(table, chosen, str(path)), understood


def read_each(
    path: Path | str, *, subject: str | int | None = None, position: str | None = None
) -> list[Recording]:
    """Read what `write_together` wrote: one recording for each subject and position.

    Args:
        path: as for `Recording.read`.
        subject: only this wearer.
        position: only this place on the body.

    Raises:
        RecordingError: as `Recording.read`.
    """
    return read_understood(path, subject=subject, position=position)[0]


def read_understood(
    path: Path | str,
    *,
    where: str | None = None,
    hints: Hints | None = None,
    subject: str | int | None = None,
    position: str | None = None,
) -> tuple[list[Recording], Understood]:
    """Read a recording of each subject and position, and say what the file was taken for.

    Args:
        path: as for `Recording.read`.
        where: what a person calls the file; the path where not given.
        hints: what the person says of it.
        subject: only this wearer.
        position: only this place on the body.

    Raises:
        RecordingError: as `Recording.read`.
    """
    name = where or str(path)
    table, understood = read_table(Path(path), where=where, hints=hints)
    chosen = _chosen(table, subject, position, name)
    worn = table.subject.astype(np.int32) * (len(table.position_names) + 1) + table.position
    each = [_part(table, chosen & (worn == one), name) for one in np.unique(worn[chosen])]
    return each, understood


def write_together(path: Path | str, recordings: Sequence[Recording]) -> None:
    """Write recordings of one rate into one file, one after the other.

    `Recording.read` gives one of them by its subject and position.

    Args:
        path: the file; its ending tells the format. A .csv keeps neither subject, position
            nor meta.
        recordings: at least one; `meta` is that of the first.

    Raises:
        RecordingError: as `Recording.write`, or the rates differ.
        OSError: the file cannot be written.
    """
    path = Path(path)
    writer = _by_ending(_WRITERS, path)
    rate = recordings[0].rate
    if any(recording.rate != rate for recording in recordings):
        raise RecordingError(
            "recordings of different rates do not go into one file",
            where=str(path),
            remedy="Write one file for each rate",
        )
    check_rate(rate, str(path))
    values = np.vstack([recording.values for recording in recordings]).astype(np.float32)
    check_length(len(values), str(path))
    check_values(values, str(path))
    labels = _distinct(name for recording in recordings for name in recording.labels)
    subjects = _distinct(r.subject for r in recordings if r.subject is not None)
    positions = _distinct(r.position for r in recordings if r.position is not None)
    writer(
        path,
        Table(
            values=values,
            rate=rate,
            label_names=labels,
            label=np.concatenate([_recoded(r, labels) for r in recordings]),
            segment=_chained([r.segment for r in recordings]),
            subject_names=subjects,
            subject=_repeated([r.subject for r in recordings], recordings, subjects),
            position_names=positions,
            position=_repeated([r.position for r in recordings], recordings, positions),
            meta=recordings[0].meta,
        ),
    )


def _chosen(
    table: Table, subject: str | int | None, position: str | None, where: str
) -> NDArray[np.bool_]:
    """Tell for each sample whether it is of the subject and the position."""
    chosen = np.ones(len(table.values), np.bool_)
    for kind, name, names, column in (
        ("subject", subject, table.subject_names, table.subject),
        ("position", position, table.position_names, table.position),
    ):
        if name is not None:
            chosen &= column == _index_of(str(name), names, kind, where)
    return chosen


def _part(table: Table, chosen: NDArray[np.bool_], where: str) -> Recording:
    check_length(int(chosen.sum()), where)
    segment = table.segment[chosen]
    begins = table.begins
    if len(begins):
        begins = begins[segment[np.flatnonzero(np.diff(segment, prepend=segment[0] - 1))]]
    return Recording(
        values=table.values[chosen],
        rate=table.rate,
        labels=table.label_names,
        label=table.label[chosen],
        segment=np.cumsum(np.diff(segment, prepend=segment[0]) != 0, dtype=np.int32),
        subject=_only(table.subject_names, table.subject[chosen]),
        position=_only(table.position_names, table.position[chosen]),
        meta=table.meta,
        begins=begins,
        gyro=table.gyro,
    )


_Format = TypeVar("_Format")


def _by_ending(formats: Mapping[str, _Format], path: Path) -> _Format:
    try:
        return formats[path.suffix.lower()]
    except KeyError:
        raise RecordingError(
            f"unsupported file type: {path.suffix or 'no ending'}",
            where=str(path),
            remedy="Write a file that ends in .npz or .csv",
        ) from None


def _index_of(name: str, names: Sequence[str], kind: str, where: str) -> int:
    if name not in names:
        known = ", ".join(names[:50]) or "none that it names"
        raise RecordingError(
            f"it has no {kind} {name}", where=where, remedy=f"Choose one of: {known}"
        )
    return names.index(name)


def _only(names: Sequence[str], index: NDArray[np.int16]) -> str | None:
    """Give the one name that the whole column stands for; None where there are several."""
    first = int(index[0])
    return names[first] if first >= 0 and bool((index == first).all()) else None


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _recoded(recording: Recording, labels: Sequence[str]) -> NDArray[np.int16]:
    """Give the labels of a recording as indices into other names."""
    codes = [*(labels.index(name) for name in recording.labels), NO_LABEL]
    return np.array(codes, np.int16)[recording.label]


def _chained(segments: Sequence[NDArray[np.int32]]) -> NDArray[np.int32]:
    """Number the segments of several recordings through."""
    begins = [np.diff(segment, prepend=segment[0] - 1) != 0 for segment in segments]
    return np.cumsum(np.concatenate(begins), dtype=np.int32) - np.int32(1)


def _repeated(
    chosen: Sequence[str | None], recordings: Sequence[Recording], names: Sequence[str]
) -> NDArray[np.int16]:
    """Give the name of each recording as an index, once for each of its samples."""
    codes = [-1 if name is None else names.index(name) for name in chosen]
    return np.repeat(np.array(codes, np.int16), [len(recording) for recording in recordings])
