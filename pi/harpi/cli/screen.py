"""`harpi watch` on a terminal: a picture of all devices that is drawn over itself.

It has the terminal to itself (the alternate screen) and writes each picture in one piece
over the one before, without wiping first; so nothing flickers, and a new size of the window
is taken up with the next picture. At the end the terminal is as it was, and the last picture
stands in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.live import Live

from harpi.cli.live import BROKER_AWAY, BROKER_BACK, Device
from harpi.cli.panels import Picture

SHORTEST: Final = 0.1
"""Seconds between two pictures at least: a hundred devices are still one picture."""

LONGEST: Final = 1.0
"""Seconds after which a picture is drawn anew though nothing was heard."""


class Screen:
    """A picture of all devices.

    Args:
        console: the terminal.
        where: what is listened to, for the headline.
        clock: monotonic seconds.
    """

    def __init__(
        self, console: Console, where: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console
        self._where = where
        self._clock = clock
        self._devices: dict[str, Device] = {}
        self._note = "listening ..."
        self._drawn = -LONGEST
        self._size = console.size
        self._changed = False
        self._live = Live(
            console=console,
            screen=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        self._draw()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()
        if self._devices:
            self._console.print(self._picture(self._console.height - 1))

    def show(self, device: Device, name: str, payload: bytes) -> None:
        """Show what is new, now or soon."""
        self._devices[device.name] = device
        if self._note != BROKER_AWAY:
            self._note = ""
        self._changed = True
        self._draw_if_due()

    def tell(self, text: str) -> None:
        """Show a text at the foot until it no longer holds."""
        self._note = "" if text == BROKER_BACK else text
        self._draw()

    def tick(self) -> None:
        """Draw what is due: something new, the time, or the size of the terminal."""
        self._draw_if_due()

    def _draw_if_due(self) -> None:
        age = self._clock() - self._drawn
        if age >= LONGEST or (self._changed and age >= SHORTEST) or self._resized():
            self._draw()

    def _resized(self) -> bool:
        return self._console.size != self._size

    def _draw(self) -> None:
        self._size = self._console.size
        self._live.update(self._picture(self._size.height), refresh=True)
        self._drawn = self._clock()
        self._changed = False

    def _picture(self, height: int) -> Picture:
        devices = sorted(self._devices.values(), key=lambda device: device.name)
        return Picture(devices, self._where, self._note, height, self._clock())
