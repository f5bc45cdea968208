"""The diary's file: one SQLite database beside the takes, with one row for each bout.

Journal mode WAL with synchronous=FULL: what was saved is on the disk. The bouts that have not
ended are saved, too, and replaced by what came of them with the next save; whoever finds them
after a power cut takes them as they are.

Bouts never overlap, whatever the clock does: within one run of the daemon they are in the order
of a clock that nobody sets (see `harpi.diary.keeper`), and a run begins after the one before.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from harpi.diary.bouts import Bout, Kind
from harpi.errors import BoutNotFound, DiaryError
from harpi.files import make_directory, make_private, sync_directory
from harpi.sqlite import BUSY_SECONDS, connect, transaction, used_bytes

FILE_NAME: Final = "diary.db"
"""Name of the diary within the folder `paths.state`."""

APPLICATION_ID: Final = 0x68646179
"""'hday', in the header of the file."""
VERSION: Final = 1
WAL_LIMIT: Final = 1 << 20
MB: Final = 1_000_000
FORGOTTEN_SHARE: Final = 0.02
"""Of the bouts, the oldest, which make room where the file is full."""

_KINDS: Final[tuple[Kind, ...]] = ("activity", "unknown", "not_worn")

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS models (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS run (id INTEGER PRIMARY KEY AUTOINCREMENT, harpi TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS bout (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run INTEGER NOT NULL,
  start INTEGER NOT NULL,        -- milliseconds since 1970, UTC
  stop INTEGER NOT NULL CHECK (stop >= start),
  kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 2),
  activity TEXT CHECK ((kind = 0) = (activity IS NOT NULL)),
  confidence REAL,
  interruptions INTEGER NOT NULL,
  position TEXT NOT NULL,
  models INTEGER NOT NULL REFERENCES models(id),
  going_on INTEGER NOT NULL,
  corrected INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS bout_by_start ON bout (start);
"""

_SELECT: Final = (
    "SELECT b.id, b.start, b.stop, b.kind, b.activity, b.confidence, b.interruptions,"
    " b.position, m.name, b.corrected, b.going_on FROM bout b JOIN models m ON m.id = b.models"
)

_ONE: Final = _SELECT + " WHERE b.id = ?"

# As none overlap, only the last one that begins before may reach in: the index finds it.
_TOUCHING: Final = (
    " WHERE b.start >= coalesce((SELECT max(start) FROM bout WHERE start <= ?), 0)"
    " AND b.start < ? AND b.stop > ? ORDER BY b.start, b.id"
)
_BETWEEN: Final = _SELECT + _TOUCHING


class Diary:
    """An open diary.

    Args:
        path: the file; made, with its folder, where it does not exist.
        limit_mb: size at which the oldest bouts are forgotten.
        read_only: change nothing; the file must exist.

    Attributes:
        forgotten: bouts that made room since it was opened.

    Raises:
        DiaryError: the file cannot be opened, is damaged, no diary, or of a newer harpi.
    """

    def __init__(self, path: Path, limit_mb: int = 64, *, read_only: bool = False) -> None:
        self.path = path
        self.forgotten = 0
        self._limit = limit_mb * MB
        self._lock = threading.RLock()
        self._run: int | None = None
        self._open: list[int] = []
        with self._in_words():
            if read_only:
                if not path.exists():
                    raise DiaryError(
                        "there is no diary yet",
                        where=str(path),
                        remedy="Start the daemon (`harpi run`) and wear the sensor",
                    )
                self._connection = connect(self.path, "mode=ro")
                _check_version(self._connection, path)
                return
            made = not path.exists()
            make_directory(path.parent)
            if made:
                make_private(path)
            self._connection = connect(self.path, "mode=rwc")
            _prepare(self._connection, path)
            if made:
                sync_directory(path.parent)

    # --- reading ----------------------------------------------------------------------------

    def between(self, start: float, end: float) -> list[Bout]:
        """Return the bouts that touch a stretch of time, in order.

        Raises:
            DiaryError: the diary cannot be read.
        """
        return self._bouts(_BETWEEN, (_ms(start), _ms(end), _ms(start)))

    def bout(self, number: int) -> Bout:
        """Return one bout.

        Raises:
            BoutNotFound: there is none of that number.
            DiaryError: the diary cannot be read.
        """
        found = self._bouts(_ONE, (number,))
        if not found:
            raise BoutNotFound(
                f"there is no bout {number} in the diary",
                remedy="`harpi day` shows the numbers of a day's bouts",
            )
        return found[0]

    def last_end(self) -> float | None:
        """Return when the last bout of other runs ended; None where there is none."""
        with self._lock, self._in_words():
            (found,) = self._connection.execute(
                "SELECT max(stop) FROM bout WHERE run IS NOT ?", (self._run,)
            ).fetchone()
        return None if found is None else found / 1000

    def used_bytes(self) -> int:
        """Return the bytes of the file that hold something."""
        with self._lock, self._in_words():
            return used_bytes(self._connection)

    # --- writing ----------------------------------------------------------------------------

    def begin_run(self, version: str) -> None:
        """Begin a run of the daemon; what an earlier one left going on has ended.

        Raises:
            DiaryError: the diary cannot be written.
        """
        with self._transaction() as run:
            run.execute("UPDATE bout SET going_on = 0 WHERE going_on")
            self._run = run.execute("INSERT INTO run (harpi) VALUES (?)", (version,)).lastrowid
        self._open = []

    def save(self, ended: Sequence[Bout], going_on: Sequence[Bout], shift: float = 0.0) -> None:
        """Save what came since the last time, in one step.

        Args:
            ended: bouts that will not change any more.
            going_on: those after them as far as they are known; replace those of last time.
            shift: seconds by which the clock was set since; what was saved in this run moves.

        Raises:
            DiaryError: the diary cannot be written; it is as before.
        """
        with self._transaction() as run:
            if shift:
                run.execute(
                    "UPDATE bout SET start = start + :by, stop = stop + :by WHERE run = :run",
                    {"by": _ms(shift), "run": self._run},
                )
            # A bout keeps its number from the first time that it is saved.
            numbers: list[int | None] = [*self._open]
            numbers += [None] * (len(ended) + len(going_on) - len(numbers))
            kept = []
            for place, bout in enumerate((*ended, *going_on)):
                kept.append(self._put(run, bout, numbers[place], place >= len(ended)))
            gone = numbers[len(kept) :]
            run.executemany("DELETE FROM bout WHERE id = ?", ((number,) for number in gone))
        self._open = kept[len(ended) :]
        self._make_room()

    def correct(self, number: int, activity: str) -> Bout:
        """Set what the wearer did in a bout that has ended; return it as it was.

        Raises:
            BoutNotFound: there is none of that number.
            DiaryError: it still goes on, or the diary cannot be written.
        """
        before = self.bout(number)
        if before.going_on:
            raise DiaryError(
                f"bout {number} still goes on",
                where=str(self.path),
                remedy="Correct the last seconds (`harpi correct LABEL`), or wait for its end",
            )
        with self._transaction() as run:
            run.execute(
                "UPDATE bout SET kind = 0, activity = ?, corrected = 1 WHERE id = ?",
                (activity, number),
            )
        return before

    def delete(self, start: float, end: float) -> int:
        """Delete the bouts that touch a stretch of time for good; return how many.

        Args:
            start: seconds since 1970, UTC.
            end: likewise.

        Raises:
            DiaryError: the diary cannot be written.
        """
        with self._transaction() as run:
            count = run.execute(
                "DELETE FROM bout WHERE start < ? AND stop > ? AND NOT going_on",
                (_ms(end), _ms(start)),
            ).rowcount
        with self._lock, self._in_words():  # not in the write-ahead log either
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return count

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        with self._lock:
            self._connection.close()

    # --- inside -----------------------------------------------------------------------------

    def _put(
        self, run: sqlite3.Connection, bout: Bout, number: int | None, going_on: bool
    ) -> int:
        run.execute("INSERT OR IGNORE INTO models (name) VALUES (?)", (bout.models,))
        cursor = run.execute(
            "INSERT OR REPLACE INTO bout (id, run, start, stop, kind, activity, confidence,"
            " interruptions, position, models, going_on)"
            " SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, id, ? FROM models WHERE name = ?",
            (
                number,
                self._run,
                _ms(bout.start),
                _ms(bout.end),
                _KINDS.index(bout.kind),
                bout.activity,
                None if bout.confidence is None else round(bout.confidence, 3),
                bout.interruptions,
                bout.position,
                going_on,
                bout.models,
            ),
        )
        assert cursor.lastrowid is not None  # noqa: S101 - it was inserted
        return cursor.lastrowid

    def _make_room(self) -> None:
        while self.used_bytes() > self._limit:
            with self._transaction() as run:
                (count,) = run.execute(
                    "SELECT count(*) FROM bout WHERE NOT going_on"
                ).fetchone()
                gone = run.execute(
                    "DELETE FROM bout WHERE id IN (SELECT id FROM bout WHERE NOT going_on"
                    " ORDER BY start LIMIT ?)",
                    (max(1, round(count * FORGOTTEN_SHARE)),),
                ).rowcount
            if not gone:
                return
            self.forgotten += gone

    def _bouts(self, sql: str, parameters: tuple[int, ...]) -> list[Bout]:
        with self._lock, self._in_words():
            try:
                rows = self._connection.execute(sql, parameters).fetchall()
            except OverflowError:
                return []
        return [
            Bout(
                number=number,
                kind=_KINDS[kind],
                activity=activity,
                start=start / 1000,
                end=stop / 1000,
                confidence=confidence,
                interruptions=interruptions,
                position=position,
                models=models,
                corrected=bool(corrected),
                going_on=bool(going_on),
            )
            for (
                number,
                start,
                stop,
                kind,
                activity,
                confidence,
                interruptions,
                position,
                models,
                corrected,
                going_on,
            ) in rows
        ]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._in_words(), transaction(self._connection):
            yield self._connection

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except DiaryError:
            raise
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise _explain(error, self.path) from error
        except OSError as error:
            raise DiaryError(
                f"the diary cannot be used ({error.strerror})",
                where=str(self.path),
                remedy="Check the folder and its permissions",
            ) from error


def _ms(moment: float) -> int:
    return round(moment * 1000)


def _check_version(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version of a file; 0 of an empty one."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and (application or tables):
        raise DiaryError(
            "this is another database, not a diary",
            where=str(path),
            remedy="Move it away, or check `paths.state`",
        )
    if version > VERSION:
        raise DiaryError(
            f"the diary is of version {version}, this harpi knows up to {VERSION}",
            where=str(path),
            remedy="Update harpi",
        )
    return int(version)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Set a diary up, and bring it to the newest version."""
    try:
        version = _check_version(connection, path)
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise DiaryError(
                "the disk does not allow SQLite's write-ahead log",
                where=str(path),
                remedy="Keep the diary on a local disk, not on a network share",
            )
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
        if version < VERSION:
            connection.executescript(
                f"BEGIN IMMEDIATE; {_TABLES} PRAGMA application_id = {APPLICATION_ID};"
                f" PRAGMA user_version = {VERSION}; COMMIT"
            )
    except BaseException:
        connection.close()
        raise


def _explain(error: Exception, path: Path) -> DiaryError:
    """Put an error of SQLite into words (result codes: sqlite.org/rescode.html)."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        problem, remedy = "the disk is full", "Free some space"
    elif code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
        problem = "the diary cannot be opened or written"
        remedy = "Check the owner of the file and how the disk is mounted"
    elif code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        problem = f"another process has kept the diary for {BUSY_SECONDS:g} s"
        remedy = "Wait until it is done and try again"
    elif code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        problem = f"the diary is damaged, or no diary ({error})"
        remedy = "Move it away, and a new one begins; `sqlite3 FILE .recover` may save the rest"
    else:
        problem, remedy = f"the diary failed ({error})", "Check the disk"
    return DiaryError(problem, where=str(path), remedy=remedy)
