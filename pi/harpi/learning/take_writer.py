"""Recording a take: written in chunks while it lasts, so that a crash costs a second."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from harpi.config.schema import StoreSection
from harpi.errors import StoreError
from harpi.learning import journal, tables
from harpi.learning.chunk import Chunk, chunks_of
from harpi.learning.database import Database
from harpi.learning.filelock import FileLock
from harpi.learning.room import Room
from harpi.learning.runs import joined
from harpi.learning.take import Flag, Take
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
                if refusal := Room.of(self._database, self._limits).refusal():
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
                    tables.remove_unfinished(connection, number)
                    return None
                self._written(chunks)
                tables.keep_take(connection, ended, digest=self._digest.hexdigest())
                journal.act(connection, "add", [journal.added(number)])
                (row,) = connection.execute(tables.TAKE, (number,))
                return tables.take_of(row, self._database.path)
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
        tables.insert_chunks(connection, self._take.id, self._chunks, chunks)
        return chunks

    def _written(self, chunks: list[Chunk]) -> None:
        self._pending.clear()
        self._chunks += len(chunks)
        self._durable += sum(chunk.count for chunk in chunks)
        for chunk in chunks:
            self._digest.update(tables.little_endian(chunk.values()))


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
        (row,) = connection.execute(tables.TAKE, (number,))
        chunks = [tables.chunk_of(r) for r in connection.execute(tables.CHUNKS, (number,))]
        if not chunks:
            tables.remove_unfinished(connection, number)
            continue
        take = tables.take_of(row, where)
        try:
            digest = tables.digest_of(chunk.values() for chunk in chunks)
        except (ValueError, TypeError):
            digest = ""  # so that whoever reads it is told that it is damaged
        interrupted = replace(take, flags=(*take.flags, "interrupted"))
        tables.keep_take(connection, interrupted, digest=digest)
        journal.act(connection, "add", [journal.added(number)])
