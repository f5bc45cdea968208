"""What the page is told besides what everybody is told (`harpi.publish.messages`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from harpi.evaluation.report import Confusion, Interval, ModelReport, Report
from harpi.learning.heads import Shelved
from harpi.learning.take import Take

DIGEST_SHOWN: Final = 12


class Hello(Struct, frozen=True, kw_only=True):
    """What a page has to know to begin."""

    device: str
    version: str
    token: str
    """To send along with whatever changes something."""
    login: bool
    """Whether one can log out."""
    minimum_windows: int
    """Of a label, to be learnt."""


class TakeRow(Struct, frozen=True, kw_only=True):
    """A take in the list."""

    id: int
    label: str
    position: str
    session: int
    test: bool
    start: datetime
    seconds: float
    keep_from: float
    keep_to: float | None
    flags: tuple[str, ...]
    gaps: int
    deleted: bool
    digest: str

    @classmethod
    def of(cls, take: Take) -> TakeRow:
        """Tell of a take."""
        return cls(
            id=take.id,
            label=take.label,
            position=take.position,
            session=take.session,
            test=take.split == "test",
            start=take.start,
            seconds=round(take.seconds, 2),
            keep_from=round(take.keep_from, 2),
            keep_to=None if take.keep_to is None else round(take.keep_to, 2),
            flags=take.flags,
            gaps=take.gaps,
            deleted=take.deleted is not None,
            digest=take.digest[:DIGEST_SHOWN],
        )


class TakePage(Struct, frozen=True, kw_only=True):
    """A part of the list, the newest first."""

    takes: tuple[TakeRow, ...]
    more: bool
    """There are older ones."""

    @classmethod
    def of(cls, takes: Sequence[Take], before: int | None, length: int) -> TakePage:
        """Cut the takes before a number out of all takes."""
        newest = [take for take in reversed(takes) if before is None or take.id < before]
        return cls(
            takes=tuple(TakeRow.of(take) for take in newest[:length]),
            more=len(newest) > length,
        )


class ModelResult(Struct, frozen=True, kw_only=True):
    """How one model did in an evaluation."""

    model: str
    accuracy: Interval | None
    """None where it had learnt nothing; likewise the others."""
    balanced_accuracy: Interval | None
    macro_f1: Interval | None
    confusion: Confusion | None

    @classmethod
    def of(cls, report: ModelReport) -> ModelResult:
        """Leave out of a report what the page does not show."""
        figures = report.every
        return cls(
            model=report.model,
            accuracy=figures.accuracy if figures else None,
            balanced_accuracy=figures.balanced_accuracy if figures else None,
            macro_f1=figures.macro_f1 if figures else None,
            confusion=report.confusion,
        )


class Evaluation(Struct, frozen=True, kw_only=True):
    """One run of `harpi evaluate`."""

    number: int
    time: datetime
    origin: str
    takes: int
    windows: int
    models: tuple[ModelResult, ...]
    sentences: tuple[str, ...]
    """How the models compare, and what to know to read the figures right."""

    @classmethod
    def of(cls, report: Report) -> Evaluation:
        """Leave out of a report what the page does not show."""
        return cls(
            number=report.number,
            time=report.time,
            origin=report.origin,
            takes=len(report.takes),
            windows=report.windows,
            models=tuple(ModelResult.of(model) for model in report.models),
            sentences=(*(each.sentence for each in report.comparisons), *report.notices),
        )


class Evaluations(Struct, frozen=True, kw_only=True):
    """The last runs, the newest first."""

    runs: tuple[Evaluation, ...]
    problems: tuple[str, ...]


class HeadRow(Struct, frozen=True, kw_only=True):
    """A head that was kept."""

    number: int
    current: bool
    problem: str
    """Why it cannot be used; empty where it can."""
    created: datetime | None = None
    """None where its file cannot be read; likewise the others."""
    labels: tuple[str, ...] = ()
    takes: int = 0
    windows: int = 0
    accuracy: float | None = None
    """Share of held-out windows that were judged right when it was made."""
    whole: bool = True
    """They were of takes that it had not learnt at all."""
    method: str = ""

    @classmethod
    def of(cls, shelved: Shelved) -> HeadRow:
        """Tell of a head."""
        head = shelved.head
        row = cls(number=shelved.number, current=shelved.current, problem=shelved.problem)
        if head is None:
            return row
        return replace(
            row,
            created=head.created,
            labels=head.labels,
            takes=len(head.takes),
            windows=round(head.figures.get("windows", 0)),
            accuracy=head.figures.get("accuracy"),
            whole=all(take.whole for take in head.takes),
            method=head.method,
        )


class Heads(Struct, frozen=True, kw_only=True):
    """All heads that were kept, the newest first."""

    heads: tuple[HeadRow, ...]
