"""A chip on a bus that plays a recording, for a computer without a sensor."""

from __future__ import annotations

from pathlib import Path

from harpi.imu.emulator.bus import EmulatedBus
from harpi.imu.emulator.chip import Chip
from harpi.imu.emulator.motion import Playback
from harpi.recording import Recording
from harpi.timebase import Timebase


def emulated_bus(path: Path, address: int, timebase: Timebase) -> EmulatedBus:
    """Give a bus with a chip that is moved as the recording says, again and again.

    Args:
        path: recording, `.npz` or `.csv`.
        address: where the chip answers.
        timebase: the time in which it plays, from now on.

    Raises:
        RecordingError: the recording cannot be read.
    """
    motion = Playback(Recording.read(path), start=timebase.monotonic())
    return EmulatedBus({address: Chip(motion, timebase)}, timebase)
