"""Whoever leads a person through a calibration: the terminal, a light, or both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

Cue = Literal["move", "hold", "taken", "done", "failed"]
"""What the person should do or know now: move on, hold still, this one is measured, all is
done, it failed."""


class Guide(Protocol):
    """Shows a person what to do."""

    def say(self, text: str) -> None:
        """Say it in words."""
        ...

    def show(self, cue: Cue) -> None:
        """Say it without words."""
        ...

    def tick(self) -> None:
        """Let time pass; called several times a second."""
        ...


class Guides:
    """Several guides as one.

    Args:
        guides: each is told everything.
    """

    def __init__(self, guides: Sequence[Guide]) -> None:
        self._guides = guides

    def say(self, text: str) -> None:
        """See `Guide.say`."""
        for guide in self._guides:
            guide.say(text)

    def show(self, cue: Cue) -> None:
        """See `Guide.show`."""
        for guide in self._guides:
            guide.show(cue)

    def tick(self) -> None:
        """See `Guide.tick`."""
        for guide in self._guides:
            guide.tick()
