"""How training ended, in words for the wearer."""

from __future__ import annotations

from dataclasses import dataclass

from harpi.commands import Result


@dataclass(frozen=True, slots=True)
class Outcome:
    """How training ended.

    Attributes:
        result: see `harpi.commands.Result`.
        message: what happened, one or two sentences.
        advice: what to record next and why, one sentence for each point.
    """

    result: Result
    message: str
    advice: tuple[str, ...] = ()
