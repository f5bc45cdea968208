"""The narrow gate to the pins: buttons to ground, lights to a resistor, nothing else.

`RpiGpio` stands on the `RPi.GPIO` API, which two packages provide: rpi-lgpio, over the
kernel's gpiochip device, on every Pi of today; and the old RPi.GPIO, on kernels before 6.6.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

from harpi.errors import ControlError
from harpi.files import make_directory

_log = logging.getLogger(__name__)

_INSTALL: Final = (
    "On a Pi: 'sudo apt install python3-rpi-lgpio', or 'pip install rpi-lgpio lgpio'; "
    "elsewhere "
    "set buttons.enabled and leds.enabled to false and use `harpi run --keyboard`"
)


class Gpio(Protocol):
    """Lines of a board by their BCM number."""

    def watch(self, pin: int, on_edge: Callable[[int], None]) -> bool:
        """Make a line an input with a pull-up, and report its edges.

        Args:
            pin: BCM number.
            on_edge: called with the pin at every edge, from a thread of the library. Edges
                may come bouncing, late, or not at all.

        Returns:
            Whether edges can be reported; where not, the level has to be polled.

        Raises:
            ControlError: the line cannot be used.
        """
        ...

    def level(self, pin: int) -> bool:
        """Tell whether a watched line is high, that is, its button is not pressed."""
        ...

    def light(self, pin: int) -> None:
        """Make a line an output that is low.

        Raises:
            ControlError: the line cannot be used.
        """
        ...

    def write(self, pin: int, high: bool) -> None:
        """Set the level of an output."""
        ...

    def close(self) -> None:
        """Give all lines back; closing twice is harmless."""
        ...


class RpiGpio:
    """`Gpio` through the `RPi.GPIO` API.

    Args:
        work_folder: where lgpio may leave its notification pipe; it needs one it can write.

    Raises:
        ControlError: the library is missing, or this computer has no pins.
    """

    def __init__(self, work_folder: Path) -> None:
        # lgpio reads it when it is imported, and cannot be imported where it cannot write.
        with contextlib.suppress(OSError):
            make_directory(work_folder)
        os.environ.setdefault("LG_WD", str(work_folder))
        try:
            self._library: Any = importlib.import_module("RPi.GPIO")
        except ImportError as error:
            raise ControlError(
                f"the library for the pins is missing ({error})",
                where="GPIO",
                remedy=_INSTALL,
            ) from error
        except Exception as error:  # lgpio raises bare subclasses of Exception
            raise ControlError(
                f"the pins of this computer cannot be used ({error})",
                where="GPIO",
                remedy=_INSTALL,
            ) from error
        self._library.setwarnings(False)
        self._library.setmode(self._library.BCM)
        self._pins: list[int] = []

    def watch(self, pin: int, on_edge: Callable[[int], None]) -> bool:
        """Make a line an input with a pull-up; see `Gpio.watch`."""
        library = self._library
        self._set_up(pin, library.IN, pull_up_down=library.PUD_UP)
        try:
            # Without `bouncetime`: the two libraries mean different things by it.
            library.add_event_detect(pin, library.BOTH, callback=on_edge)
        except RuntimeError as error:
            _log.warning("GPIO%d reports no edges (%s), its level is polled", pin, error)
            return False
        return True

    def level(self, pin: int) -> bool:
        """Tell whether a watched line is high."""
        return bool(self._library.input(pin))

    def light(self, pin: int) -> None:
        """Make a line an output that is low; see `Gpio.light`."""
        self._set_up(pin, self._library.OUT, initial=self._library.LOW)

    def write(self, pin: int, high: bool) -> None:
        """Set the level of an output."""
        self._library.output(pin, high)

    def close(self) -> None:
        """Give all lines back."""
        if self._pins:
            self._library.cleanup(self._pins)
            self._pins = []

    def _set_up(self, pin: int, direction: int, **how: int) -> None:
        try:
            self._library.setup(pin, direction, **how)
        except Exception as error:  # lgpio raises bare subclasses of Exception
            raise ControlError(
                f"the line cannot be used ({error})",
                where=f"GPIO{pin}",
                remedy="See with 'gpioinfo' who has it, let the user be in the group gpio, "
                "or choose another pin",
            ) from error
        self._pins.append(pin)
