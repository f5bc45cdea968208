"""A room with nobody in it: notes what is commanded, and is in the state that it is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from harpi.commands import Answer, Command, Event, Record, Situation, Stop

IDLE = Situation(state="idle", session=None, position="right_arm", undo="take 3 added")


def event(kind: Any = "answer", **what: Any) -> Event:
    """Something that happened; an answer that all is done where not told otherwise."""
    how = {"source": "test", "ok": True, "message": "Done.", "situation": IDLE, **what}
    return Event(kind=kind, time=datetime.now(UTC), **how)


class FakeRoom:
    """Obeys every command; a take begins and ends as commands say."""

    def __init__(self) -> None:
        self.situation = IDLE
        self.commands: list[Command] = []
        self.sources: set[str] = set()
        self.times: list[float | None] = []
        self.listeners: list[Callable[[Event], object]] = []
        self.answer: dict[str, Any] = {}

    def become(self, **what: Any) -> None:
        self.situation = msgspec.structs.replace(self.situation, **what)

    def command(self, command: Command, source: str, *, at: float | None = None) -> Answer:
        self.commands.append(command)
        self.sources.add(source)
        self.times.append(at)
        if isinstance(command, Record):
            state = "testing" if command.test else "recording"
            self.become(state=state, label=command.label)
        elif isinstance(command, Stop):
            self.become(state="idle", label=None)
        how = {"ok": True, "message": "Done.", **self.answer}
        return Answer(situation=self.situation, **how)

    def subscribe(self, listener: Callable[[Event], object]) -> None:
        self.listeners.append(listener)

    def unsubscribe(self, listener: Callable[[Event], object]) -> None:
        if listener in self.listeners:
            self.listeners.remove(listener)

    def happens(self, kind: Any = "answer", **what: Any) -> None:
        """Let something happen, and everybody hear of it."""
        happened = event(kind, **{"situation": self.situation, **what})
        for listener in list(self.listeners):
            listener(happened)
