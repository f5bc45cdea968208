"""The tables of the store, version by version.

`MIGRATIONS[i]` brings a store from version i to i + 1; a new store runs all of them. What
stands here has been shipped: a change is a new entry at the end, never an edit.

The rules that must hold whoever writes to the file are in the tables themselves: a take
keeps its split, recorded samples never change, and only a deleted take can be purged.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from harpi.errors import StoreError

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
