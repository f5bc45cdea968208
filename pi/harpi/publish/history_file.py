"""The file in which numbered messages outlive a restart, and a loss of power.

SQLite with a write-ahead log and synchronous=FULL: what `save` has returned from is on the
disk, all of it or nothing. SQLite does not notice when a card gives back another bit than it
was given, so each row has a checksum; rows that version 1 wrote have none, and are believed.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from harpi.errors import OutboxError
from harpi.files import make_directory, make_private

VERSION: Final = 2
BUSY_SECONDS: Final = 5.0
WAL_LIMIT: Final = 1 << 20
"""Bytes of the write-ahead log from which on it is emptied, and to which it is cut back."""
PAGE_SIZE: Final = 4096
"""Bytes of a page of SQLite, by which it counts the write-ahead log."""

_TABLES: Final = """
BEGIN;
CREATE TABLE IF NOT EXISTS entry (
    number INTEGER PRIMARY KEY, first INTEGER NOT NULL, payload BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS numbering (
    stream TEXT NOT NULL, reserved INTEGER NOT NULL, known INTEGER NOT NULL
);
COMMIT;
"""
_CHECKED: Final = ("entry", "numbering")
"""Tables whose rows got a checksum in version 2."""

_LARGEST: Final = 1 << 60
_FOREIGN: Final = f"""
SELECT 1 FROM entry
WHERE typeof(number) <> 'integer' OR typeof(first) <> 'integer' OR typeof(payload) <> 'blob'
    OR first < 0 OR first > number OR number > {_LARGEST}
UNION SELECT 1 FROM numbering
WHERE typeof(stream) <> 'text' OR typeof(reserved) <> 'integer' OR typeof(known) <> 'integer'
    OR reserved < 0 OR reserved > {_LARGEST} OR known < 0 OR known > {_LARGEST}
    OR stream GLOB '*[^ -~]*' OR NOT is_sound(checksum, CAST(stream AS BLOB), reserved, known)
LIMIT 1
"""  # noqa: S608 - constant text
"""Finds what harpi never wrote; SQLite itself lets a column hold anything."""


class Row(NamedTuple):
    """One message, or the gap from `first` to `number`."""

    number: int
    first: int
    payload: bytes

    @property
    def checksum(self) -> int:
        """What the row is to give when it is read again."""
        return _checksum(self.number, self.first, self.payload)


class Saved(NamedTuple):
    """What a file holds.

    Attributes:
        stream: name of the numbering; empty in a new file.
        reserved: the first number that was certainly never used.
        known: numbers below this are in `rows`, or the broker has them.
        rows: the messages that wait, by their numbers.
        damaged: rows that are not what was written, as far as they can be read.
    """

    stream: str
    reserved: int
    known: int
    rows: list[Row]
    damaged: list[Row]


class HistoryFile:
    """An open file; used by one thread at a time.

    A file that is damaged is set aside, and a new one with a numbering of its own begins.

    Args:
        path: the file; made, with its folder, where it does not exist.

    Raises:
        OutboxError: it cannot be opened, or comes from a newer harpi.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._in_words():
            make_directory(path.parent)
            make_private(path)
            try:
                self._connection = self._open()
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                self._set_aside()
                self._connection = self._open()

    def load(self) -> Saved:
        """Read everything.

        Raises:
            OutboxError: it cannot be read.
        """
        with self._in_words():
            found = self._connection.execute(
                "SELECT number, first, payload, checksum FROM entry ORDER BY number"
            )
            rows: list[Row] = []
            damaged: list[Row] = []
            for number, first, payload, checksum in found:
                row = Row(number, first, payload)
                (rows if checksum in (None, row.checksum) else damaged).append(row)
            numbering = self._connection.execute(
                "SELECT stream, reserved, known FROM numbering"
            ).fetchone()
            stream, reserved, known = numbering or ("", 0, 0)
            return Saved(stream, reserved, known, rows, damaged)

    def save(
        self,
        stream: str,
        reserved: int,
        known: int,
        rows: Sequence[Row],
        gone: Collection[int],
    ) -> None:
        """Write what is new and forget what is gone, in one step.

        Raises:
            OutboxError: the disk is full or refuses otherwise; the file is as before.
        """
        with self._in_words(), self._connection:
            run = self._connection
            run.execute("BEGIN IMMEDIATE")
            run.executemany("DELETE FROM entry WHERE number = ?", ((n,) for n in gone))
            run.executemany(
                "INSERT OR REPLACE INTO entry (number, first, payload, checksum)"
                " VALUES (?, ?, ?, ?)",
                ((*row, row.checksum) for row in rows),
            )
            run.execute("DELETE FROM numbering")
            run.execute(
                "INSERT INTO numbering (stream, reserved, known, checksum) VALUES (?, ?, ?, ?)",
                (stream, reserved, known, _checksum(stream, reserved, known)),
            )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise OutboxError(
                    f"it is of version {version}, this harpi knows up to {VERSION}",
                    where=str(self._path),
                    remedy="Update harpi, or move the file away",
                )
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_LIMIT // PAGE_SIZE}")
            connection.create_function("is_sound", 4, _is_sound, deterministic=True)
            connection.executescript(_TABLES)
            _add_checksums(connection, version)
            sound = connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
            if not sound or connection.execute(_FOREIGN).fetchone() is not None:
                raise sqlite3.DatabaseError("the file is damaged")
        except UnicodeDecodeError as error:  # SQLite quotes the damaged bytes
            connection.close()
            raise sqlite3.DatabaseError(str(error)) from error
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_aside(self) -> None:
        for ending in ("-wal", "-shm"):
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
        self._path.replace(self._path.with_name(self._path.name + ".damaged"))

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            if isinstance(error, OutboxError):
                raise
            raise OutboxError(
                f"cannot be used: {getattr(error, 'strerror', None) or error}",
                where=str(self._path),
                remedy="Check the disk, and that harpi may write there",
            ) from None


def _add_checksums(connection: sqlite3.Connection, version: int) -> None:
    """Bring a file up to version 2; one that is there already is not written to."""
    missing = [
        table
        for table in _CHECKED
        if all(
            name != "checksum"
            for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")
        )
    ]
    if version == VERSION and not missing:
        return
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for table in missing:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN checksum INTEGER")
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _is_sound(checksum: object, *parts: object) -> bool:
    return checksum is None or checksum == _checksum(*parts)


def _checksum(*parts: object) -> int:
    """Give the CRC-32 of what stands in a row."""
    written = (part if isinstance(part, bytes) else str(part).encode() for part in parts)
    return zlib.crc32(b"\0".join(written))
