"""Stretches of signal to test on: where they come from, how they are split, and no leaks.

A take may have been exported and come back as a file, or be part of a longer recording. It is
therefore found by its signal; see `harpi.signal.copies`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from harpi.errors import RecordingError, UsageError
from harpi.recording import Recording
from harpi.signal.copies import Signal, find_copies, find_repeats
from harpi.types import Samples


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Trial:
    """One take, or one stretch of a recording without a gap and with the same label.

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
    """Cut a recording of one wearer and place into stretches of one label, and at its gaps.

    Args:
        recording: what to cut; its times begin at 0.
        path: the file that it is from.

    Raises:
        RecordingError: nothing in it has a label, or an axis of the sensor gave nothing.
    """
    check_alive(recording, path)
    changes = np.flatnonzero(np.diff(recording.label)) + 1
    gaps = np.flatnonzero(np.diff(recording.segment)) + 1
    borders = [0, *np.union1d(changes, gaps).tolist(), len(recording)]
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
                runs=(_samples(recording, begin, end),),
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


def check_alive(recording: Recording, path: Path) -> None:
    """Refuse to judge a sensor of which axes are missing or dead.

    Raises:
        RecordingError: there is no gyroscope, or an axis never changes.
    """
    if not recording.dead:
        return
    if recording.gyro:
        problem = f"{', '.join(recording.dead)} never changes: dead, or never read"
    else:
        problem = "it has no gyroscope"
    raise RecordingError(
        f"{problem}; kNN, generic and personal all need six axes",
        where=str(path),
        remedy="Record all three axes of both sensors",
    )


def _whose(recording: Recording, path: Path) -> str:
    return path.stem if recording.subject is None else f"{path.stem} {recording.subject}"


def _samples(recording: Recording, begin: int, end: int) -> Samples:
    return Samples(recording.values[begin:end], np.arange(begin, end) / recording.rate)


GAP_SECONDS: Final = 10.0
"""Signal between the learnt and the tested stretches of a label in one recording."""

SHORTEST_SECONDS: Final = 4.0
"""Least part of a stretch that is learnt or tested: three windows at the usual rate and hop."""


@dataclass(frozen=True, slots=True)
class Split:
    """Stretches to learn and stretches to test.

    Attributes:
        learn: the first ones of each label.
        test: later ones; those within the gap are in neither.
        single: labels of which there is too little for both; they are tested, not learnt.
    """

    learn: tuple[Trial, ...]
    test: tuple[Trial, ...]
    single: tuple[str, ...]


def split(trials: Sequence[Trial], seconds: float | None = None) -> Split:
    """Divide the stretches of one wearer by time, label by label.

    Whole stretches go to either side where there are several: windows of one stretch resemble
    each other. A label with one long stretch, or several without `GAP_SECONDS` between those
    learnt and the last, is cut by time: its beginning is learnt, and what comes after the gap
    is tested. The end of a label is always tested.

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
        tested = [trial for trial in own[len(learnt) :] if _apart(trial, learnt)]
        if not learnt or not tested:
            learnt, tested = _by_time(own, seconds)
        if not learnt:
            single.append(label)
        learn += learnt
        test += tested
    sources = list(dict.fromkeys(trial.source for trial in trials))
    test.sort(key=lambda trial: (sources.index(trial.source), trial.begin))
    return Split(tuple(learn), tuple(test), tuple(single))


def _by_time(trials: Sequence[Trial], seconds: float | None) -> tuple[list[Trial], list[Trial]]:
    """Learn the beginning and test what comes after the gap; too little is tested only."""
    room = sum(trial.seconds for trial in trials) - GAP_SECONDS
    if room < 2 * SHORTEST_SECONDS:
        return [], list(trials)
    learnt = room / 2 if seconds is None else min(seconds, room - SHORTEST_SECONDS)
    tested, skipped = [], learnt + GAP_SECONDS + 1 / trials[0].rate
    for trial in trials:
        if trial.seconds - skipped > 2 / trial.rate:
            tested.append(_without_beginning(trial, max(0.0, skipped)))
        skipped -= trial.seconds
    return _first(trials, learnt), tested


def _without_beginning(trial: Trial, seconds: float) -> Trial:
    left = math.ceil(seconds * trial.rate)
    runs = []
    for run in trial.runs:
        if len(run) > left:
            runs.append(Samples(run.values[left:], run.times[left:], gap=run.gap))
        left = max(0, left - len(run))
    return replace(trial, runs=tuple(runs))


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


# --- copies ---------------------------------------------------------------------------------


def check_unlearnt(trials: Sequence[Trial], learnt: Iterable[Signal]) -> None:
    """Refuse to test what was learnt, whatever name, rounding, rate or file it comes in.

    Args:
        trials: what is to be tested.
        learnt: each run of signal that was learnt.

    Raises:
        UsageError: a trial shares signal with what was learnt.
    """
    found = next(find_copies([s for trial in trials for s in signals_of(trial)], learnt), None)
    if found is not None:
        raise UsageError(
            f"its signal was trained on, as part of {found.known}; such a test proves nothing",
            where=found.wanted,
            remedy="Test on takes and recordings that were not used for training",
        )


def independent(trials: Sequence[Trial]) -> tuple[list[Trial], list[tuple[str, str]]]:
    """Leave out trials that share signal with another: it would count twice.

    Args:
        trials: in any order; of two that share signal, the longer one is kept, else the first.

    Returns:
        The others, in their order, and for each that was left out its name and that of one
        that it shares signal with.
    """
    order = sorted(range(len(trials)), key=lambda number: -trials[number].seconds)
    signals = [
        Signal(str(number), run.values, trials[number].rate)
        for number in order
        for run in trials[number].runs
    ]
    copies = {int(copy.wanted): int(copy.known) for copy in find_repeats(signals)}
    kept = [trial for number, trial in enumerate(trials) if number not in copies]
    return kept, [(trials[one].name, trials[other].name) for one, other in copies.items()]


def signals_of(trial: Trial) -> Iterator[Signal]:
    """Give the runs of a trial as signals of its name."""
    for run in trial.runs:
        yield Signal(trial.name, run.values, trial.rate)
