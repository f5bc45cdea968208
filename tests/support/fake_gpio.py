"""The module `RPi.GPIO` without a Pi: pins that a test presses, lights that it reads.

It behaves as the real ones do where harpi depends on it: a callback comes with the pin alone,
exceptions in a callback are swallowed, reading needs `setup`, edges need an input. It can do
what hardware does: bounce, drop edges, or report none at all.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import ModuleType

import pytest


class FakeRpiGpio(ModuleType):
    """To be put into `sys.modules` as `RPi.GPIO`; see `install`."""

    BCM = 11
    OUT, IN = 0, 1
    LOW, HIGH = 0, 1
    PUD_OFF, PUD_UP = 20, 22
    RISING, FALLING, BOTH = 31, 32, 33

    def __init__(self, advance: Callable[[float], None]) -> None:
        super().__init__("RPi.GPIO")
        self._advance = advance
        self._mode: int | None = None
        self._directions: dict[int, int] = {}
        self._levels: dict[int, int] = {}
        self._callbacks: dict[int, Callable[[int], None]] = {}
        self.busy: set[int] = set()
        self.reports_edges = True
        self.drops_edges = False
        self.written: list[tuple[int, int]] = []

    # --- what a test does -----------------------------------------------------------------

    def press(self, pin: int, *, bounces: Sequence[float] = ()) -> None:
        """Close the contact to ground; it opens and closes again after each of the times."""
        self._move(pin, self.LOW, bounces)

    def release(self, pin: int, *, bounces: Sequence[float] = ()) -> None:
        """Open the contact."""
        self._move(pin, self.HIGH, bounces)

    def lit(self, pin: int) -> bool:
        """Whether a light is on."""
        assert self._directions[pin] == self.OUT
        return self._levels[pin] == self.HIGH

    @property
    def in_use(self) -> set[int]:
        return set(self._directions)

    def _move(self, pin: int, level: int, bounces: Sequence[float]) -> None:
        self._set_level(pin, level)
        for seconds in bounces:
            self._advance(seconds)
            self._set_level(pin, 1 - level)
            self._advance(seconds)
            self._set_level(pin, level)

    def _set_level(self, pin: int, level: int) -> None:
        if self._levels.get(pin, self.HIGH) == level:
            return
        self._levels[pin] = level
        callback = self._callbacks.get(pin)
        if callback is not None and not self.drops_edges:
            callback(pin)

    # --- the API ----------------------------------------------------------------------------

    def setwarnings(self, value: bool) -> None:
        pass

    def setmode(self, mode: int) -> None:
        assert mode == self.BCM
        self._mode = mode

    def setup(
        self,
        pin: int,
        direction: int,
        pull_up_down: int = PUD_OFF,
        initial: int | None = None,
    ) -> None:
        assert self._mode is not None, "setmode comes first"
        if pin in self.busy:
            raise RuntimeError("GPIO busy")
        if direction == self.IN:
            assert pull_up_down == self.PUD_UP, "without a pull-up the line floats"
            self._levels.setdefault(pin, self.HIGH)
        else:
            self._levels[pin] = self.LOW if initial is None else initial
        self._directions[pin] = direction

    def add_event_detect(
        self, pin: int, edge: int, callback: Callable[[int], None] | None = None
    ) -> None:
        assert self._directions[pin] == self.IN
        assert edge == self.BOTH
        if not self.reports_edges:
            raise RuntimeError("Failed to add edge detection")
        if callback is not None:
            self._callbacks[pin] = callback

    def input(self, pin: int) -> int:
        if pin not in self._directions:
            raise RuntimeError("You must setup() the GPIO channel first")
        return self._levels[pin]

    def output(self, pin: int, value: int | bool) -> None:
        assert self._directions[pin] == self.OUT
        self._levels[pin] = int(value)
        self.written.append((pin, int(value)))

    def cleanup(self, pins: Sequence[int]) -> None:
        for pin in pins:
            self._callbacks.pop(pin, None)
            self._directions.pop(pin)


def install(patch: pytest.MonkeyPatch, advance: Callable[[float], None]) -> FakeRpiGpio:
    """Let `import RPi.GPIO` find the fake for the length of a test."""
    package, module = ModuleType("RPi"), FakeRpiGpio(advance)
    patch.setattr(package, "GPIO", module, raising=False)
    patch.setitem(sys.modules, "RPi", package)
    patch.setitem(sys.modules, "RPi.GPIO", module)
    patch.setenv("LG_WD", "")
    patch.delenv("LG_WD")  # what harpi sets is gone after the test
    return module
