"""The lights: they show how things stand, by the patterns of `patterns.TABLE`.

Events and verdicts come in from other threads and are only noted; the thread of this module
alone touches the pins, and sleeps until a light has to change.
"""

from __future__ import annotations

import threading
from typing import Final

from harpi.commands import Event, Room
from harpi.config.schema import LedsSection
from harpi.controls.gpio import Gpio
from harpi.controls.patterns import TABLE, Light, Meaning, Pattern, Row, pattern_of
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

    Raises:
        ControlError: a pin cannot be used.
    """

    def __init__(
        self,
        room: Room,
        gpio: Gpio,
        section: LedsSection,
        labels: tuple[str, ...],
        timebase: Timebase,
    ) -> None:
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
        self._thread = threading.Thread(target=self._run, name="harpi-leds", daemon=True)
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
        """Take note of what the models say: the wearer's own one where it can answer."""
        trained = [p for p in reversed(list(verdict.predictions.values())) if p.trained]
        sure = bool(trained and trained[0].answer is not None and trained[0].confidence >= SURE)
        now = self._timebase.monotonic()
        with self._lock:
            self._judged = now
            self._keep("unsure", now, not sure)
            self._keep("ready", now, True)
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
