"""How `takes_v1.db` was made: a store as the first version of its tables had it.

It proves that what version 1 wrote still opens, so it is never made
anew: `python -m tests.data.make_takes_v1 OTHER_FILE` shows how it came about.
"""

from __future__ import annotations

import sqlite3
import sys

from harpi.store.database import APPLICATION_ID, MIGRATIONS
from harpi.store.queries import digest_of, insert_chunks
from harpi.store.takes import chunks_of
from tests.support.takes import signal

RECORDED = "2024-05-01T12:00:00.000000+00:00"
DELETED = "2024-05-01T12:30:00.000000+00:00"

TAKES = (
    (1, "walking", "train", "", None),
    (2, "sitting", "test", "too_short", None),
    (3, "running", "train", "", DELETED),
)
"""Number, label, split, flags, and when it was deleted."""


def main() -> None:
    connection = sqlite3.connect(sys.argv[1], isolation_level=None)
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN")
    for statement in MIGRATIONS[0]:
        connection.execute(statement)
    connection.execute("PRAGMA user_version = 1")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("INSERT INTO session VALUES (1, ?, 'the first strap')", (RECORDED,))
    for number, label, split, flags, deleted in TAKES:
        connection.execute(
            "INSERT INTO take VALUES (?, 1, ?, 'right_arm', ?, 'recording', ?, 50, 'pi', ?, '',"
            " 100, 2.0, 0, '', NULL)",
            (number, label, split, RECORDED, flags),
        )
        chunks = chunks_of(signal(2.0, seed=number), start=1000.0)
        insert_chunks(connection, number, 0, chunks)
        connection.execute(
            "UPDATE take SET state = 'kept', digest = ?, deleted = ? WHERE id = ?",
            (digest_of(chunk.values() for chunk in chunks), deleted, number),
        )
        connection.execute("INSERT INTO action VALUES (?, ?, 'add', 0)", (number, RECORDED))
        connection.execute(
            "INSERT INTO change VALUES (?, ?, 'deleted', 1, 0)", (number, number)
        )
    connection.execute("INSERT INTO action VALUES (4, ?, 'delete', 0)", (DELETED,))
    connection.execute("INSERT INTO change VALUES (4, 3, 'deleted', 0, 1)")
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


if __name__ == "__main__":
    main()
