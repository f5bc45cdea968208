"""What can be looked up: takes, their traces, evaluations and heads."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections import deque
from pathlib import Path
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from harpi.errors import StoreError, TakeNotFound
from harpi.evaluation.runs import RunLog
from harpi.learning.store import Store
from harpi.learning.take import Take
from harpi.web.guard import refuse
from harpi.web.messages import Evaluation, Evaluations, HeadRow, Heads, TakePage
from harpi.web.sources import Sources
from harpi.web.trace import Envelope, envelope

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
        before = None
        if "before" in request.query_params:
            with contextlib.suppress(ValueError):
                before = int(request.query_params["before"])
        takes = await asyncio.to_thread(self._list_takes)
        return as_json(TakePage.of(takes, before, TAKES_SHOWN))

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

    def _list_takes(self) -> list[Take]:
        return self._store.takes(deleted=None)

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


def as_json(content: msgspec.Struct, headers: dict[str, str] | None = None) -> Response:
    """Answer with a structure."""
    return Response(
        msgspec.json.encode(content), media_type="application/json", headers=headers
    )
