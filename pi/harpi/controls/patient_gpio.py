"""Pins that may be busy or missing: what there is works, what is missing is tried again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from harpi.controls.gpio import Gpio
from harpi.errors import ControlError
from harpi.timebase import Timebase

_log = logging.getLogger(__name__)

AGAIN_SECONDS: Final = 15.0
"""How often a missing pin is tried again."""


@dataclass(slots=True)
class _Missing:
    set_up: Callable[[Gpio], object]
    error: ControlError


class PatientGpio:
    """`Gpio` that goes on without the pins that cannot be had, until they can.

    A button at such a pin reads as not pressed, a light is kept dark.

    Args:
        open_gpio: opens the pins of this computer; may raise a `ControlError`.
        timebase: times the next attempt.
    """

    def __init__(self, open_gpio: Callable[[], Gpio], timebase: Timebase) -> None:
        self._open = open_gpio
        self._timebase = timebase
        self._gpio: Gpio | None = None
        self._missing: dict[int, _Missing] = {}
        self._wanted: dict[int, bool] = {}
        self._lock = threading.RLock()
        self._next = float("-inf")

    @property
    def problems(self) -> tuple[str, ...]:
        """What is missing, and what to do about it; sentences."""
        with self._lock:
            errors = [str(missing.error) for missing in self._missing.values()]
        return tuple(dict.fromkeys(errors))

    def watch(self, pin: int, on_edge: Callable[[int], None]) -> bool:
        """Watch a line as soon as it can be had; see `Gpio.watch`."""
        return bool(self._set_up(pin, lambda gpio: gpio.watch(pin, on_edge)))

    def level(self, pin: int) -> bool:
        """Tell whether a watched line is high; one that is missing is."""
        gpio = self._having(pin)
        return True if gpio is None else gpio.level(pin)

    def light(self, pin: int) -> None:
        """Make a line an output as soon as it can be had; see `Gpio.light`."""

        def light(gpio: Gpio) -> None:
            gpio.light(pin)
            gpio.write(pin, self._wanted.get(pin, False))

        self._wanted[pin] = False
        self._set_up(pin, light)

    def write(self, pin: int, high: bool) -> None:
        """Set the level of an output, now or when it can be had."""
        self._wanted[pin] = high
        gpio = self._having(pin)
        if gpio is not None:
            gpio.write(pin, high)

    def close(self) -> None:
        """Give all lines back."""
        with self._lock:
            self._missing.clear()
            if self._gpio is not None:
                self._gpio.close()

    def _having(self, pin: int) -> Gpio | None:
        """Give the pins if this one can be had, which is tried now and then."""
        if pin in self._missing:
            with self._lock:
                now = self._timebase.monotonic()
                if now >= self._next:
                    self._next = now + AGAIN_SECONDS
                    for missing, what in list(self._missing.items()):
                        self._set_up(missing, what.set_up)
                if pin in self._missing:
                    return None
        return self._gpio

    def _set_up(self, pin: int, set_up: Callable[[Gpio], object]) -> object:
        with self._lock:
            before = self._missing.pop(pin, None)
            try:
                if self._gpio is None:
                    self._gpio = self._open()
                found = set_up(self._gpio)
            except ControlError as error:
                if before is None:
                    _log.warning("%s Going on without GPIO%d.", error, pin)
                    self._next = self._timebase.monotonic() + AGAIN_SECONDS
                self._missing[pin] = _Missing(set_up, error)
                return True  # there are no edges to miss, and nothing to poll
            if before is not None:
                _log.info("GPIO%d can be used now", pin)
            return found
