"""Stretches of signal to test on: where they come from, how they are split, and no leaks.

A take may have been exported and come back as a file, or be part of a longer recording. It is
therefore found by its samples: sixteen in a row that are equal in all six axes do not come
about twice, unless the sensor did not change at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from harpi.errors import RecordingError, UsageError
from harpi.recording import Recording
from harpi.types import FloatArray, Samples


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


GAP_SECONDS: Final = 10.0
"""Signal between the learnt and the tested stretches of a label in one recording."""


@dataclass(frozen=True, slots=True)
class Split:
    """Stretches to learn and stretches to test.

    Attributes:
        learn: the first ones of each label.
        test: later ones; those within the gap are in neither.
        single: labels that have one stretch only, which is tested and therefore not learnt.
    """

    learn: tuple[Trial, ...]
    test: tuple[Trial, ...]
    single: tuple[str, ...]


def split(trials: Sequence[Trial], seconds: float | None = None) -> Split:
    """Divide the stretches of one wearer by time, label by label.

    Whole stretches go to either side: windows of one stretch resemble each other, and a model
    that learnt half of them has seen the answer to the others. The last stretch of a label is
    always tested.

    Args:
        trials: in the order of time.
        seconds: how much of each label is learnt, if so much is there; where a stretch is
            longer, its rest is in neither. None for the first half of the stretches.
    """
    learn: list[Trial] = []
    test: list[Trial] = []
    single: list[str] = []
    for label in dict.fromkeys(trial.label for trial in trials):
        own = [trial for trial in trials if trial.label == label]
        learnt = own[: len(own) // 2] if seconds is None else _first(own[:-1], seconds)
        if not learnt:
            single.append(label)
        learn += learnt
        test += [trial for trial in own[len(learnt) :] if _apart(trial, learnt)]
    order = {id(trial): place for place, trial in enumerate(trials)}
    test.sort(key=lambda trial: order[id(trial)])
    return Split(tuple(learn), tuple(test), tuple(single))


def _first(trials: Sequence[Trial], seconds: float) -> list[Trial]:
    """Take stretches, and of the last one a part, until there are so many seconds."""
    taken = []
    for trial in trials:
        if seconds < 1 / trial.rate:
            break
        taken.append(trial if trial.seconds <= seconds else _beginning(trial, seconds))
        seconds -= trial.seconds
    return taken


def _beginning(trial: Trial, seconds: float) -> Trial:
    left = round(seconds * trial.rate)
    runs = []
    for run in trial.runs:
        if left > 0:
            runs.append(Samples(run.values[:left], run.times[:left], gap=run.gap))
        left -= len(run)
    return replace(trial, runs=tuple(runs))


def _apart(trial: Trial, learnt: Sequence[Trial]) -> bool:
    return not learnt or (
        trial.source != learnt[-1].source or trial.begin - learnt[-1].end >= GAP_SECONDS
    )


LENGTH: Final = 16
"""Samples in a row that are compared; a shared stretch of twice as many is always found."""


_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio, odd: the multiplier of Fibonacci hashing (Knuth, TAOCP 6.4)."""


Fingerprints = NDArray[np.uint64]


def fingerprints(values: FloatArray, step: int) -> Fingerprints:
    """Give a number for each stretch of `LENGTH` samples in which anything changes.

    Args:
        values: float32 ``[n, 6]``.
        step: samples from one stretch to the next.
    """
    if len(values) < LENGTH:
        return np.empty(0, np.uint64)
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32).astype(np.uint64)
    rows = _mixed(bits)
    stretches = sliding_window_view(rows, LENGTH)[::step]
    changing = (stretches != stretches[:, :1]).any(axis=1)
    return _mixed(stretches[changing])


def _mixed(columns: Fingerprints) -> Fingerprints:
    """Hash each row ``[n, k]`` to one number, modulo 2^64."""
    mixed = np.zeros(len(columns), np.uint64)
    for column in columns.T:
        mixed = (mixed ^ column) * _FACTOR
        mixed ^= mixed >> np.uint64(29)
    return mixed


def check_unlearnt(trials: Sequence[Trial], learnt: Iterable[tuple[str, FloatArray]]) -> None:
    """Refuse to test what was learnt.

    Args:
        trials: what is to be tested.
        learnt: name and samples ``[n, 6]`` of each run of signal that was learnt.

    Raises:
        UsageError: a trial shares signal with what was learnt.
    """
    tested = [
        (trial, fingerprints(run.values, step=1)) for trial in trials for run in trial.runs
    ]
    everything = np.sort(
        np.concatenate([np.empty(0, np.uint64), *(prints for _, prints in tested)])
    )
    for name, values in learnt:
        known = fingerprints(values, step=LENGTH)
        shared = known[_among(known, everything)]
        if not len(shared):
            continue
        trial = next(trial for trial, prints in tested if np.isin(shared, prints).any())
        raise UsageError(
            f"its signal was learnt, as part of {name}; what was learnt proves nothing",
            where=trial.name,
            remedy="Test on takes and recordings that were not learnt",
        )


def _among(wanted: Fingerprints, ascending: Fingerprints) -> NDArray[np.bool_]:
    """Tell of each wanted number whether it is there."""
    if not len(ascending):
        return np.zeros(len(wanted), np.bool_)
    places = np.minimum(np.searchsorted(ascending, wanted), len(ascending) - 1)
    return np.asarray(ascending[places] == wanted)
