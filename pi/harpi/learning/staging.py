"""Many takes that enter the store together or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Final, Self

from harpi.config.schema import StoreSection
from harpi.learning import journal, tables
from harpi.learning.chunk import Chunk, chunks_of
from harpi.learning.database import Database
from harpi.learning.filelock import FileLock
from harpi.learning.room import Room
from harpi.learning.take import Take
from harpi.types import Samples

BATCH_BYTES: Final = 1 << 20
"""Bytes that are written in one transaction; a daemon that records waits no longer."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    take: Take
    digest: str
    chunks: list[Chunk]


@dataclass(frozen=True, slots=True)
class _Written:
    take: Take
    digest: str


class Staging:
    """An import in progress; made by `Store.stage`, used with `with`.

    Takes are written in many short transactions as `importing`, where nobody sees them, and
    `keep` makes them all count in one. Leaving the `with` block without `keep` removes them;
    if the process dies, the next one that opens the store does.
    """

    def __init__(self, database: Database, limits: StoreSection, lock: FileLock) -> None:
        self._database = database
        self._limits = limits
        self._lock = lock
        self._waiting: list[_Waiting] = []
        self._waiting_bytes = 0
        self._written: list[_Written] = []
        self._sessions: list[int] = []
        self._digests: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            with self._database.transaction() as connection:
                for written in self._written:
                    tables.remove_unfinished(connection, written.take.id)
                for session in self._sessions:
                    tables.remove_empty_session(connection, session)
        finally:
            self._lock.release()

    def new_session(self, note: str = "") -> int:
        """Begin a session for takes to come; without any, it goes away again."""
        with self._database.transaction() as connection:
            session = tables.insert_session(connection, note)
        self._sessions.append(session)
        return session

    def add(self, take: Take, runs: Sequence[Samples]) -> bool:
        """Add one take, unless the same samples are in the store or were added before.

        Args:
            take: what is known of it; its session exists.
            runs: its samples, at least one; times in seconds, on any clock.

        Returns:
            Whether it is new. A deleted take counts as being there.

        Raises:
            StoreFull: there is no room.
            StoreError: the store cannot be written.
        """
        chunks = chunks_of_runs(runs)
        digest = tables.digest_of(chunk.values() for chunk in chunks)
        if digest in self._digests or self._database.rows(tables.SAME, (digest,)):
            return False
        self._digests.add(digest)
        self._waiting.append(_Waiting(take, digest, chunks))
        self._waiting_bytes += sum(len(chunk.data) for chunk in chunks)
        if self._waiting_bytes >= BATCH_BYTES:
            self._write()
        return True

    def keep(self) -> journal.Action:
        """Make all takes count, as one action that can be undone.

        Raises:
            StoreFull: there is no room.
            StoreError: the store cannot be written.
        """
        self._write()
        with self._database.transaction() as connection:
            for written in self._written:
                tables.keep_take(connection, written.take, digest=written.digest)
            changes = [journal.added(written.take.id) for written in self._written]
            action = journal.act(connection, "add", changes)
        self._written.clear()
        return action

    def _write(self) -> None:
        if refusal := Room.of(self._database, self._limits).refusal():
            raise refusal
        with self._database.transaction() as connection:
            batch = []
            for waiting in self._waiting:
                number = tables.insert_take(connection, waiting.take, "importing")
                tables.insert_chunks(connection, number, 0, waiting.chunks)
                batch.append(_Written(replace(waiting.take, id=number), waiting.digest))
        self._written += batch
        self._waiting.clear()
        self._waiting_bytes = 0


def chunks_of_runs(runs: Sequence[Samples]) -> list[Chunk]:
    """Bring all samples of a take into their stored form; its first sample is second 0."""
    full = [run for run in runs if len(run)]
    if not full:
        raise ValueError("a take has at least one sample")
    start = float(full[0].times[0])
    first = Samples(full[0].values, full[0].times)
    return [chunk for run in (first, *full[1:]) for chunk in chunks_of(run, start)]
