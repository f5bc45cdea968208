"""What is said while it is true: the newest of each topic, and the latest events."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

EVENTS: Final = 64
"""Events that wait for the broker; a new one then takes the place of the oldest."""

PACKET_ROOM: Final = 128
"""Bytes of a packet beside topic and payload: its header and properties."""

JSON: Final = "application/json"
TEXT: Final = "text/plain"


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `passing` ones are of use only until the next of their kind."""

    topic: str
    payload: bytes
    retain: bool
    content: str = JSON
    passing: bool = False

    @property
    def size(self) -> int:
        """Bytes of its packet, at most."""
        return len(self.topic.encode()) + len(self.payload) + PACKET_ROOM


class LiveQueue:
    """Messages in the order in which they are to be sent; not safe for several threads.

    A retained message takes the place of the one before it on its topic, and all of them are
    sent anew after a break: a broker may have forgotten them. Events are kept in their order.

    Attributes:
        dropped: messages that were given up for newer ones.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._retained: dict[str, Message] = {}
        self._fresh: dict[str, None] = {}
        self._events: deque[Message] = deque()

    def __len__(self) -> int:
        return len(self._fresh) + len(self._events)

    def put(self, message: Message) -> None:
        """Let a message wait for its turn."""
        if message.retain:
            self.dropped += message.topic in self._fresh
            self._retained[message.topic] = message
            self._fresh[message.topic] = None
            return
        if message.passing and self._events and self._events[-1].passing:
            self._events.pop()
            self.dropped += 1
        self._events.append(message)
        if len(self._events) > EVENTS:
            self._events.popleft()
            self.dropped += 1

    def take(self) -> Message:
        """Give the next message; there must be one."""
        if self._fresh:
            topic = next(iter(self._fresh))
            del self._fresh[topic]
            return self._retained[topic]
        return self._events.popleft()

    def begin_again(self, unsure: list[Message]) -> None:
        """Send all that is retained anew, and the events of which it is not sure."""
        self._fresh = dict.fromkeys(self._retained)
        for message in reversed(unsure):
            if not message.retain and len(self._events) < EVENTS:
                self._events.appendleft(message)
