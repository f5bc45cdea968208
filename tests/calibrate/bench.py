"""A chip with errors on virtual time, and somebody who notes what is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harpi.calibrate.guide import Cue
from harpi.calibrate.sensor import BIAS, GAIN, OpenedSensor
from harpi.imu.emulator import Chip, EmulatedBus, FaultPlan, Motion, VirtualTime
from harpi.imu.mpu6050 import Mpu6050


class Notes:
    """A guide that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.cues: list[Cue] = []
        self.ticks = 0

    def say(self, text: str) -> None:
        self.said.append(text)

    def show(self, cue: Cue) -> None:
        self.cues.append(cue)

    def tick(self) -> None:
        self.ticks += 1


def bench_of(
    motion: Callable[[VirtualTime], Motion],
    *,
    faults: FaultPlan | None = None,
    tick: Callable[[], None] = lambda: None,
    **chip: Any,
) -> OpenedSensor:
    """A bench with one chip, which has errors unless a test says otherwise."""
    time = VirtualTime()
    errors = {"bias": BIAS, "accel_gain": GAIN}
    emulated = Chip(motion(time), time, **{**errors, **chip})
    bus = EmulatedBus({0x68: emulated}, time, faults=faults)
    return OpenedSensor(Mpu6050(bus, time), time, tick)
