"""Who leads a person through a calibration: the terminal, a light, or both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, Protocol

from harpi.controls.gpio import Gpio
from harpi.controls.leds import STEADY, Pattern
from harpi.timebase import Timebase

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


PATTERNS: Final[dict[Cue, Pattern]] = {
    "move": Pattern(((0.5, 0.5),)),
    "hold": STEADY,
    "taken": Pattern(((0.1, 0.1),), 3),
    "done": Pattern(((2.0, 0.5),), 1),
    "failed": Pattern(((0.1, 0.1),), 5),
}
"""Blinks once a second: move on. Lit: hold still. Three quick blinks: measured. Lit for two
seconds: done. Five quick blinks: failed."""


class LedGuide:
    """One light.

    Args:
        gpio: the pins.
        pin: of the light.
        timebase: what times the blinking.

    Raises:
        ControlError: the pin cannot be used.
    """

    def __init__(self, gpio: Gpio, pin: int, timebase: Timebase) -> None:
        gpio.light(pin)
        self._gpio = gpio
        self._pin = pin
        self._timebase = timebase
        self._cue: Cue | None = None
        self._lasting: Cue | None = None
        self._begun = 0.0
        self._lit = False

    def say(self, text: str) -> None:
        """A light has no words."""

    def show(self, cue: Cue) -> None:
        """Show a cue; one that is shown once gives way to the lasting one before it."""
        if PATTERNS[cue].repeats is None:
            self._lasting = cue
            # A short cue is seen to its end first.
            if self._cue not in (None, *_LASTING):
                return
        if cue != self._cue:
            self._cue, self._begun = cue, self._timebase.monotonic()
        self.tick()

    def tick(self) -> None:
        """Switch the light where it is time."""
        if self._cue is None:
            return
        elapsed = self._timebase.monotonic() - self._begun
        if elapsed >= PATTERNS[self._cue].seconds:
            self._begun += PATTERNS[self._cue].seconds
            elapsed -= PATTERNS[self._cue].seconds
            self._cue = self._lasting
        lit = self._cue is not None and PATTERNS[self._cue].at(elapsed)[0]
        if lit != self._lit:
            self._lit = lit
            self._gpio.write(self._pin, lit)


_LASTING: Final = tuple(cue for cue, pattern in PATTERNS.items() if pattern.repeats is None)
