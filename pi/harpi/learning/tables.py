"""Takes and chunks as rows: the SQL of the store, one function for each thing it asks.

The functions work on an open connection; whoever calls them holds the transaction.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from harpi.errors import StoreError
from harpi.learning.chunk import Chunk
from harpi.learning.take import State, Take
from harpi.types import FloatArray

_COLUMNS: Final = (
    "id, session, label, position, split, state, start, rate, device, flags, note, count,"
    " seconds, gaps, digest, deleted, keep_from, keep_to"
)
TAKE: Final = f"SELECT {_COLUMNS} FROM take WHERE id = ?"  # noqa: S608 - constant text
SAME: Final = "SELECT id FROM take WHERE state = 'kept' AND digest = ?"
UNFINISHED: Final = "SELECT DISTINCT state FROM take WHERE state <> 'kept'"
TAKES: Final = (
    f"SELECT {_COLUMNS} FROM take"  # noqa: S608 - constant text
    " WHERE state = 'kept'"
    " AND (:deleted IS NULL OR (deleted IS NOT NULL) = :deleted)"
    " AND (:label IS NULL OR label = :label)"
    " AND (:position IS NULL OR position = :position)"
    " AND (:session IS NULL OR session = :session)"
    " AND (:split IS NULL OR split = :split)"
    " AND (:since IS NULL OR start >= :since)"
    " AND (:until IS NULL OR start < :until)"
    " ORDER BY id"
)
CHUNKS: Final = (
    "SELECT count, first, last, gap, accel_lsb, gyro_lsb, data FROM chunk"
    " WHERE take = ? ORDER BY number"
)


def utc_text(moment: datetime) -> str:
    """Write a time so that the order of the text is the order of time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def take_of(row: tuple[Any, ...], where: Path) -> Take:
    """Make a take of a row of `TAKE` or `TAKES`.

    Args:
        row: as it was read.
        where: the store, for the message.

    Raises:
        StoreError: harpi did not write this row.
    """
    fields = dict(zip(_COLUMNS.split(", "), row, strict=True))
    try:
        fields["start"] = datetime.fromisoformat(fields["start"])
        fields["flags"] = tuple(fields["flags"].split(",")) if fields["flags"] else ()
        if fields["deleted"] is not None:
            fields["deleted"] = datetime.fromisoformat(fields["deleted"])
        return Take(**fields)
    except (ValueError, TypeError, AttributeError) as error:
        raise StoreError(
            f"what is known of take {fields['id']} cannot be ({str(error).rstrip('.')})",
            where=str(where),
            remedy="The file was damaged, or changed by another program: bring back a copy",
        ) from error


def insert_session(connection: sqlite3.Connection, note: str) -> int:
    """Enter a session that begins now, and return its number."""
    inserted = connection.execute(
        "INSERT INTO session (start, note) VALUES (?, ?) RETURNING id",
        (utc_text(datetime.now(UTC)), note),
    )
    return int(inserted.fetchall()[0][0])


def insert_take(connection: sqlite3.Connection, take: Take, state: State) -> int:
    """Enter a take that has no samples yet, and return its number."""
    inserted = connection.execute(
        "INSERT INTO take (session, label, position, split, state, start, rate, device, flags,"
        " note, count, seconds, gaps, digest, keep_from, keep_to)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, '', ?, ?)"
        " RETURNING id",
        (
            take.session,
            take.label,
            take.position,
            take.split,
            state,
            utc_text(take.start),
            take.rate,
            take.device,
            ",".join(take.flags),
            take.note,
            take.keep_from,
            take.keep_to,
        ),
    )
    return int(inserted.fetchall()[0][0])


def insert_chunks(
    connection: sqlite3.Connection, take: int, number: int, chunks: Iterable[Chunk]
) -> None:
    """Enter chunks of a take, the first of them as number `number`."""
    connection.executemany(
        "INSERT INTO chunk (take, number, count, first, last, gap, accel_lsb, gyro_lsb, data)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (take, n, c.count, c.first, c.last, c.gap, c.accel_lsb, c.gyro_lsb, c.data)
            for n, c in enumerate(chunks, start=number)
        ),
    )


def chunk_of(row: tuple[Any, ...]) -> Chunk:
    """Make a chunk of a row of `CHUNKS`."""
    count, first, last, gap, accel_lsb, gyro_lsb, data = row
    return Chunk(count, first, last, bool(gap), accel_lsb, gyro_lsb, data)


def digest_of(blocks: Iterable[FloatArray]) -> str:
    """SHA-256 over all values, float32 little-endian; the cut into blocks does not matter."""
    digest = hashlib.sha256()
    for values in blocks:
        digest.update(little_endian(values))
    return digest.hexdigest()


def little_endian(values: FloatArray) -> bytes:
    """The bytes that a digest is taken of."""
    return values.astype("<f4").tobytes()


def keep_take(connection: sqlite3.Connection, take: Take, *, digest: str) -> None:
    """Declare a take complete: from now on it counts, and gets no more samples."""
    connection.execute(
        "UPDATE take SET state = 'kept', digest = ?, flags = ?, keep_from = ?, keep_to = ?,"
        " count = s.count,"
        " seconds = s.last + 1.0 / rate, gaps = s.gaps"
        " FROM (SELECT sum(count) AS count, max(last) AS last, sum(gap) AS gaps"
        " FROM chunk WHERE take = ?) AS s WHERE take.id = ?",
        (digest, ",".join(take.flags), take.keep_from, take.keep_to, take.id, take.id),
    )


def remove_empty_session(connection: sqlite3.Connection, session: int) -> None:
    """Take back a session to which no take belongs."""
    connection.execute(
        "DELETE FROM session WHERE id = ? AND id NOT IN (SELECT session FROM take)", (session,)
    )


def remove_unfinished(connection: sqlite3.Connection, take: int) -> None:
    """Take back a take that never became complete."""
    connection.execute("DELETE FROM take WHERE id = ? AND state <> 'kept'", (take,))
