"""A sensor on an emulated bus in virtual time, sampled without a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from harpi.imu.emulator import Chip, EmulatedBus, Fault, FaultPlan, Motion, Still, VirtualTime
from harpi.imu.mpu6050 import Mpu6050
from harpi.imu.sampler import Sampler
from harpi.types import FloatArray, Samples, TimeArray

BEGIN = 100.0


class Rig:
    """Chip, bus, driver and sampler, wired up; `blocks` collects what the sampler gives."""

    def __init__(
        self,
        *faults: Fault,
        rate: int = 50,
        clock_error: float = 0.0,
        scl_hz: int = 400_000,
        who_am_i: int = 0x68,
        motion: Motion | None = None,
        noise: bool = True,
        driver: dict[str, Any] | None = None,
        sampler: dict[str, Any] | None = None,
        chip: dict[str, Any] | None = None,
    ) -> None:
        self.time = VirtualTime(BEGIN)
        self.chip = Chip(
            motion or Still(),
            self.time,
            who_am_i=who_am_i,
            clock_error=clock_error,
            noise=noise,
            **(chip or {}),
        )
        self.bus = EmulatedBus(
            {0x68: self.chip}, self.time, scl_hz=scl_hz, faults=FaultPlan(*faults)
        )
        self.driver = Mpu6050(self.bus, self.time, rate=rate, **(driver or {}))
        self.blocks: list[Samples] = []
        self.delivered: list[float] = []
        self.sampler = Sampler(self.driver, self.time, self.receive, **(sampler or {}))

    def receive(self, samples: Samples) -> None:
        self.blocks.append(samples)
        self.delivered.append(self.time.monotonic())

    def run(self, seconds: float, lateness: Callable[[], float] = lambda: 0.0) -> None:
        """Let the sampler do its steps, each of them `lateness()` too late."""
        end = self.time.monotonic() + seconds
        never = threading.Event()
        while self.time.monotonic() < end:
            due = self.sampler.next_drain + lateness()
            self.time.wait(never, due - self.time.monotonic())
            self.sampler.drain()

    @property
    def times(self) -> TimeArray:
        return np.concatenate([block.times for block in self.blocks])

    @property
    def values(self) -> FloatArray:
        return np.concatenate([block.values for block in self.blocks])

    @property
    def gaps(self) -> list[bool]:
        return [block.gap for block in self.blocks]

    def time_errors(self) -> TimeArray:
        """How far each time is from that of the nearest true sample, in seconds."""
        distance = self.times - self.chip.latest_sample_time
        period = self.chip.sample_period
        errors: TimeArray = distance - np.round(distance / period) * period
        return errors

    def sample_steps(self) -> TimeArray:
        """By how many true samples each one follows the one before; all 1 without a loss."""
        distance = (self.times - self.chip.latest_sample_time) / self.chip.sample_period
        steps: TimeArray = np.diff(np.round(distance))
        return steps
