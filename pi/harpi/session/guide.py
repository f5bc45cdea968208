"""The first run, step by step: what to record, when to train, and how good it is then.

A step is found by what there is, not by what was pressed: whoever records a take that the guide
asks for, at whatever door, has done that step, and whoever takes one back has it to do again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from harpi.commands import Evaluated, GuideStep, LabelCount
from harpi.names import TABLE

TAKES: Final = 2
"""Takes of each activity: what differs between two of them is not mistaken for the activity."""

TESTS: Final = 1
"""Test takes of each activity."""

SECONDS: Final = 10.0
"""Of each take."""

ENOUGH: Final = 0.9
"""Share of the test windows from which on nobody has to record more."""

_MORE: Final = "Record each activity again, as you do it at other times, and train once more."


class Guide:
    """Knows the next step; belongs to the session."""

    def __init__(self) -> None:
        self._labels: tuple[str, ...] = ()
        self._begin: dict[str, tuple[int, int]] = {}
        self._trained = False
        self._verdict: str | None = None

    @property
    def goes_on(self) -> bool:
        """Whether anybody is being guided."""
        return bool(self._labels)

    def begin(self, labels: Sequence[str], counts: Sequence[LabelCount]) -> None:
        """Begin anew with these activities; takes that are there already do not count."""
        self._labels = tuple(labels)
        self._begin = {one.label: (one.takes, one.tests) for one in counts}
        self._trained = False
        self._verdict = None

    def end(self) -> None:
        """Guide nobody any more."""
        self._labels = ()

    def trained(self) -> None:
        """Note that a training has come to its end, with whatever head."""
        self._trained = True

    def evaluated(self, found: Evaluated) -> None:
        """Note what an evaluation has shown."""
        self._verdict = verdict_of(found)

    def step(self, counts: Sequence[LabelCount]) -> GuideStep | None:
        """Return the next step; None where nobody is being guided."""
        if not self._labels:
            return None
        now = {one.label: one for one in counts}
        for number in range(1, TAKES + 1):
            for label in self._labels:
                if self._new(label, now, 0) < number:
                    return self._record(label, number, TAKES)
        for label in self._labels:
            if label in now and now[label].needed:
                more = self._new(label, now, 0) + 1
                return self._record(label, more, more)
        if not self._trained:
            return GuideStep(step="train", message="That is enough to learn from. Train now.")
        for label in self._labels:
            if self._new(label, now, 1) < TESTS:
                asked = f"Do {label} for {SECONDS:g} seconds, as at any other time."
                return GuideStep(
                    step="test",
                    label=label,
                    seconds=SECONDS,
                    message=f"Test: {asked} harpi does not learn from it.",
                )
        if self._verdict is None:
            return GuideStep(step="evaluate", message="Let harpi count how often it is right.")
        return GuideStep(step="done", message=self._verdict)

    def _new(self, label: str, now: dict[str, LabelCount], which: int) -> int:
        """Count the takes (0) or test takes (1) of a label since the beginning."""
        if label not in now:
            return 0
        return (now[label].takes, now[label].tests)[which] - self._begin.get(label, (0, 0))[
            which
        ]

    @staticmethod
    def _record(label: str, number: int, of: int) -> GuideStep:
        again = " once more" if number > 1 else ""
        return GuideStep(
            step="record",
            label=label,
            number=number,
            of=of,
            seconds=SECONDS,
            message=f"Do {label}{again} for {SECONDS:g} seconds.",
        )


def verdict_of(found: Evaluated) -> str:
    """Say in a sentence or two how good the models are."""
    scores = {name: score.accuracy for name, score in found.scores.items()}
    personal, generic = scores.get("personal"), scores.get("generic")
    if personal is None:
        return "No head is trained yet. Record more, and train again."
    right = f"On your test takes the personal model is right {personal:.0%} of the time"
    if generic is None:
        return f"{right}."
    beside = f"{right}, the generic one {generic:.0%}."
    if personal >= ENOUGH:
        return f"{beside} harpi knows you now."
    best = max(scores, key=lambda name: scores[name])
    better = f" {TABLE[best].title} does better so far." if scores[best] > personal else ""
    return f"{beside}{better} {_MORE}"
