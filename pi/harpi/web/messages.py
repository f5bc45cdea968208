"""What the page is told besides what everybody is told: takes, evaluations, heads."""

from __future__ import annotations

import asyncio
import re
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from harpi.commands import LARGEST_MESSAGE, SessionApi
from harpi.diary.keeper import Keeper
from harpi.errors import StoreError, TakeNotFound
from harpi.evaluation.report import Confusion, Interval, ModelReport, Report
from harpi.evaluation.runs import RunLog
from harpi.learning.heads import HeadEntry, HeadRegistry
from harpi.publish.messages import Condition
from harpi.recognition.model_file import ModelFile
from harpi.signal.ring import Ring
from harpi.store.store import Store
from harpi.store.takes import Take
from harpi.timebase import Timebase
from harpi.web.auth import refuse
from harpi.web.stream import Envelope, envelope

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
    asking_seconds: float
    """How long harpi waits for a yes before it forgets nothing."""


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
    """Share of held-out windows that were classified correctly when it was made."""
    whole: bool = True
    """They were of takes that it had not learnt at all."""
    method: str = ""

    @classmethod
    def of(cls, shelved: HeadEntry) -> HeadRow:
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


TAKES_SHOWN: Final = 30
"""Takes in one part of the list."""

RUNS_SHOWN: Final = 5
"""Evaluations that are shown."""

_NUMBER: Final = re.compile("[0-9]{1,15}")

_FOREVER: Final = {"cache-control": "private, max-age=31536000, immutable"}


class Data:
    """The answers to questions that change nothing; the disk is read beside the event loop.

    Args:
        sources: where everything is.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._runs = _LastRuns(sources.evaluations)
        self.routes = [
            Route("/api/takes", self._takes),
            Route("/api/takes/{number}/trace", self._take_trace),
            Route("/api/evaluations", self._evaluations),
            Route("/api/heads", self._heads),
        ]

    async def _takes(self, request: Request) -> Response:
        asked = request.query_params.get("before", "")
        before = int(asked) if _NUMBER.fullmatch(asked) else None
        return as_json(await asyncio.to_thread(self._list_takes, before))

    async def _take_trace(self, request: Request) -> Response:
        number: str = request.path_params["number"]
        if not _NUMBER.fullmatch(number):
            return refuse(404, f"There is no take {number[:40]!r}.")
        try:
            drawn = await asyncio.to_thread(self._draw_take, int(number))
        except TakeNotFound as error:
            return refuse(404, str(error))
        # The page asks with the digest of the samples, so what it gets never changes.
        return as_json(drawn, headers=_FOREVER if "digest" in request.query_params else {})

    async def _evaluations(self, _request: Request) -> Response:
        return as_json(await asyncio.to_thread(self._runs.read))

    async def _heads(self, _request: Request) -> Response:
        return as_json(await asyncio.to_thread(self._list_heads))

    # --- beside the event loop --------------------------------------------------------------

    @property
    def _store(self) -> Store:
        if isinstance(self._sources.store, StoreError):
            raise self._sources.store
        return self._sources.store

    def _list_takes(self, before: int | None) -> TakePage:
        newest = self._store.newest(before=before, deleted=None)
        rows = [TakeRow.of(take) for take in islice(newest, TAKES_SHOWN + 1)]
        return TakePage(takes=tuple(rows[:TAKES_SHOWN]), more=len(rows) > TAKES_SHOWN)

    def _draw_take(self, number: int) -> Envelope:
        store = self._store
        return envelope(store.samples(number, whole=True), store.take(number).seconds)

    def _list_heads(self) -> Heads:
        entries = self._sources.shelf.entries(self._sources.base)
        return Heads(heads=tuple(map(HeadRow.of, entries)))


class _LastRuns:
    """The newest evaluations; each is read from the log once, however often it is asked for.

    Args:
        path: the log.
    """

    def __init__(self, path: Path) -> None:
        self._log = RunLog(path)
        self._lock = threading.Lock()
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._place = 0
        self._runs: deque[Evaluation] = deque(maxlen=RUNS_SHOWN)
        self._problems: tuple[str, ...] = ()

    def read(self) -> Evaluations:
        """Give them, the newest first.

        Raises:
            StoreError: the log cannot be read.
        """
        with self._lock:
            log, place = self._log.after(self._place)
            if place < self._place:  # it is another file
                self._begin_anew()
            self._place = place
            self._runs.extendleft(map(Evaluation.of, log.reports))
            self._problems += log.problems
            return Evaluations(runs=tuple(self._runs), problems=self._problems)


class TooLongError(Exception):
    """A request has a longer body than it may have.

    Attributes:
        largest: bytes that it may have.
    """

    def __init__(self, largest: int) -> None:
        super().__init__(largest)
        self.largest = largest


async def body_of(request: Request, largest: int = LARGEST_MESSAGE) -> bytes:
    """Read the body of a request.

    Raises:
        TooLongError: it has more bytes than `largest`.
    """
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > largest:
            raise TooLongError(largest)
    return content


def as_json(content: msgspec.Struct, headers: dict[str, str] | None = None) -> Response:
    """Answer with a structure."""
    return Response(
        msgspec.json.encode(content), media_type="application/json", headers=headers
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the page has everything from.

    Attributes:
        room: where commands go, and events come from.
        ring: the signal of the last seconds.
        store: the takes; or why there is no store.
        condition: tells how the device does; may be called by any thread.
        evaluations: the log of evaluations, whether or not it exists.
        shelf: the heads that were kept.
        base: the model that they have to belong to.
        timebase: the clock of the samples.
        keeper: of the diary; None where none is kept.
    """

    room: SessionApi
    ring: Ring
    store: Store | StoreError
    condition: Callable[[], Condition]
    evaluations: Path
    shelf: HeadRegistry
    base: ModelFile
    timebase: Timebase
    keeper: Keeper | None = None
