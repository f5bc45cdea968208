"""What the SQLite files of harpi share: a connection for all threads, whole transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

BUSY_SECONDS: Final = 10.0
"""How long to wait for another process that is writing."""


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open a file for all threads of this process, which take turns by a lock of their own.

    Args:
        path: the file.
        mode: as in SQLite's URIs, for example `mode=ro` (sqlite.org/uri.html).

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Change something: all of it is in the file afterwards, or none.

    Raises:
        sqlite3.Error: it cannot be written.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def used_bytes(connection: sqlite3.Connection) -> int:
    """Return the bytes of the file that hold something."""
    ((pages, free, size),) = connection.execute(
        "SELECT (SELECT page_count FROM pragma_page_count),"
        " (SELECT freelist_count FROM pragma_freelist_count),"
        " (SELECT page_size FROM pragma_page_size)"
    ).fetchall()
    return int((pages - free) * size)
