"""The sensor alone, sampled in the calling thread, while it is calibrated."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Final

from harpi.errors import CalibrationError
from harpi.imu.mpu6050 import Mpu6050
from harpi.imu.sampler import Sampler
from harpi.timebase import Timebase
from harpi.types import Samples

BLOCK_SECONDS: Final = 0.2
"""Length of the blocks that the samples come in; guides are told as often."""

FAULT_SECONDS: Final = 3.0
"""How long the sensor may fail before the calibration is given up."""


class Bench:
    """Samples one chip.

    Args:
        chip: not started yet.
        timebase: the time of its bus.
        tick: called after every block.

    Raises:
        SensorError: the chip does not start.
    """

    def __init__(
        self, chip: Mpu6050, timebase: Timebase, tick: Callable[[], None] = lambda: None
    ) -> None:
        self.chip = chip
        self._timebase = timebase
        self._tick = tick
        self._blocks: list[Samples] = []
        self._never = threading.Event()
        self._sampler = Sampler(
            chip, timebase, self._blocks.append, batch=max(1, round(BLOCK_SECONDS * chip.rate))
        )
        self._sampler.drain()

    def close(self) -> None:
        """Put the chip to sleep."""
        self._sampler.stop()

    def samples(self, seconds: float) -> Iterator[Samples]:
        """Sample for some time, block by block.

        Raises:
            CalibrationError: the sensor fails, and does not recover.
        """
        end = well = self._timebase.monotonic()
        end += seconds
        while (now := self._timebase.monotonic()) < end:
            self._timebase.wait(self._never, self._sampler.next_drain - now)
            self._sampler.drain()
            health = self._sampler.health()
            if health.state == "running":
                well = self._timebase.monotonic()
            elif self._timebase.monotonic() > well + FAULT_SECONDS:
                raise CalibrationError(
                    f"the sensor fails: {health.error or 'no samples come'}".rstrip("."),
                    remedy="See `harpi doctor`",
                )
            blocks, self._blocks[:] = self._blocks[:], []
            yield from blocks
            self._tick()
