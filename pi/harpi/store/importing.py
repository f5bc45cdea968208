"""Import: recordings become takes, all of them or none.

What harpi exported comes back as it was: a folder, a .zip, or a single .npz. Any other
recording that `harpi.recording` reads is cut into takes, one for each stretch of one label
without a gap; signal without a label is left out. What is in the store already, by its
samples, is not added again.
"""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np

from harpi.errors import RecordingError, UsageError
from harpi.recording import Recording, read_each
from harpi.store import export
from harpi.store.store import Store
from harpi.store.takes import Split, Take
from harpi.store.writer import Staging
from harpi.types import Samples

Progress = Callable[[float], None]
"""Told the share that is done, from 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What to take from files that harpi did not export, and what to call it.

    Attributes:
        subject: only this wearer.
        position: only this place on the body; where the file names none, what it was.
        label: the activity of everything; where not given, that of the file.
        split: what the takes are for.
    """

    subject: str | None = None
    position: str | None = None
    label: str | None = None
    split: Split = "train"


@dataclass(slots=True)
class Imported:
    """What came of an import.

    Attributes:
        takes: how many takes were added.
        known: how many were in the store already, or came twice.
        seconds: signal that was added.
        unlabelled: seconds that were left out, because nothing says what they are.
    """

    takes: int = 0
    known: int = 0
    seconds: float = 0.0
    unlabelled: float = 0.0


def import_files(
    store: Store,
    paths: Sequence[Path],
    choice: Choice | None = None,
    *,
    on_progress: Progress = lambda share: None,
) -> Imported:
    """Add what is in files, folders and archives; all of it, or nothing.

    When a recording of others was made is not known: its takes get the time at which the file
    was last changed, plus their place in it.

    Args:
        store: where they go.
        paths: .npz, .csv, .zip, or folders of .npz and .csv.
        choice: what to take, and what to call it.
        on_progress: told how far it has come.

    Raises:
        RecordingError: a file is missing, damaged, or not what was asked for.
        StoreError: the store cannot be written, or is full.
    """
    with store.stage() as staging:
        running = _Import(staging, choice or Choice())
        for number, path in enumerate(paths):
            for source, begin, end in sources_in(path):
                for share in running.add(source):
                    done = number + begin + share * (end - begin)
                    on_progress(done / len(paths))
        staging.keep()
    on_progress(1.0)
    return running.result


@dataclass(slots=True)
class _Import:
    """An import while it goes on."""

    staging: Staging
    choice: Choice
    result: Imported = field(default_factory=Imported)
    sessions: dict[tuple[str, ...], int] = field(default_factory=dict)

    def add(self, source: Source) -> Iterator[float]:
        """Add what is in one file; tell now and then which share of it is done."""
        recordings = read_each(source.path)
        line = source.line or recordings[0].meta.get("take")
        try:
            if isinstance(line, Mapping):
                self._add_exported(source, recordings, line)
                return
            chosen = self._chosen(recordings, source.where)
            for number, recording in enumerate(chosen):
                for share in self._add_foreign(source, recording):
                    yield (number + share) / len(chosen)
        except UsageError as error:
            raise RecordingError(error.problem, where=source.where) from error

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

    def _add_foreign(self, source: Source, recording: Recording) -> Iterator[float]:
        position = recording.position or self.choice.position or "unspecified"
        subject = "" if recording.subject is None else f", subject {recording.subject}"
        session = self._session(source.where, subject, position)
        changed = datetime.fromtimestamp(source.changed, UTC)
        labels = recording.labels if self.choice.label is None else (self.choice.label,)
        label = np.zeros(len(recording)) if self.choice.label else recording.label
        borders = np.flatnonzero((np.diff(label) != 0) | (np.diff(recording.segment) != 0)) + 1
        for begin, end in pairwise([0, *borders.tolist(), len(recording)]):
            seconds = (end - begin) / recording.rate
            if label[begin] < 0:
                self.result.unlabelled += seconds
                continue
            take = Take(
                label=labels[int(label[begin])],
                session=session,
                split=self.choice.split,
                position=position,
                start=changed + timedelta(seconds=begin / recording.rate),
                rate=recording.rate,
                note=source.path.name + subject,
            )
            times = np.arange(end - begin) / recording.rate
            self._add(take, [Samples(recording.values[begin:end], times)])
            yield end / len(recording)

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
                "it does not hold this wearer at this place",
                where=where,
                remedy=f"It holds {', '.join(there[:20])}",
            )
        return found

    def _session(self, *key: str) -> int:
        """The session of this store that stands for one of the files."""
        if key not in self.sessions:
            self.sessions[key] = self.staging.new_session(f"imported from {key[0]}")
        return self.sessions[key]

    def _add(self, take: Take, runs: Sequence[Samples]) -> None:
        if self.staging.add(take, runs):
            self.result.takes += 1
            self.result.seconds += sum(map(len, runs)) / take.rate
        else:
            self.result.known += 1


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


ENDINGS: Final = (".npz", ".csv")


LARGEST_INDEX: Final = 64 << 20


LARGEST_FILE: Final = 1 << 29
"""Bytes that are taken out of an archive at most, for the index and for one recording."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file to import.

    Attributes:
        path: the file itself, for an archive a copy of it.
        where: what a person calls it.
        collection: the folder or archive that it came in; sessions are told apart in it.
        changed: when it was last changed, seconds since 1970.
        line: what the index says of it, None where there is no index.
    """

    path: Path
    where: str
    collection: str
    changed: float
    line: Mapping[str, str] | None = None


def sources_in(path: Path) -> Iterator[tuple[Source, float, float]]:
    """Find the recordings at a path.

    A file from an archive is there until the next one is asked for.

    Yields:
        Each file, and the share of the whole, from 0 to 1, at which it begins and ends.

    Raises:
        RecordingError: nothing is there, or it is damaged.
    """
    if path.is_dir():
        yield from _in_folder(path)
    elif path.suffix.lower() == ".zip":
        yield from _in_archive(path)
    else:
        changed = path.stat().st_mtime if path.exists() else 0.0
        yield Source(path, str(path), str(path.parent), changed), 0.0, 1.0


def _in_folder(folder: Path) -> Iterator[tuple[Source, float, float]]:
    listed = folder / export.FILE_NAME
    lines = _read_index(listed.read_bytes(), str(listed)) if listed.exists() else {}
    files = {
        file.name: file
        for file in sorted(folder.iterdir())
        if file.suffix.lower() in ENDINGS and file != listed
    }
    _check_complete(files, lines, str(folder))
    for number, (name, file) in enumerate(files.items()):
        source = Source(file, str(file), str(folder), file.stat().st_mtime, lines.get(name))
        yield source, number / len(files), (number + 1) / len(files)


def _in_archive(archive: Path) -> Iterator[tuple[Source, float, float]]:
    where = str(archive)
    try:
        with zipfile.ZipFile(archive) as packed, tempfile.TemporaryDirectory() as folder:
            members = {PurePosixPath(info.filename).name: info for info in packed.infolist()}
            lines: dict[str, Mapping[str, str]] = {}
            if listed := members.pop(export.FILE_NAME, None):
                _check_size(listed, LARGEST_INDEX, where)
                with packed.open(listed) as source:
                    # Without a limit as much is reserved as the archive claims to hold.
                    content = source.read(LARGEST_INDEX)
                lines = _read_index(content, f"{where}/{export.FILE_NAME}")
            files = {n: m for n, m in members.items() if Path(n).suffix.lower() in ENDINGS}
            _check_complete(files, lines, where)
            for number, (name, member) in enumerate(files.items()):
                _check_size(member, LARGEST_FILE, where)
                copy = Path(folder) / name
                with packed.open(member) as source, copy.open("wb") as target:
                    shutil.copyfileobj(source, target)
                yield (
                    Source(
                        copy,
                        f"{where}/{name}",
                        where,
                        archive.stat().st_mtime,
                        lines.get(name),
                    ),
                    number / len(files),
                    (number + 1) / len(files),
                )
                copy.unlink()
    except FileNotFoundError as error:
        raise RecordingError(
            "there is no such archive", where=where, remedy="Check the path"
        ) from error
    except (
        *(zipfile.BadZipFile, zlib.error, EOFError),
        *(RuntimeError, OSError, UnicodeDecodeError),
    ) as error:
        raise RecordingError(
            f"the archive cannot be read ({error})",
            where=where,
            remedy="Copy it again from where it came",
        ) from error


def _read_index(content: bytes, where: str) -> dict[str, Mapping[str, str]]:
    try:
        lines = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
        return {PurePosixPath(line["file"]).name: line for line in lines}
    except (UnicodeDecodeError, csv.Error, KeyError, TypeError) as error:
        raise RecordingError(
            f"this is no index of an export ({error})",
            where=where,
            remedy="Export again, or name the recordings one by one",
        ) from error


def _check_complete(
    files: Mapping[str, object], lines: Mapping[str, object], where: str
) -> None:
    if missing := sorted(set(lines) - set(files)):
        raise RecordingError(
            f"{', '.join(missing[:3])} should be there, says {export.FILE_NAME}, and is not",
            where=where,
            remedy="Copy the whole export again",
        )
    if not files:
        raise RecordingError(
            "there is no recording in it", where=where, remedy="Name .npz or .csv files"
        )


def _check_size(member: zipfile.ZipInfo, largest: int, where: str) -> None:
    if member.file_size > largest:
        raise RecordingError(
            f"{member.filename} would take {member.file_size >> 20} MiB",
            where=where,
            remedy="Split it into several recordings",
        )
