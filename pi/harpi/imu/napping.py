"""The chip nearly asleep: a look at the acceleration now and then, and an alarm for motion.

In its cycle mode (RM-MPU-6000A r4.2, p. 40 to 42) the chip sleeps and wakes five times a second
for one sample of the accelerometer; gyroscopes and FIFO are off. By its data sheet (6.3) it
then takes 20 µA instead of 3.8 mA.

Its motion interrupt compares each sample with the one that a high-pass filter holds. Registers
and units are those of the register map up to r4.0; r4.2 has greyed them out, and dies are said
to differ. So the host compares, too: one read of seven bytes brings the interrupt, which stays
until it is read, and the acceleration.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.errors import ChipNotConfigured
from harpi.imu import registers as reg
from harpi.imu.bus import RegisterAccess

POLL_SECONDS: Final = 0.4
"""How often the host looks. Together with the start of the chip that stays below the 0.6 s next
to a press that are not learnt."""

ALARM_G: Final = 0.08
"""g from which the chip raises the alarm: seven times the noise of two unfiltered samples."""

MOVED_G: Final = 0.05
"""g from which the host does, whose reference has hardly any noise: six times that of one."""

_SETTLE_SECONDS: Final = 0.01
_MEMORY_LOOKS: Final = 8
"""Looks over which the reference is a mean, so that it follows what drifts."""

_STUCK_LOOKS: Final = 25
"""Looks at the same values, to the last bit, after which the chip is taken to have failed."""


class Nap:
    """One nap, from `begin` until the chip is started again.

    Args:
        registers: of the chip, which is awake and configured.
        accel_config: content of ACCEL_CONFIG.
        per_g: LSB per g in it.
        where: the chip, for messages.
    """

    def __init__(
        self,
        registers: RegisterAccess,
        accel_config: int,
        per_g: float,
        where: str,
    ) -> None:
        self._registers = registers
        self._accel_config = accel_config
        self._per_g = per_g
        self._reference: NDArray[np.float64] | None = None
        self._where = where
        self._last = b""
        self._alike = 0

    @property
    def registers(self) -> Mapping[int, int]:
        """What must be read back as long as it lasts."""
        return {
            reg.ACCEL_CONFIG: self._accel_config | reg.HIGH_PASS_HOLD,
            reg.MOTION_THRESHOLD: round(ALARM_G / reg.MOTION_G_PER_LSB),
            reg.MOTION_DURATION: 1,
            reg.FIFO_EN: 0,
            reg.INT_ENABLE: reg.MOTION,
            reg.USER_CTRL: 0,
            reg.PWR_MGMT_1: reg.CYCLE,
            reg.PWR_MGMT_2: reg.WAKE_5_HZ | reg.STANDBY_GYRO,
        }

    def begin(self) -> None:
        """Let the chip hold the present sample, then send it to sleep.

        Raises:
            SensorError: the bus failed.
        """
        wanted = dict(self.registers)
        power = {name: wanted.pop(name) for name in (reg.PWR_MGMT_1, reg.PWR_MGMT_2)}
        self._registers.write_all({**wanted, reg.ACCEL_CONFIG: self._accel_config})
        self._registers.wait(_SETTLE_SECONDS)
        self._registers.write(reg.ACCEL_CONFIG, wanted[reg.ACCEL_CONFIG])
        self._registers.wait(_SETTLE_SECONDS)
        self._registers.read(reg.INT_STATUS)
        self._registers.write_all(power)

    def moved(self) -> bool:
        """Look whether the chip was moved since the last look.

        Raises:
            ChipNotConfigured: its values no longer change, not even by noise.
            SensorError: the bus failed.
        """
        status, *rest = self._registers.read(reg.INT_STATUS, 7)
        content = bytes(rest)
        self._alike = self._alike + 1 if content == self._last else 0
        self._last = content
        if self._alike >= _STUCK_LOOKS:
            raise ChipNotConfigured(
                "the values no longer change, not even by noise",
                where=self._where,
                remedy="If it happens again, check the sensor's supply or replace it",
            )
        if status & reg.MOTION:
            return True
        now = np.frombuffer(content, ">i2") / self._per_g
        if self._reference is None:
            self._reference = now
        step = now - self._reference
        self._reference = self._reference + step / _MEMORY_LOOKS
        return bool(np.abs(step).max() > MOVED_G)
