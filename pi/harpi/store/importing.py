"""Import: recordings become takes, all of them or none.

What harpi exported comes back as it was: a folder, a .zip, or a single .npz. Any other
recording that `harpi.recording` reads is cut into takes, one for each stretch of one label.
What no model could use is left out and counted: signal without a label, stretches that hold
no window, sensors that are dead. What is in the store already, by its samples, is not added
again.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal, NamedTuple, Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from harpi import labels
from harpi.commands import LONGEST_TAKE, MOST_TAKES
from harpi.errors import NoRecording, RecordingError, UsageError
from harpi.privileges import as_caller, each_as_caller
from harpi.recording import Hints, Recording, Understood, read_understood
from harpi.recording.understanding import at_the_rail
from harpi.store import export
from harpi.store.sources import Source, sources_in
from harpi.store.store import Store
from harpi.store.takes import Split, Take
from harpi.types import Samples

Progress = Callable[[float], None]
"""Told the share that is done, from 0 to 1."""

JOINED: Final = 10.0
"""Seconds without signal after which the same activity is another take."""

_READING: Final = 0.7
"""Share of the work on a file that is reading it."""

LabelFrom = Literal["name", "folder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What to take from files that harpi did not export, and what to call it.

    Attributes:
        subject: only this wearer.
        position: only this place on the body; where the file names none, what it was.
        label: the activity of what has no label.
        label_from: takes that label from the name of the file, or of its folder.
        split: what the takes are for.
        rate: samples per second of files without times.
        shortest: seconds of the shortest run that is of any use: a window.
    """

    subject: str | None = None
    position: str | None = None
    label: str | None = None
    label_from: LabelFrom | None = None
    split: Split = "train"
    rate: float | None = None
    shortest: float = 0.0


class Imported(Struct, kw_only=True):
    """What came of an import.

    Seconds are those of signal; a run is signal of one label without a gap.
    """

    takes: int = 0
    """Takes that were added."""
    known: int = 0
    """Takes that were in the store already, or came twice."""
    seconds: float = 0.0
    """Signal that was added."""
    labels: dict[str, float] = {}
    """Seconds of each label that were added."""
    unlabelled: float = 0.0
    """Seconds left out because nothing says what they are."""
    short_runs: int = 0
    """Runs left out because they hold no window."""
    short: float = 0.0
    """Seconds of them."""
    unusable: float = 0.0
    """Seconds left out because the sensor, or one of its axes, gave nothing."""
    beyond: float = 0.0
    """Seconds left out because a take lasts no longer."""
    undated: int = 0
    """Files that do not say when they were recorded, or say a time to come."""
    skipped: list[str] = []
    """Files that hold no recording."""
    exported: int = 0
    """Files that harpi itself exported."""
    respelt: dict[str, str] = {}
    """Labels that were spelt as the store spells them."""
    doubted: dict[str, str] = {}
    """Labels that the store does not know, and what each may have been meant to be."""
    understood: list[Understood] = []
    """What each other file was taken for."""

    @property
    def left_out(self) -> bool:
        """Whether there was anything that was not added."""
        return bool(self.unlabelled or self.short or self.unusable or self.beyond)


class _Target(Protocol):
    """Where takes go: a `Staging`, or nowhere."""

    def new_session(self, note: str = "") -> int: ...

    def add(self, take: Take, runs: Sequence[Samples]) -> bool: ...


def import_files(
    store: Store,
    paths: Sequence[Path],
    choice: Choice | None = None,
    *,
    keep: Callable[[Sequence[int]], object] | None = None,
    on_progress: Progress = lambda share: None,
) -> Imported:
    """Add what is in files, folders and archives; all of it, or nothing.

    Where a file does not say when it was recorded, its takes are dated so that the last one
    ends now.

    Args:
        store: where they go.
        paths: recordings, folders of them, exports.
        choice: what to take, and what to call it.
        keep: makes the takes of these numbers count, as the session does; the store itself
            where not given.
        on_progress: told how far it has come.

    Raises:
        RecordingError: a file is missing, damaged, or not what was asked for, or the files
            hold more takes than are imported at once.
        StoreError: the store cannot be written, or is full.
    """
    with store.stage() as staging:
        known = tuple(dict.fromkeys(take.label for take in store.takes()))
        running = _Import(staging, choice or Choice(), known_labels=known)
        result = _run(running, paths, on_progress)
        numbers = staging.written()
        if len(numbers) > MOST_TAKES:
            raise RecordingError(
                f"the files hold {len(numbers)} takes, more than {MOST_TAKES} at once",
                remedy="Import some of them at a time",
            )
        if numbers:
            (keep or store.keep_staged)(numbers)
    return result


def look_into(
    paths: Sequence[Path],
    choice: Choice | None = None,
    *,
    on_progress: Progress = lambda share: None,
) -> Imported:
    """Say what an import would do, and do nothing.

    Raises:
        RecordingError: as `import_files`.
    """
    return _run(_Import(_Nowhere(), choice or Choice()), paths, on_progress)


def _run(running: _Import, paths: Sequence[Path], on_progress: Progress) -> Imported:
    result = running.result
    for number, path in enumerate(paths):
        read = result.exported + len(result.understood)
        for source, begin, end in each_as_caller(sources_in(path)):

            def report(
                share: float, number: int = number, begin: float = begin, end: float = end
            ) -> None:
                on_progress((number + begin + share * (end - begin)) / len(paths))

            for share in running.add(source, report):
                report(share)
        if read == result.exported + len(result.understood):
            raise NoRecording(
                "there is no recording in it",
                where=str(path),
                remedy="See docs/recordings.md for the formats that are read",
            )
    on_progress(1.0)
    return result


class _Nowhere:
    """Takes that are counted and not kept."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def new_session(self, note: str = "") -> int:
        return 1

    def add(self, take: Take, runs: Sequence[Samples]) -> bool:
        content = b"".join(run.values.tobytes() for run in runs)
        mark = hashlib.sha256(content).digest()
        if mark in self._seen:
            return False
        self._seen.add(mark)
        return True


@dataclass(slots=True)
class _Import:
    """An import while it goes on."""

    target: _Target
    choice: Choice
    result: Imported = field(default_factory=Imported)
    sessions: dict[tuple[str, ...], int] = field(default_factory=dict)
    known_labels: tuple[str, ...] = ()

    def add(self, source: Source, on_progress: Progress) -> Iterator[float]:
        """Add what is in one file; tell now and then which share of it is done."""
        hints = Hints(
            rate=self.choice.rate,
            vouched=source.line is not None,
            on_progress=lambda share: on_progress(share * _READING),
        )
        try:
            with as_caller():
                recordings, understood = read_understood(
                    source.path, where=source.where, hints=hints
                )
        except NoRecording:
            if source.alone:
                raise
            self.result.skipped.append(source.where)
            return
        line = source.line or recordings[0].meta.get("take")
        try:
            if isinstance(line, Mapping):
                self.result.exported += 1
                self._add_exported(source, recordings, line)
                return
            self.result.understood.append(understood)
            chosen = self._chosen(recordings, source.where)
            known = understood.start
            if known is None or known > datetime.now(UTC):
                self.result.undated += 1
                known = None
            for number, recording in enumerate(chosen):
                for share in self._add_foreign(source, recording, known):
                    done = (number + share) / len(chosen)
                    yield _READING + (1.0 - _READING) * done
        except UsageError as error:
            raise RecordingError(
                error.problem, where=source.where, remedy=error.remedy
            ) from error

    def _add_exported(
        self, source: Source, recordings: Sequence[Recording], line: Mapping[str, str]
    ) -> None:
        if len(recordings) != 1:
            raise RecordingError(
                "it holds several sensors, an exported take holds one", where=source.where
            )
        take = export.take_of_line(line, 0, source.where)
        session = self._session(source.collection, line.get("session", ""))
        take = replace(take, session=session)
        self._add(take, _runs_of(recordings[0], export.stretches_of_line(line)))

    def _add_foreign(
        self, source: Source, recording: Recording, known: datetime | None
    ) -> Iterator[float]:
        if recording.dead:
            # What a model learnt of a dead axis would be wrong when the axis works.
            self.result.unusable += recording.duration
            return
        position = labels.tidy(recording.position or self.choice.position or "unspecified")
        subject = "" if recording.subject is None else f", subject {recording.subject}"
        session = self._session(source.where, subject, position)
        named = self._filled(source, recording)
        first = known
        if first is None:
            first = datetime.now(UTC) - timedelta(seconds=_lasting(recording))
        for stretch in self._stretches(named):
            runs = [
                Samples(
                    named.values[piece.begin : piece.end],
                    piece.second + np.arange(piece.end - piece.begin) / named.rate,
                    gap=number > 0,
                )
                for number, piece in enumerate(stretch)
            ]
            take = Take(
                label=self._known_as(named.labels[int(named.label[stretch[0].begin])]),
                session=session,
                split=self.choice.split,
                position=position,
                start=first + timedelta(seconds=max(0.0, stretch[0].second)),
                rate=named.rate,
                note=_printable(source.name + subject) + _at_the_rail(runs),
            )
            self._add(take, runs)
            yield stretch[-1].end / len(named)

    def _known_as(self, label: str) -> str:
        """Spell a label as the store does, and doubt one that resembles a known one."""
        known = labels.same_label(label, self.known_labels)
        if known is not None and known != label:
            self.result.respelt[label] = known
        elif known is None and (meant := labels.resembling(label, self.known_labels)):
            self.result.doubted[label] = meant
        return known or label

    def _filled(self, source: Source, recording: Recording) -> Recording:
        """Give what has no label the one that was chosen; what has one keeps it."""
        label = self.choice.label
        if label is None and self.choice.label_from is not None:
            label = _label_of(source, self.choice.label_from)
        if label is None or not (recording.label < 0).any():
            return recording
        label = labels.check_label(label)
        names = recording.labels
        known = labels.same_label(label, names)
        if known is None:
            names, known = (*names, label), label
        filled = np.where(recording.label < 0, names.index(known), recording.label)
        return replace(recording, labels=names, label=filled.astype(np.int16))

    def _stretches(self, recording: Recording) -> Iterator[list[_Piece]]:
        """Cut a recording into stretches of one label, without what is of no use."""
        rate = recording.rate
        new = (np.diff(recording.label) != 0) | (np.diff(recording.segment) != 0)
        borders = np.concatenate([[0], np.flatnonzero(new) + 1, [len(recording)]])
        lengths = np.diff(borders)
        label = recording.label[borders[:-1]]
        short = lengths < round(self.choice.shortest * rate)
        none = label < 0
        self.result.unlabelled += float(lengths[none].sum() / rate)
        self.result.short += float(lengths[short & ~none].sum() / rate)
        self.result.short_runs += int(np.count_nonzero(short & ~none))
        seconds = _begins(recording, borders[:-1])
        stretch: list[_Piece] = []
        for number in np.flatnonzero(~short & ~none).tolist():
            piece = _Piece(
                int(borders[number]),
                int(borders[number + 1]),
                int(label[number]),
                float(seconds[number]),
            )
            if stretch and not _goes_on(stretch[-1], piece, recording):
                yield self._limited(stretch, rate)
                stretch = []
            stretch.append(piece)
        if stretch:
            yield self._limited(stretch, rate)

    def _limited(self, stretch: list[_Piece], rate: float) -> list[_Piece]:
        """Keep as much of a stretch as a take may last."""
        left = round(LONGEST_TAKE * rate)
        kept = []
        for piece in stretch:
            count = min(left, piece.end - piece.begin)
            self.result.beyond += (piece.end - piece.begin - count) / rate
            left -= count
            if count:
                kept.append(piece._replace(end=piece.begin + count))
        return kept

    def _chosen(self, recordings: Sequence[Recording], where: str) -> list[Recording]:
        """Those of the wearer and the place that were asked for."""
        found = [
            recording
            for recording in recordings
            if self.choice.subject in (None, recording.subject)
            and (
                recording.position is None or self.choice.position in (None, recording.position)
            )
        ]
        if not found:
            there = sorted({f"{r.subject} ({r.position})" for r in recordings})
            raise RecordingError(
                "it has no such wearer at this position",
                where=where,
                remedy=f"It holds {', '.join(there[:20])}",
            )
        return found

    def _session(self, *key: str) -> int:
        """The session of this store that stands for one of the files."""
        if key not in self.sessions:
            self.sessions[key] = self.target.new_session(f"imported from {key[0]}")
        return self.sessions[key]

    def _add(self, take: Take, runs: Sequence[Samples]) -> None:
        if not self.target.add(take, runs):
            self.result.known += 1
            return
        seconds = sum(map(len, runs)) / take.rate
        self.result.takes += 1
        self.result.seconds += seconds
        counts = Counter(self.result.labels)
        counts[take.label] += seconds  # type: ignore[assignment]
        self.result.labels = dict(counts)


# --- pieces of a recording ------------------------------------------------------------------


class _Piece(NamedTuple):
    """Samples `begin` to `end` of one label, and the second at which they begin."""

    begin: int
    end: int
    label: int
    second: float


def _begins(recording: Recording, places: NDArray[np.intp]) -> NDArray[np.float64]:
    """Give the second of some samples on the clock of the file."""
    if not len(recording.begins):
        return places / recording.rate
    firsts = np.flatnonzero(np.diff(recording.segment, prepend=recording.segment[0] - 1))
    number = recording.segment[places] - recording.segment[0]
    begins = recording.begins - recording.begins[0]
    return np.asarray(begins[number] + (places - firsts[number]) / recording.rate)


def _goes_on(before: _Piece, piece: _Piece, recording: Recording) -> bool:
    """Tell whether a piece is the same stretch, after a gap in the signal.

    Whatever lies between must have the same label, too: short runs that are of no use.
    """
    if before.label != piece.label or not len(recording.begins):
        return False
    gap = piece.second - before.second - (before.end - before.begin) / recording.rate
    between = recording.label[before.end : piece.begin]
    return -1e-6 <= gap <= JOINED and bool((between == piece.label).all())


def _lasting(recording: Recording) -> float:
    """Give the seconds from the first sample to the last, gaps included."""
    return float(_begins(recording, np.array([len(recording) - 1]))[0]) + 1.0


def _at_the_rail(runs: Sequence[Samples]) -> str:
    count = sum(at_the_rail(run.values) for run in runs)
    return f"; {count} samples at the end of the sensor's range" if count else ""


def _label_of(source: Source, part: LabelFrom) -> str:
    """Take a label from a name: `walking_01.csv` and `walking.abc123.csv` say walking.

    Raises:
        UsageError: the name says none.
    """
    if part == "folder":
        name = source.folder
    else:
        name = re.sub(r"[\W_]*\d+$", "", source.name.partition(".")[0])
    try:
        return labels.check_label(name)
    except UsageError as error:
        raise UsageError(
            f"its {part if part == 'folder' else 'file name'} gives no label: {error.problem}",
            remedy="Give --label",
        ) from error


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _runs_of(recording: Recording, stretches: Sequence[tuple[float, float]]) -> list[Samples]:
    """Cut a recording at its gaps; the times are those of the index where it has them."""
    borders = np.flatnonzero(np.diff(recording.segment)) + 1
    pieces = np.split(recording.values, borders)
    if len(stretches) != len(pieces):
        ends = np.cumsum([len(piece) for piece in pieces]) / recording.rate
        # A gap of a second stands for one of unknown length.
        begins = [0.0, *(ends[:-1] + np.arange(1, len(ends))).tolist()]
        stretches = [
            (begin, begin + (len(piece) - 1) / recording.rate)
            for begin, piece in zip(begins, pieces, strict=True)
        ]
    return [
        Samples(values, np.linspace(first, last, len(values)), gap=number > 0)
        for number, (values, (first, last)) in enumerate(zip(pieces, stretches, strict=True))
    ]
