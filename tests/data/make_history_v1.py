"""How `history_v1.sqlite3` was made: what waits for the broker, as version 1 kept it.

It proves that what version 1 wrote still goes out, so it is never made anew:
`python -m tests.data.make_history_v1 OTHER_FILE` shows how it came about.
"""

from __future__ import annotations

import json
import sqlite3
import sys

STREAM = "4b825dc6"
WAITING = range(5, 9)


def main() -> None:
    connection = sqlite3.connect(sys.argv[1], isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(
        """
        BEGIN;
        CREATE TABLE IF NOT EXISTS entry (
            number INTEGER PRIMARY KEY, first INTEGER NOT NULL, payload BLOB NOT NULL
        );
        CREATE TABLE IF NOT EXISTS numbering (
            stream TEXT NOT NULL, reserved INTEGER NOT NULL, known INTEGER NOT NULL
        );
        PRAGMA user_version = 1;
        COMMIT;
        """
    )
    for number in WAITING:
        said = {"kind": "verdict", "stream": STREAM, "sequence": number}
        connection.execute(
            "INSERT INTO entry VALUES (?, ?, ?)", (number, number, json.dumps(said).encode())
        )
    connection.execute("INSERT INTO numbering VALUES (?, 9, 9)", (STREAM,))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


if __name__ == "__main__":
    main()
