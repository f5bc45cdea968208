"""The store of takes: one SQLite file that keeps everything until it is told to delete.

A take is on the disk when `add` or `TakeWriter.finish` returns. Deleting and undoing hide a
take, `purge` alone removes it. Windows and embeddings are not in here: they are derived from
the samples and can be made again by any base; `Take.digest`, `keep_from` and `keep_to` tell
whether something that was derived still fits.

Threads and processes: one `Store` may be shared by all threads of a process; each call is
one short transaction behind a lock. Several processes may use the same file: writers wait
for each other up to ten seconds, readers (`read_only=True`) never wait and hold up nobody.
One process at a time can record, and one can import; a lock file beside the store sees to it
and is freed by the kernel when its holder dies.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from harpi.config.schema import StoreSection
from harpi.errors import StoreError, TakeNotFound, UsageError
from harpi.files import FileLock
from harpi.store import queries
from harpi.store.database import FILE_NAME as FILE_NAME
from harpi.store.database import Database, StorageUsage
from harpi.store.queries import Action, Change, joined
from harpi.store.takes import Flag, Split, Take
from harpi.store.writer import Staging, TakeWriter, chunks_of_runs, recover
from harpi.types import Samples


class Store:
    """All takes of one device.

    Args:
        path: the file; made, with its folder, where it does not exist.
        limits: how much room it may take.
        read_only: only look; the file must exist.

    Raises:
        StoreError: the file cannot be opened, is damaged, no store, or of a newer harpi. It
            is left as it was.
    """

    def __init__(
        self,
        path: Path,
        limits: StoreSection | None = None,
        *,
        read_only: bool = False,
    ) -> None:
        self.path = path
        self.limits = limits or StoreSection()
        self._database = Database(path, read_only=read_only)
        self._recording = FileLock(path.with_name(path.name + ".recording"))
        self._importing = FileLock(path.with_name(path.name + ".importing"))
        if not read_only:
            with suppress(StoreError):  # a full disk; what is kept can still be read
                self._clear_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        self._database.close()

    # --- recording ------------------------------------------------------------------------

    def new_session(self, note: str = "") -> int:
        """Begin a session, that is a mounting of the strap; return its number."""
        with self._database.transaction() as connection:
            return queries.insert_session(connection, note)

    def begin(self, take: Take, *, mount: bool = False) -> TakeWriter:
        """Begin to record a take.

        Args:
            take: what is known of it; what the store gives (number, count) is ignored.
            mount: begin a session with it, in place of the one that it names; where the take
                is refused, there is no session either.

        Raises:
            StoreFull: there is no room for it.
            StoreError: another take is being recorded, its session does not exist, or the
                store cannot be written.
        """
        self._check_room()
        if not self._lock(self._recording):
            raise StoreError(
                "another take is being recorded",
                where=str(self.path),
                remedy="Stop it first",
            )
        try:
            with self._database.transaction() as connection:
                recover(connection, self.path)
                if mount:
                    take = replace(take, session=queries.insert_session(connection, ""))
                self._check_session(connection, take.session)
                number = queries.insert_take(connection, take, "recording")
        except BaseException:
            self._recording.release()
            raise
        begun = replace(take, id=number, state="recording")
        return TakeWriter(self._database, self.limits, self._recording, begun)

    def add(self, take: Take, runs: Sequence[Samples]) -> Take:
        """Add a whole take; it is on the disk when this returns.

        Args:
            take: what is known of it; what the store gives (number, count) is ignored.
            runs: its samples, at least one, each block following the one before; times in
                seconds on any clock, the first is second 0 of the take.

        Returns:
            The take as it is kept, with its number.

        Raises:
            StoreFull: there is no room for it.
            StoreError: its session does not exist, or the store cannot be written.
        """
        self._check_room()
        chunks = chunks_of_runs(runs)
        digest = queries.digest_of(chunk.values() for chunk in chunks)
        with self._database.transaction() as connection:
            self._check_session(connection, take.session)
            number = queries.insert_take(connection, take, "recording")
            queries.insert_chunks(connection, number, 0, chunks)
            queries.keep_take(connection, replace(take, id=number), digest=digest)
            queries.act(connection, "add", [queries.added(number)])
        self._database.settle()
        return self.take(number)

    def stage(self) -> Staging:
        """Begin to add many takes that enter together or not at all.

        Raises:
            StoreError: another process is importing, or the store cannot be written.
        """
        if not self._lock(self._importing):
            raise StoreError(
                "another import is running",
                where=str(self.path),
                remedy="Wait until it is done",
            )
        return Staging(self._database, self.limits, self._importing)

    def keep_staged(self, numbers: Iterable[int]) -> Action:
        """Let takes count that a `Staging` has written, all of them or none.

        Args:
            numbers: what its `write` gave.

        Raises:
            StoreFull: there is no room.
            StoreError: one is not there any more, or the store cannot be written.
        """
        self._check_room()
        with self._database.transaction() as connection:
            changes = []
            for number in numbers:
                rows = connection.execute(queries.STAGED, (number,)).fetchall()
                if not rows:
                    raise StoreError(
                        f"take {number} waits for no import", remedy="Import it again"
                    )
                ((digest,),) = rows
                (row,) = connection.execute(queries.TAKE, (number,))
                queries.keep_take(connection, queries.take_of(row, self.path), digest=digest)
                changes.append(queries.added(number))
            action = queries.act(connection, "add", changes)
        self._database.settle()
        return action

    # --- looking --------------------------------------------------------------------------

    def take(self, number: int) -> Take:
        """Tell what is known of one take, also of a deleted or an unfinished one.

        Raises:
            TakeNotFound: there is none of that number.
        """
        rows = self._database.rows(queries.TAKE, (number,))
        if not rows:
            raise TakeNotFound(
                f"there is no take {number}",
                where=str(self.path),
                remedy="`harpi takes list --all` shows those that there are",
            )
        return queries.take_of(rows[0], self.path)

    def takes(
        self,
        *,
        label: str | None = None,
        position: str | None = None,
        session: int | None = None,
        split: Split | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        deleted: bool | None = False,
    ) -> list[Take]:
        """List the finished takes that meet all conditions, in the order of recording.

        Args:
            label: of this activity.
            position: worn there.
            session: of this mounting of the strap.
            split: for training, or for testing.
            since: begun at this time or later.
            until: begun before this time.
            deleted: False for those that count, True for deleted ones, None for both.
        """
        conditions = {
            "label": label,
            "position": position,
            "session": session,
            "split": split,
            "since": since and queries.utc_text(since),
            "until": until and queries.utc_text(until),
            "deleted": deleted,
        }
        rows = self._database.rows(queries.TAKES, conditions)
        return [queries.take_of(row, self.path) for row in rows]

    def newest(
        self,
        *,
        label: str | None = None,
        position: str | None = None,
        split: Split | None = None,
        before: int | None = None,
        deleted: bool | None = False,
    ) -> Iterator[Take]:
        """Give the finished takes that meet all conditions, the newest first.

        They are read as they are asked for: of many thousand takes only those that are needed.

        Args:
            label: of this activity.
            position: worn there.
            split: for training, or for testing.
            before: of a lower number.
            deleted: False for those that count, True for deleted ones, None for both.
        """
        conditions = {
            "label": label,
            "position": position,
            "split": split,
            "deleted": deleted,
        }
        before = 2**63 - 1 if before is None else before
        while rows := self._database.rows(queries.NEWEST, {**conditions, "before": before}):
            for row in rows:
                take = queries.take_of(row, self.path)
                yield take
            before = take.id

    def amounts(self, split: Split) -> dict[str, tuple[int, float]]:
        """Tell of each label how many takes count, and how many seconds of them are used.

        Args:
            split: for training, or for testing.
        """
        rows = self._database.rows(queries.AMOUNTS, (split,))
        return {label: (int(count), float(seconds)) for label, count, seconds in rows}

    def samples(self, number: int, *, whole: bool = False) -> list[Samples]:
        """Read the signal of a take.

        Args:
            number: of the take.
            whole: give what was trimmed off, too.

        Returns:
            One block for each run without a gap: float32 ``[n, 6]`` at the chip's rate, times
            in seconds from the start of the take. Every block but the first says `gap`.

        Raises:
            TakeNotFound: there is none of that number.
            StoreError: its samples are not those that were recorded.
        """
        return joined(self.stream(number, whole=whole))

    def stream(self, number: int, *, whole: bool = False) -> Iterator[Samples]:
        """Read the signal of a take piece by piece, so that an hour needs little memory.

        Args:
            number: of the take.
            whole: give what was trimmed off, too.

        Yields:
            Consecutive blocks of about a second, as `samples` gives them whole; those behind
            a gap say `gap`.

        Raises:
            TakeNotFound: there is no take of that number.
            StoreError: its samples are not those that were recorded. That is told after the
                last block, and nothing of the take is to be used then.
        """
        take = self.take(number)
        digest = hashlib.sha256()
        last = -1
        while rows := self._database.rows(queries.PAGE_OF_CHUNKS, (number, last)):
            last = rows[-1][0]
            for _, *row in rows:
                try:
                    block = queries.chunk_of(tuple(row)).samples()
                except (ValueError, TypeError) as error:  # a row need not be a chunk
                    raise queries.damaged(number, str(self.path)) from error
                digest.update(queries.little_endian(block.values))
                used = block if whole else queries.used_part(block, take)
                if len(used):
                    yield used
        if take.state == "kept" and digest.hexdigest() != take.digest:
            raise queries.damaged(number, str(self.path))

    def next_undo(self) -> Action | None:
        """Tell what `undo` would take back; None for nothing."""
        return self._action(queries.TO_UNDO)

    def next_redo(self) -> Action | None:
        """Tell what `redo` would do again; None for nothing."""
        return self._action(queries.TO_REDO)

    def _action(self, which: str) -> Action | None:
        for number, kind in self._database.rows(which):
            takes = self._database.rows(queries.ABOUT, (number,))
            return Action(kind, tuple(take for (take,) in takes))
        return None

    def room(self) -> StorageUsage:
        """Tell how much room there is, and whether that is a reason to warn or refuse."""
        return StorageUsage.of(self._database, self.limits)

    def damage(self) -> list[str]:
        """Check every page and every take; return what is wrong, one line each."""
        found = self._database.damage()
        for take in self.takes(deleted=None):
            try:
                self.samples(take.id)
            except StoreError as error:
                found.append(error.problem)
        return found

    # --- changing -------------------------------------------------------------------------

    def relabel(
        self, numbers: Iterable[int], label: str | None = None, position: str | None = None
    ) -> Action:
        """Correct the label or the position of takes.

        Returns:
            The takes that were changed; those that had it already are not among them.

        Raises:
            TakeNotFound: there is no such take; none is changed.
            UsageError: it cannot be a label or position, or a take is being recorded.
        """
        with self._database.transaction() as connection:
            changes = []
            for take in self._finished(numbers):
                wanted = replace(
                    take, label=label or take.label, position=position or take.position
                )
                changes += [
                    Change(take.id, "label", take.label, wanted.label),
                    Change(take.id, "position", take.position, wanted.position),
                ]
            return queries.act(connection, "relabel", changes)

    def flag(self, number: int, flag: Flag) -> Take:
        """Note that something is doubtful about a take; that is no action to undo.

        Raises:
            TakeNotFound: there is no such take.
            UsageError: it is being recorded.
        """
        with self._database.transaction() as connection:
            (take,) = self._finished([number])
            take = replace(take, flags=tuple(dict.fromkeys((*take.flags, flag))))
            queries.flag_take(connection, take)
            return take

    def trim(self, number: int, keep_from: float = 0.0, keep_to: float | None = None) -> Action:
        """Use only a part of a take; the rest stays in the store.

        Args:
            number: of the take.
            keep_from: first second that is used.
            keep_to: second from which on nothing is used; None for all up to the end.

        Raises:
            TakeNotFound: there is no such take.
            UsageError: nothing would be left, or the take is being recorded.
        """
        with self._database.transaction() as connection:
            (take,) = self._finished([number])
            wanted = replace(take, keep_from=keep_from, keep_to=keep_to)
            if round(wanted.used_seconds * take.rate) < 1:
                raise UsageError(
                    f"nothing would be left of take {number}, it lasts {take.seconds:.1f} s"
                )
            changes = [
                Change(number, "keep_from", take.keep_from, keep_from),
                Change(number, "keep_to", take.keep_to, keep_to),
            ]
            return queries.act(connection, "trim", changes)

    def delete(self, numbers: Iterable[int]) -> Action:
        """Put takes away; `restore` and `undo` bring them back until they are purged.

        Raises:
            TakeNotFound: there is no such take; none is changed.
            UsageError: a take is being recorded.
        """
        return self._set_deleted(numbers, "delete", deleted=True)

    def restore(self, numbers: Iterable[int]) -> Action:
        """Bring deleted takes back.

        Raises:
            TakeNotFound: there is no such take, or it was purged; none is changed.
        """
        return self._set_deleted(numbers, "restore", deleted=False)

    def undo(self, *, whole: bool = False) -> Action | None:
        """Take back the latest action.

        Args:
            whole: whatever the latest action was, delete the last take that counts. That is
                an action itself.

        Returns:
            What was taken back, or the deletion; None where there is nothing to undo.
        """
        if whole:
            takes = self.takes()
            return self.delete([takes[-1].id]) if takes else None
        with self._database.transaction() as connection:
            return queries.undo(connection)

    def redo(self) -> Action | None:
        """Do again what was undone last, unless something else was done since."""
        with self._database.transaction() as connection:
            return queries.redo(connection)

    def purge(self, numbers: Iterable[int] | None = None) -> tuple[int, ...]:
        """Remove deleted takes for good, and give their room back to the disk.

        Args:
            numbers: which; None for all that are deleted.

        Returns:
            Those that were removed.

        Raises:
            TakeNotFound: there is no such take; none is removed.
            UsageError: a take is not deleted; none is removed.
        """
        with self._database.transaction() as connection:
            if numbers is None:
                rows = connection.execute("SELECT id FROM take WHERE deleted IS NOT NULL")
                numbers = [row[0] for row in rows]
            takes = self._finished(numbers)
            for take in takes:
                if take.deleted is None:
                    raise UsageError(
                        f"take {take.id} is not deleted",
                        remedy=f"Delete it first with `harpi takes delete {take.id}`",
                    )
                connection.execute("DELETE FROM take WHERE id = ?", (take.id,))
            queries.forget_empty(connection)
        self._database.shrink()
        return tuple(take.id for take in takes)

    # --- within ---------------------------------------------------------------------------

    def _set_deleted(
        self, numbers: Iterable[int], kind: queries.Kind, *, deleted: bool
    ) -> Action:
        with self._database.transaction() as connection:
            changes = [
                Change(take.id, "deleted", take.deleted is not None, deleted)
                for take in self._finished(numbers)
            ]
            return queries.act(connection, kind, changes)

    def _finished(self, numbers: Iterable[int]) -> list[Take]:
        takes = [self.take(number) for number in dict.fromkeys(numbers)]
        for take in takes:
            if take.state != "kept":
                raise UsageError(
                    f"take {take.id} is still being written",
                    remedy="Stop the recording first",
                )
        return takes

    def _check_session(self, connection: sqlite3.Connection, session: int) -> None:
        if not connection.execute("SELECT 1 FROM session WHERE id = ?", (session,)).fetchall():
            raise StoreError(f"there is no session {session}", where=str(self.path))

    def _check_room(self) -> None:
        if refusal := self.room().refusal():
            raise refusal

    def _lock(self, lock: FileLock) -> bool:
        try:
            return lock.acquire()
        except OSError as error:
            raise StoreError(
                f"the lock file of the store cannot be opened ({error.strerror})",
                where=str(self.path),
                remedy="Check the folder and its permissions",
            ) from error

    def _clear_up(self) -> None:
        """Finish what a process that died left behind, unless one is still at it."""
        unfinished = {row[0] for row in self._database.rows(queries.UNFINISHED)}
        if "recording" in unfinished and self._lock(self._recording):
            try:
                with self._database.transaction() as connection:
                    recover(connection, self.path)
            finally:
                self._recording.release()
        if "importing" in unfinished and self._lock(self._importing):
            try:
                with self._database.transaction() as connection:
                    connection.execute("DELETE FROM take WHERE state = 'importing'")
            finally:
                self._importing.release()
