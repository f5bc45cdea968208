"""The SQL of the store, and the journal by which every change can be undone.

The functions work on an open connection; whoever calls them holds the transaction.

Every change of a take is a change of one of its fields, and the journal keeps the value
before and after. Adding a take is the change of `deleted` from true to false; so is
restoring one. `undo` goes back through the actions one at a time, `redo` forward again, and
a new action ends the possibility to redo. Purging alone is not in the journal: it is final.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from harpi.errors import StoreError
from harpi.store.takes import Chunk, State, Take
from harpi.types import FloatArray, Samples

_COLUMNS: Final = (
    "id, session, label, position, split, state, start, rate, device, flags, note, count,"
    " seconds, gaps, digest, deleted, keep_from, keep_to"
)

TAKE: Final = f"SELECT {_COLUMNS} FROM take WHERE id = ?"  # noqa: S608 - constant text

SAME: Final = "SELECT id FROM take WHERE state = 'kept' AND digest = ?"

STAGED: Final = "SELECT digest FROM take WHERE state = 'importing' AND id = ?"

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

NEWEST: Final = (
    f"SELECT {_COLUMNS} FROM take"  # noqa: S608 - constant text
    " WHERE state = 'kept' AND id < :before"
    " AND (:deleted IS NULL OR (deleted IS NOT NULL) = :deleted)"
    " AND (:split IS NULL OR split = :split)"
    " AND (:label IS NULL OR label = :label)"
    " AND (:position IS NULL OR position = :position)"
    " ORDER BY id DESC LIMIT 100"
)

AMOUNTS: Final = (
    "SELECT label, count(*),"
    " sum(max(0, min(seconds, coalesce(keep_to, seconds)) - keep_from)) FROM take"
    " WHERE state = 'kept' AND deleted IS NULL AND split = ?"
    " GROUP BY label ORDER BY min(id)"
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
            f"the record of take {fields['id']} cannot be ({str(error).rstrip('.')})",
            where=str(where),
            remedy="The file was damaged, or changed by another program: restore a copy",
        ) from error


def insert_session(connection: sqlite3.Connection, note: str) -> int:
    """Enter a session that begins now, and return its number."""
    inserted = connection.execute(
        "INSERT INTO session (start, note) VALUES (?, ?) RETURNING id",
        (utc_text(datetime.now(UTC)), note),
    )
    return int(inserted.fetchall()[0][0])


def insert_take(
    connection: sqlite3.Connection, take: Take, state: State, *, digest: str = ""
) -> int:
    """Enter a take that has no samples yet, and return its number.

    Args:
        connection: in a transaction.
        take: what is known of it.
        state: what happens to it.
        digest: of its samples, where they are known already.
    """
    inserted = connection.execute(
        "INSERT INTO take (session, label, position, split, state, start, rate, device, flags,"
        " note, count, seconds, gaps, digest, keep_from, keep_to)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, ?, ?, ?)"
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
            digest,
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


def flag_take(connection: sqlite3.Connection, take: Take) -> None:
    """Write what is doubtful about a take."""
    connection.execute(
        "UPDATE take SET flags = ? WHERE id = ?", (",".join(take.flags), take.id)
    )


def remove_empty_session(connection: sqlite3.Connection, session: int) -> None:
    """Take back a session to which no take belongs."""
    connection.execute(
        "DELETE FROM session WHERE id = ? AND id NOT IN (SELECT session FROM take)", (session,)
    )


def remove_unfinished(connection: sqlite3.Connection, take: int) -> None:
    """Take back a take that never became complete."""
    connection.execute("DELETE FROM take WHERE id = ? AND state <> 'kept'", (take,))


Kind = Literal["add", "delete", "restore", "relabel", "trim"]

Field = Literal["label", "position", "keep_from", "keep_to", "deleted"]

_ACTION: Final = "SELECT id, kind FROM action"

_WRITE: Final[dict[Field, str]] = {
    "label": "UPDATE take SET label = ? WHERE id = ?",
    "position": "UPDATE take SET position = ? WHERE id = ?",
    "keep_from": "UPDATE take SET keep_from = ? WHERE id = ?",
    "keep_to": "UPDATE take SET keep_to = ? WHERE id = ?",
    "deleted": "UPDATE take SET deleted = ? WHERE id = ?",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One field of one take, before and after; `deleted` is true or false here."""

    take: int
    field: Field
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Action:
    """What one command did, to one take or to many.

    Attributes:
        kind: what was done.
        takes: numbers of the takes that it was done to, ascending.
    """

    kind: Kind
    takes: tuple[int, ...]


def added(take: int) -> Change:
    """The change by which a complete take begins to count."""
    return Change(take, "deleted", before=True, after=False)


def act(connection: sqlite3.Connection, kind: Kind, changes: Iterable[Change]) -> Action:
    """Make changes and enter them as one action, after which nothing can be redone.

    What changes nothing is no action.
    """
    changes = [change for change in changes if change.before != change.after]
    if not changes:
        return Action(kind, ())
    connection.execute("DELETE FROM action WHERE undone = 1")
    number = connection.execute(
        "INSERT INTO action (time, kind) VALUES (?, ?)", (_now(), kind)
    ).lastrowid
    for change in changes:
        connection.execute(
            "INSERT INTO change (action, take, field, before, after) VALUES (?, ?, ?, ?, ?)",
            (number, change.take, change.field, change.before, change.after),
        )
        _write(connection, change.take, change.field, change.after)
    return Action(kind, tuple(sorted({change.take for change in changes})))


TO_UNDO: Final = f"{_ACTION} WHERE undone = 0 ORDER BY id DESC LIMIT 1"
"""The latest action."""
TO_REDO: Final = f"{_ACTION} WHERE undone = 1 ORDER BY id LIMIT 1"
"""The action that was undone last."""
ABOUT: Final = "SELECT DISTINCT take FROM change WHERE action = ? ORDER BY take"
"""The takes that an action is about."""


def undo(connection: sqlite3.Connection) -> Action | None:
    """Take the latest action back; return it, or None where there is none."""
    return _go(connection, TO_UNDO, back=True)


def redo(connection: sqlite3.Connection) -> Action | None:
    """Do the action again that was undone last; return it, or None where there is none."""
    return _go(connection, TO_REDO, back=False)


def forget_empty(connection: sqlite3.Connection) -> None:
    """Drop the actions all of whose takes have been purged."""
    connection.execute("DELETE FROM action WHERE id NOT IN (SELECT action FROM change)")


def _go(connection: sqlite3.Connection, which: str, *, back: bool) -> Action | None:
    action = connection.execute(which).fetchone()
    if action is None:
        return None
    number, kind = action
    changes = connection.execute(
        "SELECT take, field, before, after FROM change WHERE action = ? ORDER BY take",
        (number,),
    ).fetchall()
    for take, field, before, after in changes:
        _write(connection, take, field, before if back else after)
    connection.execute("UPDATE action SET undone = ? WHERE id = ?", (back, number))
    return Action(kind, tuple(sorted({change[0] for change in changes})))


def _write(connection: sqlite3.Connection, take: int, field: Field, value: Any) -> None:
    if field == "deleted":
        value = _now() if value else None
    connection.execute(_WRITE[field], (value, take))


def _now() -> str:
    return utc_text(datetime.now(UTC))


def joined(blocks: Iterable[Samples]) -> list[Samples]:
    """Join consecutive blocks; each gap begins a new run."""
    runs: list[list[Samples]] = []
    for block in blocks:
        if block.gap or not runs:
            runs.append([])
        runs[-1].append(block)
    return [
        Samples(
            np.concatenate([block.values for block in run]),
            np.concatenate([block.times for block in run]),
            gap=run[0].gap,
        )
        for run in runs
    ]


PAGE: Final = 16
"""Chunks that are read at once: at most 3 MB of a chip's counts."""

PAGE_OF_CHUNKS: Final = (
    "SELECT number, count, first, last, gap, accel_lsb, gyro_lsb, data FROM chunk"  # noqa: S608
    f" WHERE take = ? AND number > ? ORDER BY number LIMIT {PAGE}"
)


def damaged(number: int, where: str) -> StoreError:
    """Tell that the samples of a take are not those that were recorded."""
    return StoreError(
        f"take {number} is damaged, its samples are not those that were recorded",
        where=where,
        remedy=f"Delete it with `harpi takes delete {number}`; no other is affected",
    )


def used_part(block: Samples, take: Take) -> Samples:
    """Give what of a block counts, after the take was trimmed."""
    end = np.inf if take.keep_to is None else take.keep_to
    used = (block.times >= take.keep_from) & (block.times < end)
    return (
        block if used.all() else Samples(block.values[used], block.times[used], gap=block.gap)
    )
