"""The lights, and every pattern of theirs in one table.

Events and verdicts come in from other threads and are only noted; the thread of this module
alone touches the pins, and sleeps until a light has to change.

A pattern is lit and dark by turns; it goes on for as long as its reason lasts, or is shown
once. Where several rows speak of one light, the first of them is shown.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final, Literal

from harpi.commands import Event, SessionApi
from harpi.config.schema import LedsSection
from harpi.controls.gpio import Gpio
from harpi.supervisor import Supervisor
from harpi.timebase import Timebase
from harpi.types import Verdict

SURE: Final = 0.6
"""Confidence below which the light says that harpi is not sure."""

STALE_SECONDS: Final = 5.0
"""Without a verdict for so long, harpi does not recognise and is not ready."""

_SHOWN_STATES: Final[tuple[Meaning, ...]] = ("recording", "testing", "training", "paused")


class Leds:
    """The lights of one device.

    Args:
        room: whose events are shown.
        gpio: the pins; closed by whoever opened it, after `stop`.
        section: which light is on which pin.
        labels: the labels in the order of their buttons; their number is blinked.
        timebase: the clock that the patterns follow.
        supervisor: sees what goes wrong.

    Raises:
        ControlError: a pin cannot be used.
    """

    def __init__(
        self,
        room: SessionApi,
        gpio: Gpio,
        section: LedsSection,
        labels: tuple[str, ...],
        timebase: Timebase,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._supervisor = supervisor or Supervisor()
        self._room = room
        self._gpio = gpio
        self._labels = labels
        self._timebase = timebase
        pins: dict[Light, int | None] = {
            "recording": section.recording,
            "training": section.training,
            "status": section.status,
        }
        self._pins = {light: pin for light, pin in pins.items() if pin is not None}
        for pin in self._pins.values():
            gpio.light(pin)
        self._lit = dict.fromkeys(self._pins, False)
        self._lock = threading.Lock()
        self._begun: dict[Meaning, float] = {}
        self._situation = room.situation
        self._judged = float("-inf")
        self._news = threading.Event()
        self._ending = False
        self._thread: threading.Thread | None = None
        room.subscribe(self.notice)

    def start(self) -> None:
        """Drive the lights from a thread of their own."""
        self._thread = self._supervisor.thread(self._run, "harpi-leds")
        self._thread.start()

    def stop(self) -> None:
        """End the thread and put the lights out; stopping twice is harmless."""
        self._room.unsubscribe(self.notice)
        if self._thread is not None:
            self._ending = True
            self._news.set()
            self._thread.join()
            self._thread = None
        for light in self._pins:
            self._switch(light, on=False)

    def notice(self, event: Event) -> None:
        """Take note of what happened in the session."""
        if event.kind == "progress":
            return
        now = self._timebase.monotonic()
        with self._lock:
            before, self._situation = self._situation, event.situation
            if before.label != event.situation.label:
                self._begun.pop("recording", None)
                self._begun.pop("testing", None)
            for state in _SHOWN_STATES:
                self._keep(state, now, event.situation.state == state)
            self._keep("asking", now, event.situation.asking)
            if not event.ok:
                self._begun["refused"] = now
            elif event.warnings or event.outcome == "kept":
                self._begun["doubtful"] = now
            elif event.outcome == "taken":
                self._begun["trained"] = now
        self._news.set()

    def show(self, verdict: Verdict) -> None:
        """Take note of harpi's answer."""
        sure = verdict.activity is not None and verdict.answer.confidence >= SURE
        now = self._timebase.monotonic()
        with self._lock:
            self._judged = now
            self._keep("unsure", now, not sure)
            self._keep("ready", now, True)
        self._news.set()

    def nudge(self, due: bool) -> None:
        """Show that the wearer should do something else, or no longer."""
        with self._lock:
            self._keep("nudge", self._timebase.monotonic(), due)
        self._news.set()

    def step(self) -> float:
        """Switch what has to be switched.

        Returns:
            Seconds until a light may have to change; infinite where none has to.
        """
        now = self._timebase.monotonic()
        with self._lock:
            if now >= self._judged + STALE_SECONDS:
                self._keep("unsure", now, False)
                self._keep("ready", now, False)
            patterns = {row.meaning: (row, self._pattern(row)) for row in TABLE}
            for meaning, begun in list(self._begun.items()):
                if now - begun >= patterns[meaning][1].seconds:
                    del self._begun[meaning]
            waits = [float("inf")]
            for light in self._pins:
                on = False
                for row, pattern in patterns.values():
                    if light in row.lights and row.meaning in self._begun:
                        on, wait = pattern.at(now - self._begun[row.meaning])
                        waits.append(wait)
                        break
                self._switch(light, on=on)
            if "ready" in self._begun:
                waits.append(self._judged + STALE_SECONDS - now)
        return max(0.0, min(waits))

    def _run(self) -> None:
        while not self._ending:
            seconds = self.step()
            self._news.wait(None if seconds == float("inf") else seconds)
            self._news.clear()

    def _keep(self, meaning: Meaning, now: float, reason: bool) -> None:
        """Let a lasting pattern begin or go on where there is a reason, and else end."""
        if not reason:
            self._begun.pop(meaning, None)
        else:
            self._begun.setdefault(meaning, now)

    def _pattern(self, row: Row) -> Pattern:
        label = self._situation.label
        number = self._labels.index(label) + 1 if label in self._labels else None
        return pattern_of(row, number)

    def _switch(self, light: Light, *, on: bool) -> None:
        if on != self._lit[light]:
            self._gpio.write(self._pins[light], on)
            self._lit[light] = on


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
    "nudge",
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
        "asks whether to forget everything; press train again to confirm",
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
        "training is running",
    ),
    Row(
        "paused",
        ("training",),
        Pattern(((0.1, 1.9),)),
        "a flash every two seconds",
        "training is paused",
    ),
    Row(
        "nudge",
        ("status",),
        Pattern(((0.1, 0.2), (0.1, 0.2), (0.1, 1.3))),
        "three flashes every two seconds",
        "the wearer has done one thing for too long (diary.nudge_minutes)",
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
        "harpi recognises activities and is ready",
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
