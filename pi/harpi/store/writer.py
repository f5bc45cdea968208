"""Writing takes: chunk by chunk while one lasts, or many together or not at all."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np

from harpi.config.schema import StoreSection
from harpi.errors import StoreError
from harpi.files import FileLock
from harpi.store import queries
from harpi.store.database import Database, StorageUsage
from harpi.store.queries import joined
from harpi.store.takes import Chunk, Flag, Take, chunks_of
from harpi.types import Samples

CHUNK_SECONDS: Final = 1.0
"""Signal that is collected before it is written: one fsync a second is gentle to a card."""


class TakeWriter:
    """One take while it is recorded; made by `Store.begin`.

    `append` collects about a second in memory and then writes it: what it returns is how
    many samples are on the disk for good. The take counts from the moment `finish` returns.
    If the process dies before, the next one that opens the store keeps what had been
    written, flagged `interrupted`.

    Used by one thread, which should not be the sampler's: writing waits for the disk.
    """

    def __init__(
        self,
        database: Database,
        limits: StoreSection,
        lock: FileLock,
        take: Take,
    ) -> None:
        self._database = database
        self._limits = limits
        self._lock = lock
        self._take = take
        self._pending: list[Samples] = []
        self._start: float | None = None
        self._chunks = 0
        self._durable = 0
        self._digest = hashlib.sha256()
        self._failure: StoreError | None = None
        self._closed = False

    @property
    def take(self) -> Take:
        """The take as it was begun, with its number."""
        return self._take

    def append(self, samples: Samples) -> int:
        """Add consecutive samples.

        The time of the first sample of the take becomes its second 0.

        Args:
            samples: readings that follow those before, or a gap if they say so.

        Returns:
            How many samples of the take are on the disk.

        Raises:
            StoreFull: there is no room. The take gets no more samples after that, and
                `finish` keeps those that it has.
            StoreError: the store cannot be written (likewise), or the take is finished.
            ValueError: a value is not finite.
        """
        self._check_open()
        if self._failure is not None:
            raise self._failure
        if not np.isfinite(samples.values).all():
            raise ValueError("samples must be finite")
        if len(samples):
            if self._start is None:
                self._start = float(samples.times[0])
                samples = Samples(samples.values, samples.times)
            self._pending.append(samples)
        if sum(map(len, self._pending)) >= CHUNK_SECONDS * self._take.rate:
            try:
                if refusal := StorageUsage.of(self._database, self._limits).refusal():
                    raise refusal
                with self._database.transaction() as connection:
                    chunks = self._write(connection)
            except StoreError as error:
                self._failure = error
                raise
            self._written(chunks)
        return self._durable

    def finish(
        self,
        *,
        flags: tuple[Flag, ...] = (),
        keep_from: float = 0.0,
        keep_to: float | None = None,
    ) -> Take | None:
        """End the take; once this returns, nothing but a purge can lose it.

        Args:
            flags: what is doubtful about it, besides what was known when it began.
            keep_from: first second that is used; what is before stays in the store.
            keep_to: second from which on nothing is used; None for all up to the end.

        Returns:
            The take as it is kept; None where no sample came, then there is no take.

        Raises:
            StoreFull: the disk is full; what had been written is kept as `interrupted`.
            StoreError: the store cannot be written, or the take is finished already.
            UsageError: nothing can lie between `keep_from` and `keep_to`.
        """
        self._check_open()
        ended = replace(
            self._take,
            flags=tuple(dict.fromkeys((*self._take.flags, *flags))),
            keep_from=keep_from,
            keep_to=keep_to,
        )
        self._closed = True
        number = self._take.id
        try:
            with self._database.transaction() as connection:
                chunks = self._write(connection)
                if not self._chunks and not chunks:
                    queries.remove_unfinished(connection, number)
                    return None
                self._written(chunks)
                queries.keep_take(connection, ended, digest=self._digest.hexdigest())
                queries.act(connection, "add", [queries.added(number)])
                (row,) = connection.execute(queries.TAKE, (number,))
            self._database.settle()
            return queries.take_of(row, self._database.path)
        finally:
            self._lock.release()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(
                f"take {self._take.id} is finished", where=str(self._database.path)
            )

    def _write(self, connection: sqlite3.Connection) -> list[Chunk]:
        chunks = [
            c for run in joined(self._pending) for c in chunks_of(run, self._start or 0.0)
        ]
        queries.insert_chunks(connection, self._take.id, self._chunks, chunks)
        return chunks

    def _written(self, chunks: list[Chunk]) -> None:
        self._pending.clear()
        self._chunks += len(chunks)
        self._durable += sum(chunk.count for chunk in chunks)
        for chunk in chunks:
            self._digest.update(queries.little_endian(chunk.values()))


def recover(connection: sqlite3.Connection, where: Path) -> None:
    """Keep the takes that a process left behind when it died; the caller holds the lock.

    Args:
        connection: in a transaction.
        where: the store, for messages.

    Raises:
        StoreError: harpi did not write what is known of a take.
    """
    left = connection.execute("SELECT id FROM take WHERE state = 'recording'").fetchall()
    for (number,) in left:
        (row,) = connection.execute(queries.TAKE, (number,))
        chunks = map(queries.chunk_of, connection.execute(queries.CHUNKS, (number,)))
        if (first := next(chunks, None)) is None:
            queries.remove_unfinished(connection, number)
            continue
        take = queries.take_of(row, where)
        try:
            digest = queries.digest_of(chunk.values() for chunk in chain([first], chunks))
        except (ValueError, TypeError):
            digest = ""  # so that whoever reads it is told that it is damaged
        interrupted = replace(take, flags=(*take.flags, "interrupted"))
        queries.keep_take(connection, interrupted, digest=digest)
        queries.act(connection, "add", [queries.added(number)])


BATCH_BYTES: Final = 1 << 20
"""Bytes that are written in one transaction; a daemon that records waits no longer."""


class Staging:
    """An import in progress; made by `Store.stage`, used with `with`.

    Takes are written in many short transactions as `importing`, where nobody sees them;
    `Store.keep_staged` makes them all count in one. What does not count by then is removed at
    the end of the `with` block; if the process dies, the next one that opens the store does it.
    """

    def __init__(self, database: Database, limits: StoreSection, lock: FileLock) -> None:
        self._database = database
        self._limits = limits
        self._lock = lock
        self._waiting: list[tuple[Take, str, list[Chunk]]] = []
        self._waiting_bytes = 0
        self._written: list[int] = []
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
                for number in self._written:
                    queries.remove_unfinished(connection, number)
                for session in self._sessions:
                    queries.remove_empty_session(connection, session)
        finally:
            self._lock.release()

    def new_session(self, note: str = "") -> int:
        """Begin a session for takes to come; without any, it goes away again."""
        with self._database.transaction() as connection:
            session = queries.insert_session(connection, note)
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
        digest = queries.digest_of(chunk.values() for chunk in chunks)
        if digest in self._digests or self._database.rows(queries.SAME, (digest,)):
            return False
        self._digests.add(digest)
        self._waiting.append((take, digest, chunks))
        self._waiting_bytes += sum(len(chunk.data) for chunk in chunks)
        if self._waiting_bytes >= BATCH_BYTES:
            self._write()
        return True

    def written(self) -> list[int]:
        """Write what is still in memory; return the numbers of all takes, for the session.

        Raises:
            StoreFull: there is no room.
            StoreError: the store cannot be written.
        """
        self._write()
        return list(self._written)

    def _write(self) -> None:
        if refusal := StorageUsage.of(self._database, self._limits).refusal():
            raise refusal
        with self._database.transaction() as connection:
            batch = []
            for take, digest, chunks in self._waiting:
                number = queries.insert_take(connection, take, "importing", digest=digest)
                queries.insert_chunks(connection, number, 0, chunks)
                batch.append(number)
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
