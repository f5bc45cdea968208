"""What the lights say: every pattern in one table, from which the documentation is made.

A pattern is lit and dark by turns; it goes on for as long as its reason lasts, or is shown
once. Where several rows speak of one light, the first of them is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Light = Literal["recording", "training", "status"]
Meaning = Literal[
    "refused",
    "doubtful",
    "trained",
    "asking",
    "recording",
    "testing",
    "training",
    "paused",
    "unsure",
    "ready",
]

LONGEST_COUNT: Final = 9
"""Blinks that a person can count; a later label is shown by a steady light."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """How a light goes on and off.

    Attributes:
        turns: seconds lit and seconds dark, one pair after the other.
        repeats: how often all turns are shown; None for as long as the reason lasts.
    """

    turns: tuple[tuple[float, float], ...]
    repeats: int | None = None

    @property
    def period(self) -> float:
        """Seconds that all turns take."""
        return sum(lit + dark for lit, dark in self.turns)

    @property
    def seconds(self) -> float:
        """Seconds after which it has been shown; infinite where it goes on."""
        return float("inf") if self.repeats is None else self.repeats * self.period

    def at(self, elapsed: float) -> tuple[bool, float]:
        """Tell how the light is some time after the pattern began.

        Args:
            elapsed: seconds since then, at least 0.

        Returns:
            Whether it is lit, and the seconds until that changes or the turns begin anew;
            False and infinity once it has been shown.
        """
        if elapsed >= self.seconds:
            return False, float("inf")
        moment = elapsed % self.period
        for lit, dark in self.turns:
            if moment < lit:
                return True, lit - moment
            if moment < lit + dark:
                return False, lit + dark - moment
            moment -= lit + dark
        return False, 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        meaning: what is shown.
        lights: on which lights.
        pattern: how; for `counted` rows, one blink and the pause after the last one.
        says: the pattern in words.
        when: what it tells, in words.
        counted: the blink is repeated: once for the first label, twice for the second, ...
    """

    meaning: Meaning
    lights: tuple[Light, ...]
    pattern: Pattern
    says: str
    when: str
    counted: bool = False


STEADY: Final = Pattern(((1.0, 0.0),))
COUNT_PAUSE: Final = 0.8
"""Darkness after the last blink of a count, seconds."""

TABLE: Final[tuple[Row, ...]] = (
    Row(
        "refused",
        ("status",),
        Pattern(((0.1, 0.1),), 5),
        "five quick blinks",
        "the command was refused, or something failed",
    ),
    Row(
        "doubtful",
        ("status",),
        Pattern(((0.6, 0.3),), 2),
        "two long blinks",
        "done, but with a warning: too short a take, two activities in it, a turned strap",
    ),
    Row(
        "trained",
        ("training",),
        Pattern(((2.0, 0.0),), 1),
        "lit for two seconds",
        "training has ended and the new head is in use",
    ),
    Row(
        "asking",
        ("recording", "training", "status"),
        Pattern(((0.15, 0.15),)),
        "all blink quickly together",
        "forget everything? press train once more to confirm",
    ),
    Row(
        "recording",
        ("recording",),
        Pattern(((0.15, 0.2),)),
        "short blinks, as many as the number of the label",
        "a take is being recorded",
        counted=True,
    ),
    Row(
        "testing",
        ("recording",),
        Pattern(((0.5, 0.2),)),
        "long blinks, as many as the number of the label",
        "a test take is being recorded",
        counted=True,
    ),
    Row(
        "training",
        ("training",),
        Pattern(((0.5, 0.5),)),
        "blinks once a second",
        "training goes on",
    ),
    Row(
        "paused",
        ("training",),
        Pattern(((0.1, 1.9),)),
        "a flash every two seconds",
        "training is paused",
    ),
    Row(
        "unsure",
        ("status",),
        Pattern(((0.9, 0.4),)),
        "blinks slowly",
        "harpi is not sure what the wearer does, or does not know it",
    ),
    Row(
        "ready",
        ("status",),
        STEADY,
        "lit",
        "harpi recognises, and is ready",
    ),
)
"""All patterns, the most urgent first."""


def pattern_of(row: Row, number: int | None = None) -> Pattern:
    """Give the pattern of a row.

    Args:
        row: of `TABLE`.
        number: for `counted` rows, the number of the label, from 1; None for a label that
            has none.
    """
    if not row.counted:
        return row.pattern
    if number is None or number > LONGEST_COUNT:
        return STEADY
    ((lit, dark),) = row.pattern.turns
    return Pattern(((lit, dark),) * (number - 1) + ((lit, COUNT_PAUSE),))


def as_markdown() -> str:
    """Write the table as the documentation shows it."""
    lines = ["| light | pattern | meaning |", "|---|---|---|"]
    lines += [f"| {', '.join(row.lights)} | {row.says} | {row.when} |" for row in TABLE]
    return "\n".join(lines) + "\n"
