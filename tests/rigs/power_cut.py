"""What a disk can hold after the power went: every state that its promises allow.

A write is safe once its file was synced after it. Until then it may have reached the disk,
or not, or in part, in whole sectors of 512 bytes, and not in the order in which it was made.
A file that was removed may come back until anything is synced.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Literal

from tests.rigs.disk import Event

SECTOR = 512

Fate = Literal["none", "all", "some"]
"""Which of the writes that were not yet synced reached the disk."""

Files = dict[str, bytearray]


def files_after_cut(
    events: Sequence[Event], fate: Fate, chance: random.Random
) -> dict[str, bytes]:
    """Build the files that a power cut after `events` leaves."""
    files: Files = {}
    pending: list[Event] = []
    for event in events:
        if event.op != "s":
            pending.append(event)
            continue
        safe = [e for e in pending if e.name == event.name or e.op == "u"]
        pending = [e for e in pending if e.name != event.name and e.op != "u"]
        for made in safe:
            _apply(files, made)
        files.setdefault(event.name, bytearray())
    for event in pending:
        if fate == "all":
            _apply(files, event)
        elif fate == "some" and chance.random() < 0.5:
            _apply(files, _torn(event, chance))
    return {name: bytes(content) for name, content in files.items()}


def _torn(event: Event, chance: random.Random) -> Event:
    if event.op != "w" or chance.random() < 0.5:
        return event
    sectors = chance.randrange(1 + len(event.data) // SECTOR)
    return Event("w", event.name, event.offset, event.data[: sectors * SECTOR])


def _apply(files: Files, event: Event) -> None:
    if event.op == "u":
        files.pop(event.name, None)
        return
    content = files.setdefault(event.name, bytearray())
    end = event.offset + len(event.data)
    if event.op == "t":
        del content[event.offset :]
    content.extend(bytes(max(0, end - len(content))))
    content[event.offset : end] = event.data
