"""What a disk can hold after the power went: every state that its promises allow.

A write is safe once its file was synced after it. Until then it may have reached the disk,
or not, or in part, in whole sectors of 512 bytes, and not in the order in which it was made.
A file that was removed may come back until anything is synced. A new name of a file, and a
new directory with all that is in it, may be gone until the directory around it is synced.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Literal

from tests.labs.rigs.disk import Event

SECTOR = 512

Fate = Literal["none", "all", "some"]
"""Which of the writes that were not yet synced reached the disk."""

Files = dict[str, bytearray]


def files_after_cut(
    events: Sequence[Event], fate: Fate, chance: random.Random
) -> dict[str, bytes]:
    """Build the files that a power cut after `events` leaves."""
    files: Files = {}
    lost = {event.name for event in events if event.op == "d"}
    pending: list[Event] = []
    for event in events:
        if event.op not in "sS":
            pending.append(event)
            continue
        for made in pending:
            if _is_made_safe(made, event):
                _apply(files, lost, made)
        pending = [made for made in pending if not _is_made_safe(made, event)]
        if event.op == "s":
            files.setdefault(event.name, bytearray())
    for event in pending:
        if fate == "all":
            _apply(files, lost, event)
        elif fate == "some" and chance.random() < 0.5:
            _apply(files, lost, _torn(event, chance))
    return {
        name: bytes(content)
        for name, content in files.items()
        if not lost.intersection(map(str, PurePosixPath(name).parents))
    }


def _is_made_safe(made: Event, sync: Event) -> bool:
    if made.op == "u":
        return True
    if made.op in "rd":
        name = made.data.decode() if made.op == "r" else made.name
        return sync.op == "S" and str(PurePosixPath(name).parent) == sync.name
    return sync.op == "s" and made.name == sync.name


def _torn(event: Event, chance: random.Random) -> Event:
    if event.op != "w" or chance.random() < 0.5:
        return event
    sectors = chance.randrange(1 + len(event.data) // SECTOR)
    return Event("w", event.name, event.offset, event.data[: sectors * SECTOR])


def _apply(files: Files, lost: set[str], event: Event) -> None:
    if event.op == "u":
        files.pop(event.name, None)
        return
    if event.op == "d":
        lost.discard(event.name)
        return
    if event.op == "r":
        files[event.data.decode()] = files.pop(event.name, bytearray())
        return
    content = files.setdefault(event.name, bytearray())
    end = event.offset + len(event.data)
    if event.op == "t":
        del content[event.offset :]
    content.extend(bytes(max(0, end - len(content))))
    content[event.offset : end] = event.data
