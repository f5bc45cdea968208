"""A person who lends the doctor hands and eyes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Guide(Protocol):
    """Asks a person to do something, or what is to be seen."""

    def say(self, text: str) -> None:
        """Tell the person what to do now."""
        ...

    def choose(self, question: str, options: Sequence[str]) -> str | None:
        """Ask which of the options it is; None where nobody answers."""
        ...
