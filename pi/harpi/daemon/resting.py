"""When the sensor may sleep: nothing has moved for minutes, and nobody records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harpi.commands import Event
from harpi.config.schema import SensorSection
from harpi.signal.worn import WornWatch
from harpi.types import Window

_RECORDING: Final = ("recording", "testing")
_PAUSE_SECONDS: Final = 2.0
"""Time without a window after which it has slept."""


class Resting:
    """Tells the sampler to let the chip sleep.

    A wearer never holds so still; see `harpi.signal.worn`. So it is a sensor that lies about.

    Args:
        section: `rest_minutes` says after how long; where it is not given, never.
        nap: tells the sampler.
    """

    def __init__(self, section: SensorSection, nap: Callable[[], None]) -> None:
        self._seconds = None if section.rest_minutes is None else 60 * section.rest_minutes
        self._nap = nap
        self._watch = WornWatch(self._seconds or 0.0)
        self._recording = False
        self._seen = float("-inf")

    def see(self, window: Window) -> None:
        """Take the next window, on the thread of the recognition."""
        if self._seconds is None:
            return
        if self._recording or window.start > self._seen + _PAUSE_SECONDS:
            self._watch = WornWatch(self._seconds)  # the minutes begin anew
        self._seen = window.end
        if not self._watch.worn(window) and not self._recording:
            self._nap()

    def hear(self, event: Event) -> None:
        """Take note of the session."""
        self._recording = event.situation.state in _RECORDING

    def may_nap(self) -> bool:
        """Whether no take is being recorded; from any thread."""
        return not self._recording
