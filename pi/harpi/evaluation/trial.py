"""What recognisers are tested on: stretches of signal of which the activity is known."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np

from harpi.errors import RecordingError
from harpi.recording import Recording
from harpi.types import Samples


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Trial:
    """One take, or one stretch of a recording with the same label from its begin to its end.

    Trials are what is independent: neighbouring windows of one resemble each other.

    Attributes:
        name: what a person calls it.
        label: what the wearer did.
        position: where the sensor was worn.
        session: which mounting of the strap, or which wearer.
        rate: samples per second.
        runs: its signal, one block for each run without a gap; times in seconds.
        source: the file that it is from; of two trials of one source, times compare.
        wearer: who wore it, where a recording names that.
        start: UTC time of its first sample, where it is known.
    """

    name: str
    label: str
    position: str
    session: str
    rate: float
    runs: tuple[Samples, ...]
    source: str
    wearer: str = ""
    start: datetime | None = None

    @property
    def begin(self) -> float:
        """Second of the first sample."""
        return float(self.runs[0].times[0])

    @property
    def end(self) -> float:
        """Second at which the last sample ends."""
        return float(self.runs[-1].times[-1]) + 1 / self.rate

    @property
    def seconds(self) -> float:
        """Length of its signal, without gaps."""
        return sum(len(run) for run in self.runs) / self.rate

    @property
    def digest(self) -> str:
        """SHA-256 of its samples, float32 ``[n, 6]`` little-endian."""
        digest = hashlib.sha256()
        for run in self.runs:
            digest.update(np.ascontiguousarray(run.values, "<f4").tobytes())
        return digest.hexdigest()


def trials_of(recording: Recording, path: Path) -> list[Trial]:
    """Cut a recording of one wearer and place into its labelled stretches.

    Args:
        recording: what to cut; its times begin at 0.
        path: the file that it is from.

    Raises:
        RecordingError: nothing in it has a label.
    """
    changes = np.flatnonzero(np.diff(recording.label)) + 1
    borders = [0, *changes.tolist(), len(recording)]
    trials = []
    for begin, end in pairwise(borders):
        if recording.label[begin] < 0:
            continue
        second = begin / recording.rate
        trials.append(
            Trial(
                name=f"{_whose(recording, path)} {int(second) // 60}:{int(second) % 60:02}",
                label=recording.labels[recording.label[begin]],
                position=recording.position or "unspecified",
                session=_whose(recording, path),
                rate=recording.rate,
                runs=_runs(recording, begin, end),
                source=f"{path} {recording.subject} {recording.position}",
                wearer=recording.subject or "",
            )
        )
    if not trials:
        raise RecordingError(
            "nothing in it has a label, so no answer can be told right from wrong",
            where=str(path),
            remedy="Use a recording with labels, or `harpi replay` to see the answers alone",
        )
    return trials


def _whose(recording: Recording, path: Path) -> str:
    return path.stem if recording.subject is None else f"{path.stem} {recording.subject}"


def _runs(recording: Recording, begin: int, end: int) -> tuple[Samples, ...]:
    """Cut samples where the recording has gaps."""
    gaps = begin + np.flatnonzero(np.diff(recording.segment[begin:end])) + 1
    borders = [begin, *gaps.tolist(), end]
    return tuple(
        Samples(
            recording.values[first:last],
            np.arange(first, last) / recording.rate,
            gap=first != begin,
        )
        for first, last in pairwise(borders)
    )
