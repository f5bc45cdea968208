"""The SQLite file under the store: opened safely, its tables by version, the room it has.

Journal mode WAL with synchronous=FULL: a transaction that returned is on the disk, and
readers in other processes never wait for the writer. One connection is shared by all
threads of a process behind a lock; transactions are short.

`MIGRATIONS[i]` brings a store from version i to i + 1; a new store runs all of them. What
stands here has been shipped: a change is a new entry at the end, never an edit.

The rules that must hold whoever writes to the file are in the tables themselves: a take
keeps its split, recorded samples never change, and only a deleted take can be purged.
"""

from __future__ import annotations

import logging
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harpi.config.schema import StoreSection
from harpi.errors import StoreError, StoreFull
from harpi.files import make_directory, make_private, sync_directory
from harpi.sqlite import BUSY_SECONDS, connect, transaction, used_bytes

log = logging.getLogger(__name__)

FILE_NAME: Final = "takes.db"
"""Name of the store within the folder `paths.state`."""

WAL_LIMIT: Final = 4 << 20
"""Bytes to which the write-ahead log is cut back after it was needed for more."""


class Database:
    """An open store file.

    Args:
        path: the file; made, with its folder, where it does not exist.
        read_only: change nothing; the file must exist.

    Raises:
        StoreError: the file cannot be opened, is damaged, not a store, or too new.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self._lock = threading.RLock()
        with self._in_words():
            if read_only:
                self._connection = self._open_reader()
            else:
                self._connection = self._open_writer()

    def rows(self, sql: str, parameters: Any = ()) -> list[Any]:
        """Run one query and return all its rows.

        A number that is too large for SQLite is in no row.
        """
        with self._lock, self._in_words():
            try:
                return self._connection.execute(sql, parameters).fetchall()
            except OverflowError:
                return []

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Change something: all of it is on the disk afterwards, or none.

        Raises:
            StoreFull: the disk is full.
            StoreError: the store cannot be written.
        """
        if self.read_only:
            raise StoreError("the store was opened for reading only", where=str(self.path))
        with self._lock, self._in_words(), transaction(self._connection):
            yield self._connection

    def used_bytes(self) -> int:
        """Bytes of the file that hold something."""
        with self._lock, self._in_words():
            return used_bytes(self._connection)

    def free_bytes(self) -> int:
        """Bytes that the disk of the store has left."""
        with self._in_words():
            return shutil.disk_usage(self.path.parent).free

    def settle(self) -> None:
        """Bring what was written from the write-ahead log into the file itself.

        A copy of the file alone then has it. Where a reader is in the way, or the disk, it is
        left for the next time: what is in the log is as safe.
        """
        with suppress(StoreError), self._lock, self._in_words():
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def shrink(self) -> None:
        """Give the room of purged takes back to the disk."""
        with self._lock, self._in_words():
            # It frees a page at each step; only executescript() steps without rows.
            self._connection.executescript("PRAGMA incremental_vacuum")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def damage(self) -> list[str]:
        """Let SQLite check every page; return what it found wrong, nothing for a whole file."""
        found = [row[0] for row in self.rows("PRAGMA integrity_check")]
        return [] if found == ["ok"] else found

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        with self._lock:
            self._connection.close()

    def _version(self, connection: sqlite3.Connection) -> int:
        """Look at one moment: another process may be making or migrating the store."""
        connection.execute("BEGIN")
        version = version_of(connection, str(self.path))
        connection.execute("COMMIT")
        return version

    def _open_writer(self) -> sqlite3.Connection:
        make_directory(self.path.parent)
        made = not self.path.exists()
        if made:
            make_private(self.path)
        connection = connect(self.path, "mode=rwc")
        try:
            version = self._version(connection)
            if version == 0:
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
                if not made:
                    log.warning("%s: the file is empty; a new store is made in it.", self.path)
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            if mode != "wal":
                raise StoreError(
                    "the disk does not allow SQLite's write-ahead log",
                    where=str(self.path),
                    remedy="Keep the store on a local disk, not on a network share",
                )
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
            if version < VERSION:
                connection.execute("BEGIN IMMEDIATE")
                version_of(connection, str(self.path))
                migrate(connection)
                connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        if made:
            sync_directory(self.path.parent)
        return connection

    def _open_reader(self) -> sqlite3.Connection:
        if not self.path.exists():
            raise StoreError(
                "there is no store of takes",
                where=str(self.path),
                remedy="Record a take first, or check `paths.state`",
            )
        connection = connect(self.path, "mode=ro")
        try:
            try:
                version = self._version(connection)
            except sqlite3.OperationalError:
                # On a read-only disk the log's index cannot be made. Without a log there
                # is nothing in it to miss, and the file itself can be read as it is.
                log = self.path.with_name(self.path.name + "-wal")
                if log.exists() and log.stat().st_size:
                    raise
                connection.close()
                connection = connect(self.path, "mode=ro&immutable=1")
                version = self._version(connection)
        except BaseException:
            connection.close()
            raise
        if version < VERSION:
            connection.close()
            self._open_writer().close()
            connection = connect(self.path, "mode=ro")
        return connection

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _explain(error, self.path) from error
        except UnicodeDecodeError as error:  # SQLite quotes the damaged bytes
            raise _damaged(error, self.path) from error
        except StoreError:
            raise
        except OSError as error:
            raise StoreError(
                f"the store cannot be used ({error.strerror})",
                where=str(self.path),
                remedy="Check the folder and its permissions",
            ) from error


def _damaged(error: Exception, path: Path) -> StoreError:
    return StoreError(
        f"the store is damaged, or not a store ({error})",
        where=str(path),
        remedy="Move it away and import your last export; "
        "`sqlite3 FILE .recover` may save what is left",
    )


def _explain(error: sqlite3.Error, path: Path) -> StoreError:
    """Put an error of SQLite into words (result codes: sqlite.org/rescode.html)."""
    extended = getattr(error, "sqlite_errorcode", 0)
    code, where = extended & 0xFF, str(path)
    if code == sqlite3.SQLITE_FULL or extended == sqlite3.SQLITE_IOERR_SHMSIZE:
        return StoreFull(
            "the disk is full",
            where=where,
            remedy="Free some space, or purge deleted takes with `harpi takes purge`",
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return StoreError(
            "the store cannot be written, it or its disk is read-only",
            where=where,
            remedy="Check the owner of the file and how the disk is mounted",
        )
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return _damaged(error, path)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreError(
            f"another process has kept the store for {BUSY_SECONDS:g} s",
            where=where,
            remedy="Wait until it is done and try again",
        )
    if code == sqlite3.SQLITE_CANTOPEN:
        return StoreError(
            "the store cannot be opened",
            where=where,
            remedy="Check that you may write to its folder, and that the disk is not mounted "
            "read-only",
        )
    if code == sqlite3.SQLITE_IOERR:
        return StoreError(
            f"the disk failed ({error})", where=where, remedy="Check the disk and its cable"
        )
    return StoreError(f"the store refused it ({error})", where=where)


APPLICATION_ID: Final = 0x68617270
"""'harp', in the header of the file: tells a store from any other SQLite database."""

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        """
        CREATE TABLE session (            -- one mounting of the strap
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          start TEXT NOT NULL,            -- UTC, ISO 8601
          note TEXT NOT NULL
        )
        """,
        """
        CREATE TABLE take (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          session INTEGER NOT NULL REFERENCES session(id),
          label TEXT NOT NULL CHECK (length(label) BETWEEN 1 AND 48),
          position TEXT NOT NULL,
          split TEXT NOT NULL CHECK (split IN ('train', 'test')),
          state TEXT NOT NULL CHECK (state IN ('recording', 'importing', 'kept')),
          start TEXT NOT NULL,            -- UTC of the first sample, ISO 8601
          rate REAL NOT NULL CHECK (rate > 0),
          device TEXT NOT NULL,
          flags TEXT NOT NULL,            -- separated by commas
          note TEXT NOT NULL,
          count INTEGER NOT NULL,         -- samples
          seconds REAL NOT NULL,
          gaps INTEGER NOT NULL,
          digest TEXT NOT NULL,           -- SHA-256 of the samples, float32 little-endian
          deleted TEXT                    -- UTC, ISO 8601
        )
        """,
        "CREATE INDEX take_by_label ON take (label)",
        "CREATE INDEX take_by_session ON take (session)",
        "CREATE INDEX take_by_digest ON take (digest)",
        "CREATE INDEX take_unfinished ON take (state) WHERE state <> 'kept'",
        """
        CREATE TABLE chunk (              -- about a second of samples, see chunk.py
          take INTEGER NOT NULL REFERENCES take(id) ON DELETE CASCADE,
          number INTEGER NOT NULL,
          count INTEGER NOT NULL CHECK (count > 0),
          first REAL NOT NULL,            -- seconds after the start of the take
          last REAL NOT NULL,
          gap INTEGER NOT NULL CHECK (gap IN (0, 1)),
          accel_lsb REAL,                 -- counts per g; NULL where data is float32
          gyro_lsb REAL,                  -- counts per deg/s
          data BLOB NOT NULL,             -- ax ay az gx gy gz, row after row
          UNIQUE (take, number),
          CHECK ((accel_lsb IS NULL) = (gyro_lsb IS NULL)),
          CHECK (length(data) = count * CASE WHEN accel_lsb IS NULL THEN 24 ELSE 12 END)
        )
        """,
        """
        CREATE TABLE action (             -- what was done to takes, so that it can be undone
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          time TEXT NOT NULL,
          kind TEXT NOT NULL,
          undone INTEGER NOT NULL DEFAULT 0 CHECK (undone IN (0, 1))
        )
        """,
        """
        CREATE TABLE change (             -- one field of one take within an action
          action INTEGER NOT NULL REFERENCES action(id) ON DELETE CASCADE,
          take INTEGER NOT NULL REFERENCES take(id) ON DELETE CASCADE,
          field TEXT NOT NULL,
          before,
          after,
          PRIMARY KEY (action, take, field)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX change_by_take ON change (take)",
        """
        CREATE TRIGGER take_keeps_its_split BEFORE UPDATE OF split ON take
        WHEN NEW.split <> OLD.split
        BEGIN SELECT RAISE(ABORT, 'a take keeps its split'); END
        """,
        """
        CREATE TRIGGER take_is_purged_only_when_deleted BEFORE DELETE ON take
        WHEN OLD.state = 'kept' AND OLD.deleted IS NULL
        BEGIN SELECT RAISE(ABORT, 'only a deleted take can be purged'); END
        """,
        """
        CREATE TRIGGER chunk_is_for_an_unfinished_take BEFORE INSERT ON chunk
        WHEN (SELECT state FROM take WHERE id = NEW.take) = 'kept'
        BEGIN SELECT RAISE(ABORT, 'a finished take gets no more samples'); END
        """,
        """
        CREATE TRIGGER chunk_never_changes BEFORE UPDATE ON chunk
        BEGIN SELECT RAISE(ABORT, 'recorded samples never change'); END
        """,
    ),
    (
        "ALTER TABLE take ADD COLUMN keep_from REAL NOT NULL DEFAULT 0 CHECK (keep_from >= 0)",
        "ALTER TABLE take ADD COLUMN keep_to REAL CHECK (keep_to > 0)",
    ),
)

VERSION: Final = len(MIGRATIONS)
"""Version that this harpi writes; kept in the file as `PRAGMA user_version`."""


def version_of(connection: sqlite3.Connection, where: str) -> int:
    """Tell the version of a store without changing a byte of it.

    Returns:
        The version; 0 for an empty file, which is a store yet to be made.

    Raises:
        StoreError: the file is another application's database, or a newer harpi's store.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and (application or version or tables):
        raise StoreError(
            "this database is not a store of takes",
            where=where,
            remedy="Name another file, or move this one away",
        )
    if version > VERSION:
        raise StoreError(
            f"the store is of version {version}, this harpi knows up to {VERSION}",
            where=where,
            remedy="Upgrade harpi; the store has not been touched",
        )
    return int(version)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the store to `VERSION`; the caller holds the transaction around it."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


MB: Final = 1_000_000
"""Bytes in a megabyte, as disks are sold."""


@dataclass(frozen=True, slots=True)
class StorageUsage:
    """Room at one moment.

    Attributes:
        used: bytes that the store takes up.
        free: bytes that its disk has left.
        limits: the limits that apply.
        where: the file that it is about.
    """

    used: int
    free: int
    limits: StoreSection
    where: str

    @classmethod
    def of(cls, database: Database, limits: StoreSection) -> StorageUsage:
        """Look how much room there is now."""
        used, free = database.used_bytes(), database.free_bytes()
        return cls(used, free, limits, str(database.path))

    def refusal(self) -> StoreFull | None:
        """The error with which a recording is refused now; None while there is room."""
        if self.used >= self.limits.limit_mb * MB:
            return StoreFull(
                f"the takes fill {self.used / MB:.0f} of {self.limits.limit_mb} MB",
                where=self.where,
                remedy="Purge deleted takes with `harpi takes purge`, export and delete old "
                "ones, or raise store.limit_mb",
            )
        if self.free < self.limits.keep_free_mb * MB:
            return StoreFull(
                f"the disk has only {self.free / MB:.0f} MB left, of which harpi leaves "
                f"{self.limits.keep_free_mb} MB to others",
                where=self.where,
                remedy="Free some space, purge deleted takes with `harpi takes purge`, or "
                "lower store.keep_free_mb",
            )
        return None

    def warning(self) -> str | None:
        """What to tell a person before it is too late; None while there is plenty."""
        if self.refusal() is not None:
            return str(self.refusal())
        if self.used >= self.limits.warn_mb * MB:
            return (
                f"The takes fill {self.used / MB:.0f} MB; at {self.limits.limit_mb} MB "
                "recording is refused. `harpi takes purge` makes room."
            )
        spare = self.limits.limit_mb - self.limits.warn_mb
        if self.free < (self.limits.keep_free_mb + spare) * MB:
            return (
                f"The disk has {self.free / MB:.0f} MB left; below "
                f"{self.limits.keep_free_mb} MB recording is refused."
            )
        return None
