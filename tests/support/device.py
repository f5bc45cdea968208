"""A device without hardware: a configuration, and a chip that plays the shipped recording."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from harpi import shipped
from harpi.config import Config
from harpi.config.loading import build
from harpi.imu.emulator.bus import EmulatedBus, FaultPlan
from harpi.imu.emulator.chip import Chip
from harpi.imu.emulator.motion import Playback
from harpi.recording import Recording
from harpi.timebase import Timebase


def recording_path() -> Path:
    """The recording that ships with harpi."""
    return shipped.path("models/recordings/hapt_25_26.npz")


@cache
def recording() -> Recording:
    return Recording.read(recording_path())


def device_config(folder: Path, **settings: object) -> Config:
    """A configuration that touches nothing outside `folder`, and no broker.

    `settings` by their dotted keys, with `__` for the dot.
    """
    values = {key.replace("__", "."): value for key, value in settings.items()}
    return build(
        {
            "mqtt.enabled": False,
            "socket.enabled": False,
            "paths.state": str(folder / "state"),
            "paths.runtime": str(folder / "run"),
            "device.id": "arm",
            **values,
        }
    )


def emulated(
    timebase: Timebase,
    *,
    address: int = 0x68,
    who_am_i: int = 0x68,
    faults: FaultPlan | None = None,
) -> EmulatedBus:
    """A bus with one chip that plays the shipped recording from now on."""
    motion = Playback(recording(), start=timebase.monotonic())
    chip = Chip(motion, timebase, who_am_i=who_am_i, seed=1)
    return EmulatedBus({address: chip}, timebase, faults=faults)
