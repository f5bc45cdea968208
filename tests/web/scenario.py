"""A device that is worn by a recorded stranger, in real time but faster, with its page."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harpi.daemon import Daemon
from harpi.demo.runner import ScaledTime
from harpi.imu.emulator import Chip, EmulatedBus
from harpi.imu.emulator.bus import Fault, FaultKind, FaultPlan
from tests.support.browser import Tab
from tests.support.device import device_config
from tests.support.stage import Stage

LABELS = ("walking", "sitting", "standing", "lying")
LESSON_SECONDS = 9.0
"""Of the wearer's time, for each activity."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Worn:
    """The device, its wearer, and how much faster than life they are.

    Attributes:
        url: of the page.
    """

    def __init__(self, daemon: Daemon, stage: Stage, faults: FaultPlan, speed: float) -> None:
        assert daemon.page is not None
        self.daemon = daemon
        self.stage = stage
        self.url = daemon.page.url
        self._faults = faults
        self._speed = speed

    def unplug(self) -> None:
        """Pull the sensor's wires."""
        self._faults.add(Fault(FaultKind.NACK, at=0.0, seconds=math.inf))

    def plug_in(self) -> None:
        self._faults.end(FaultKind.NACK)

    def lives(self, seconds: float) -> None:
        time.sleep(seconds / self._speed)

    def is_taught(self, tab: Tab, label: str, *, occasion: int = 0) -> None:
        """Be taught an activity by pressing its button twice."""
        self.stage.perform(label, occasion)
        self.lives(1.0)
        button = f"#classes button:nth-child({LABELS.index(label) + 1})"
        tab.click(button)
        tab.wait_for(f"document.querySelector('{button}').ariaPressed === 'true'")
        self.lives(LESSON_SECONDS)
        tab.click(button)
        tab.wait_for(f"document.querySelector('{button}').ariaPressed === 'false'")


@contextmanager
def worn(folder: Path, *, speed: float, **settings: object) -> Iterator[Worn]:
    """Start a device with its page on a free port; nobody has taught it anything."""
    timebase = ScaledTime(speed)
    stage = Stage(timebase)
    faults = FaultPlan()
    bus = EmulatedBus({0x68: Chip(stage, timebase)}, timebase, faults=faults)
    config = device_config(
        folder,
        **{
            "learning.labels": list(LABELS),
            "device.id": "right_arm",
            "device.position": "right_arm",
            "web.enabled": True,
            "web.port": free_port(),
            **settings,
        },
    )
    with Daemon(config, bus=bus, timebase=timebase) as daemon:
        yield Worn(daemon, stage, faults, speed)
