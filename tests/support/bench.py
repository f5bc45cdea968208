"""A chip on a bus in virtual time, with the register operations of a test."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harpi.imu.emulator import Chip, EmulatedBus, FaultPlan, Motion, Still, VirtualTime
from harpi.types import FloatArray, TimeArray

ADDRESS = 0x68


class Held:
    """A motion that stays as it is until it is told to become another."""

    def __init__(self, *values: float) -> None:
        self.revision = 0
        self.become(*values)

    def become(self, *values: float) -> None:
        self._values = np.array(values, np.float32)
        self.revision += 1

    def values(self, times: TimeArray) -> FloatArray:
        return np.tile(self._values, (len(times), 1))


class Bench:
    """One emulated chip; further arguments go to it."""

    def __init__(
        self,
        motion: Motion | None = None,
        *,
        scl_hz: int = 400_000,
        faults: FaultPlan | None = None,
        **chip: Any,
    ) -> None:
        self.time = VirtualTime()
        self.chip = Chip(motion or Still(), self.time, **chip)
        self.bus = EmulatedBus({ADDRESS: self.chip}, self.time, scl_hz=scl_hz, faults=faults)

    def read(self, register: int, length: int = 1) -> bytes:
        return self.bus.transfer(ADDRESS, bytes([register]), length)

    def write(self, register: int, *values: int) -> None:
        self.bus.transfer(ADDRESS, bytes([register, *values]))

    def wake(
        self,
        *,
        divider: int = 0,
        dlpf: int = 1,
        gyro: int = 0,
        accel: int = 0,
        settle: float = 0.2,
    ) -> None:
        """Wake the chip, configure it, and wait for its gyroscope to settle."""
        self.write(0x6B, 0x01)
        self.write(0x19, divider, dlpf, gyro, accel)
        self.time.advance(settle)

    def start_fifo(self, sources: int = 0x78) -> None:
        self.write(0x23, sources)
        self.write(0x6A, 0x04)
        self.write(0x6A, 0x40)

    def words(self) -> NDArray[np.int64]:
        """Read the seven sensor words in one burst."""
        return np.frombuffer(self.read(0x3B, 14), ">i2").astype(np.int64)

    def fifo_count(self) -> int:
        return int.from_bytes(self.read(0x72, 2), "big")

    def frames(self, width: int = 6) -> NDArray[np.int64]:
        """Empty the FIFO: whole frames of `width` words."""
        content = self.read(0x74, self.fifo_count() // (2 * width) * 2 * width)
        return np.frombuffer(content, ">i2").reshape(-1, width).astype(np.int64)
