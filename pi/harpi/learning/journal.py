"""The journal: what was done to takes, action by action, so that it can be undone.

Every change of a take is a change of one of its fields, and the journal keeps the value
before and after. Adding a take is the change of `deleted` from true to false; so is
restoring one. `undo` goes back through the actions one at a time, `redo` forward again, and
a new action ends the possibility to redo. Purging alone is not in the journal: it is final.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from harpi.learning.tables import utc_text

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


def undo(connection: sqlite3.Connection) -> Action | None:
    """Take the latest action back; return it, or None where there is none."""
    return _go(connection, f"{_ACTION} WHERE undone = 0 ORDER BY id DESC LIMIT 1", back=True)


def redo(connection: sqlite3.Connection) -> Action | None:
    """Do the action again that was undone last; return it, or None where there is none."""
    return _go(connection, f"{_ACTION} WHERE undone = 1 ORDER BY id LIMIT 1", back=False)


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
