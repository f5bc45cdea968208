"""The one question that harpi asks: whether to forget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ASKING_SECONDS: Final = 6.0
"""How long it waits for an answer."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A question that was asked.

    Attributes:
        label: what would be forgotten; None for everything.
        until: monotonic time at which it runs out.
    """

    label: str | None
    until: float


class Question:
    """Whether to forget, for as long as that waits for an answer.

    Attributes:
        asked: what was asked; None where nothing waits.
    """

    def __init__(self) -> None:
        self.asked: Asked | None = None

    def ask(self, label: str | None, at: float) -> None:
        """Ask, in place of what was asked before."""
        self.asked = Asked(label, at + ASKING_SECONDS)

    def withdraw(self) -> None:
        """Ask no more."""
        self.asked = None

    def ran_out(self, now: float) -> bool:
        """Tell whether it was not answered in time; then it is withdrawn."""
        if self.asked is None or now < self.asked.until:
            return False
        self.withdraw()
        return True
