"""The log of evaluations: one report a line, so that a later run can be held against it.

A line is on the disk when `append` returns. A line that was cut short by a loss of power, or
is of a newer harpi, is said and skipped; nothing is ever rewritten.
"""

from __future__ import annotations

import fcntl
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from harpi.errors import StoreError, UsageError
from harpi.evaluation.measuring import comparison_of
from harpi.evaluation.messages import in_words
from harpi.evaluation.metrics import Paired, paired
from harpi.evaluation.report import FORMAT, Comparison, Report, TakeResult
from harpi.files import decode_json, make_directory, private_mode, sync_directory
from harpi.names import name_of

FILE_NAME: Final = "evaluations.jsonl"
"""Name of the log within the folder `paths.state`."""

LAST: Final = "last"


class _Head(msgspec.Struct, frozen=True):
    """What every format of a line has."""

    format: int
    number: int


@dataclass(frozen=True, slots=True)
class Log:
    """What the log holds.

    Attributes:
        reports: the oldest first.
        problems: a sentence for each line that cannot be read.
    """

    reports: tuple[Report, ...]
    problems: tuple[str, ...]

    def find(self, name: str) -> Report:
        """Give a run by its number, or `last`, or `last-1` for the one before, and so on.

        Raises:
            UsageError: there is none.
        """
        by_number = {str(report.number): report for report in self.reports}
        if name in by_number:
            return by_number[name]
        word, _, back = name.partition("-")
        if word == LAST and re.fullmatch(r"\d{0,9}", back):
            place = int(back or 0)
            if place < len(self.reports):
                return self.reports[-1 - place]
        kept = ", ".join(list(by_number)[-10:])
        raise UsageError(
            f"there is no run {name}",
            remedy=f"Choose one of {kept}, or {LAST}" if kept else "Run `harpi evaluate` first",
        )


class RunLog:
    """The file of the log.

    Args:
        path: the file; made, with its folder, when the first report is appended.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Log:
        """Read all reports.

        Raises:
            StoreError: the file cannot be read.
        """
        return self.after(0)[0]

    def after(self, place: int) -> tuple[Log, int]:
        """Read the reports that were appended behind a place in the file.

        Args:
            place: where reading ended the last time, in bytes; a file that is shorter is
                another one, and is read from its beginning.

        Returns:
            The reports, and the place to go on from.

        Raises:
            StoreError: the file cannot be read.
        """
        try:
            with self._path.open("rb") as file:
                # A line that another program is writing at this moment is read whole.
                fcntl.flock(file, fcntl.LOCK_SH)
                if place > os.fstat(file.fileno()).st_size:
                    place = 0
                file.seek(place)
                content = file.read()
        except FileNotFoundError:
            return Log((), ()), 0
        except OSError as error:
            raise self._refused("cannot be read", error) from error
        reports, problems = [], []
        for number, line in enumerate(content.splitlines(), start=1):
            if not line.strip():
                continue
            try:
                reports.append(_decode(line))
            except msgspec.DecodeError:
                problems.append(f"{self._path}: line {number} is damaged and skipped.")
            except _TooNewError as error:
                problems.append(f"{self._path}: line {number} is {error} and skipped.")
        return Log(tuple(reports), tuple(problems)), place + len(content)

    def append(self, report: Report) -> Report:
        """Add a report at the end; it is on the disk when this returns.

        Returns:
            The report with its number.

        Raises:
            StoreError: the file cannot be written.
        """
        try:
            make_directory(self._path.parent)
            with open(self._path, "ab+", opener=_no_link) as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.seek(0)
                lines = file.read().splitlines(keepends=True)
                number = max(map(_number_of, lines), default=0) + 1
                numbered = msgspec.structs.replace(report, number=number)
                torn = bool(lines) and not lines[-1].endswith(b"\n")
                file.write(b"\n" * torn + msgspec.json.encode(numbered) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            sync_directory(self._path.parent)
        except OSError as error:
            raise self._refused("cannot be written", error) from error
        return numbered

    def _refused(self, what: str, error: OSError) -> StoreError:
        return StoreError(
            f"the log of evaluations {what} ({error.strerror})",
            where=str(self._path),
            remedy="Check the file, its permissions and the room on its disk",
        )


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, private_mode(Path(path).parent))


class _TooNewError(Exception):
    """A line of a format that this harpi does not know."""


def _decode(line: bytes) -> Report:
    head = decode_json(line, _Head)
    if head.format > FORMAT:
        raise _TooNewError(f"of format {head.format}, of a newer harpi,")
    return decode_json(line, Report)


def _number_of(line: bytes) -> int:
    """Give the number of a run, also of one of a newer harpi; 0 for a damaged line."""
    try:
        return decode_json(line, _Head).number
    except msgspec.DecodeError:
        return 0


# --- two runs -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """How one model did in two runs, on the takes that both tested.

    Attributes:
        model: which.
        changed: whether it is made from something else than before.
        comparison: of the later run with the earlier; None where a run has no figures of it,
            or they share no take.
        sentence: the result in words.
    """

    model: str
    changed: bool
    comparison: Comparison | None
    sentence: str


def changes(earlier: Report, later: Report) -> list[Change]:
    """Compare two runs model by model, take by take."""
    pairs = shared_takes(earlier, later)
    found = []
    for model in later.models:
        before = earlier.model(model.model)
        if before is None:
            continue
        name = name_of(model.model)
        changed = (before.digest, before.source) != (model.digest, model.source)
        result = _paired(model.model, pairs)
        if result is None:
            sentence = _untestable(name, before.trained, model.trained)
            found.append(Change(model.model, changed, None, sentence))
            continue
        one, other = f"{name} of run {later.number}", f"{name} of run {earlier.number}"
        sentence = in_words(one, other, result)
        comparison = msgspec.structs.replace(
            comparison_of(one, other, result), sentence=sentence
        )
        found.append(Change(model.model, changed, comparison, sentence))
    return found


def shared_takes(earlier: Report, later: Report) -> list[tuple[TakeResult, TakeResult]]:
    """Give the takes of the same signal and label that both tested, the earlier one first."""
    known = {(take.digest, take.label): take for take in earlier.takes}
    return [
        (known[take.digest, take.label], take)
        for take in later.takes
        if (take.digest, take.label) in known
    ]


def _paired(model: str, pairs: list[tuple[TakeResult, TakeResult]]) -> Paired | None:
    both = [(a, b) for a, b in pairs if model in a.right and model in b.right]
    if not both:
        return None
    before = np.array([[take.right[model], take.windows] for take, _ in both], np.int64)
    after = np.array([[take.right[model], take.windows] for _, take in both], np.int64)
    return paired(after, before)


def _untestable(name: str, before: bool, after: bool) -> str:
    if not after:
        return f"{name} is not trained."
    if not before:
        return f"{name} was not trained in the earlier run."
    return f"{name}: the runs have no take in common, so their figures do not compare."
