"""The chip's self-test: does it answer as it did in the factory?

The chip can push its own masses by a known force; what this adds to the output is the
self-test response (STR). The response that the factory measured, the factory trim (FT), is
kept in four registers. RM-MPU-6000A r4.2, p. 9 to 11; limits PS-MPU-6000A r3.4, 6.1 and 6.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.errors import SensorMoves
from harpi.imu import registers as reg
from harpi.imu.bus import RegisterAccess

TOLERANCE: Final = 0.14
"""Share of the factory trim by which the response may differ from it."""

AXES: Final = ("accel x", "accel y", "accel z", "gyro x", "gyro y", "gyro z")

_LOW_PASS: Final = 3  # 44 Hz: settles within 20 ms
_ACCEL_8_G: Final = 0x10
_GYRO_250_DEG_S: Final = 0x00
_PER_G: Final = reg.ACCEL_LSB_PER_G[8]
_PER_DEG_S: Final = reg.GYRO_LSB_PER_DEG_S[250]
_READINGS: Final = 50
_READING_SECONDS: Final = 0.004
_SETTLE_SECONDS: Final = 0.25
_RESET_SECONDS: Final = 0.1
_MOVES_G: Final = 0.05
_MOVES_DEG_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class AxisTest:
    """How one axis answered.

    Attributes:
        axis: of `AXES`.
        response: g or deg/s that the self-test added.
        trim: what it added in the factory; 0 where the chip does not say.
    """

    axis: str
    response: float
    trim: float

    @property
    def deviation(self) -> float | None:
        """Share of the trim by which the response differs; None without a trim."""
        return self.response / self.trim - 1 if self.trim else None

    @property
    def passed(self) -> bool:
        """Whether it is within `TOLERANCE`; an axis without a trim cannot be."""
        return self.deviation is not None and abs(self.deviation) <= TOLERANCE


def factory_trim(registers: bytes) -> NDArray[np.float64]:
    """Give the trims that the registers 0x0D to 0x10 stand for.

    For a code t the register map gives, in LSB at 250 deg/s and 8 g: gyro
    25 * 131 * 1.046^(t-1), negative on y; accel 4096 * 0.34 * (0.92 / 0.34)^((t-1) / 30);
    0 where t is 0.

    Args:
        registers: their four bytes.

    Returns:
        float64 ``[6]``, g and deg/s, in the order of `AXES`.
    """
    *high, low = registers
    accel = [(byte >> 5) << 2 | low >> 4 - 2 * n & 0x03 for n, byte in enumerate(high)]
    gyro = [byte & 0x1F for byte in high]
    t = np.array([*accel, *gyro], np.float64)
    trims = np.concatenate(
        [
            0.34 * (0.92 / 0.34) ** ((t[:3] - 1) / 30),
            25.0 * 1.046 ** (t[3:] - 1) * np.array([1.0, -1.0, 1.0]),
        ]
    )
    return np.where(t > 0, trims, 0.0)


def self_test(registers: RegisterAccess) -> tuple[AxisTest, ...]:
    """Let a resting MPU-6050 test itself; takes about a second and leaves it asleep.

    Chips of the MPU-6500 family keep other codes in other registers and cannot be tested so.

    Args:
        registers: of the chip, which nobody else uses meanwhile.

    Returns:
        All six axes.

    Raises:
        SensorMoves: the chip moves, which looks like a response to the self-test.
        SensorError: the bus failed.
    """
    registers.write(reg.PWR_MGMT_1, reg.DEVICE_RESET)
    registers.wait(_RESET_SECONDS)
    registers.write(reg.PWR_MGMT_1, reg.CLOCK_PLL_X_GYRO)
    registers.write(reg.CONFIG, _LOW_PASS)
    trims = factory_trim(registers.read(reg.SELF_TEST_X, 4))
    resting = _mean(registers, 0)
    pushed = _mean(registers, reg.SELF_TEST)
    registers.write(reg.PWR_MGMT_1, reg.SLEEP)
    response = (pushed - resting).tolist()
    return tuple(map(AxisTest, AXES, response, trims.tolist()))


def _mean(registers: RegisterAccess, self_test_bits: int) -> NDArray[np.float64]:
    """Average readings with the self-test on or off; float64 ``[6]``, g and deg/s."""
    registers.write(
        reg.GYRO_CONFIG, _GYRO_250_DEG_S | self_test_bits, _ACCEL_8_G | self_test_bits
    )
    registers.wait(_SETTLE_SECONDS)
    readings = []
    for _ in range(_READINGS):
        readings.append(np.frombuffer(registers.read(reg.ACCEL_XOUT_H, 14), ">i2"))
        registers.wait(_READING_SECONDS)
    values = np.delete(np.array(readings, np.float64), 3, axis=1)
    values /= [_PER_G] * 3 + [_PER_DEG_S] * 3
    if (values.std(axis=0) > [_MOVES_G] * 3 + [_MOVES_DEG_S] * 3).any():
        raise SensorMoves(
            "the sensor moves, which looks like a response to the self-test",
            remedy="Lay it down, leave it alone, and repeat",
        )
    mean: NDArray[np.float64] = values.mean(axis=0)
    return mean
