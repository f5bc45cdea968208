"""What a broker ends the connection for, and is therefore not sent any more.

Brokers with limits or policies may hang up without a word on a message or a subscription that
they do not allow. It would be sent again at every connection, and nothing else would get
through. So what was on its way when two connections ended one after the other is set aside,
with everything on its topic that is not much smaller.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, NamedTuple

AGAIN_SECONDS: Final = 24 * 3600.0
"""After this time a topic is tried again: the broker's rules may have changed."""

MOST_TOPICS: Final = 64
"""Topics that are remembered; the first is forgotten for a new one."""


class Suspect(NamedTuple):
    """What was on its way when a connection ended."""

    topic: str
    size: int
    """Bytes of the packet."""
    subscription: bool = False
    """It was asked to hear the topic; otherwise a message was sent there."""

    def __str__(self) -> str:
        """Name it for people."""
        if self.subscription:
            return f"the subscription to {self.topic}"
        return f"{self.topic} with {self.size} bytes"


class _Limit(NamedTuple):
    size: int
    until: float
    suspect: Suspect


class Aside:
    """Finds out what ended connections, and remembers it.

    Args:
        clock: in seconds.

    Attributes:
        cautious: only one message at a time shall be on its way, to see which is to blame.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.cautious = False
        self._clock = clock
        self._suspect: Suspect | None = None
        self._limits: dict[tuple[str, bool], _Limit] = {}

    def ended(self, suspect: Suspect | None) -> Suspect | None:
        """Note that a connection ended.

        Args:
            suspect: the first of what was unanswered; None where nothing was.

        Returns:
            What is set aside from now on; None where nothing new is.
        """
        before, self._suspect = self._suspect, suspect
        certain, self.cautious = self.cautious, suspect is not None or self.cautious
        if suspect is None or before is None or not certain or before[::2] != suspect[::2]:
            return None
        key = (suspect.topic, suspect.subscription)
        if key not in self._limits and len(self._limits) >= MOST_TOPICS:
            del self._limits[next(iter(self._limits))]
        self._limits[key] = _Limit(suspect.size, self._clock() + AGAIN_SECONDS, suspect)
        self._suspect = None
        return suspect

    def passed(self, other: Suspect) -> None:
        """Note that something was acknowledged: what is alike is not to blame."""
        before = self._suspect
        if before is not None and before[::2] == other[::2] and 2 * other.size >= before.size:
            self._suspect = None

    def holds(self, suspect: Suspect) -> bool:
        """Whether something is not to be sent; less than half of what was refused is tried."""
        limit = self._limits.get((suspect.topic, suspect.subscription))
        return (
            limit is not None
            and self._clock() < limit.until
            and suspect.size >= limit.size // 2
        )

    def named(self) -> list[Suspect]:
        """Give what is set aside."""
        now = self._clock()
        return [one.suspect for one in list(self._limits.values()) if now < one.until]
