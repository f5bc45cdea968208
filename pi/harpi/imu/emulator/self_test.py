"""What the chip's self-test answers (RM-MPU-6000A r4.2, registers 0x0D to 0x10)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def factory_trim(codes: Sequence[int]) -> NDArray[np.float64]:
    """Turn the factory's self-test codes into the response that the chip had there.

    At +/-250 deg/s and +/-8 g the register map gives, in LSB, 25 * 131 * 1.046^(t-1) for the
    gyroscope, negative on y, and 4096 * 0.34 * (0.92 / 0.34)^((t-1) / 30) for the
    accelerometer; without the LSB per unit (131, 4096) these are deg/s and g.

    Args:
        codes: six codes 0..31, accel x y z, gyro x y z; 0 where there is none.

    Returns:
        float64 ``[6]``, g and deg/s.
    """
    t = np.asarray(codes, np.float64)
    accel = 0.34 * (0.92 / 0.34) ** ((t[:3] - 1.0) / 30.0)
    gyro = 25.0 * 1.046 ** (t[3:] - 1.0) * np.array([1.0, -1.0, 1.0])
    return np.where(t > 0.0, np.concatenate([accel, gyro]), 0.0)


def self_test_registers(codes: Sequence[int]) -> bytes:
    """Pack six codes (accel x y z, gyro x y z) into the registers 0x0D to 0x10."""
    accel, gyro = codes[:3], codes[3:]
    high = [(a >> 2) << 5 | g for a, g in zip(accel, gyro, strict=True)]
    low = (accel[0] & 3) << 4 | (accel[1] & 3) << 2 | (accel[2] & 3)
    return bytes([*high, low])
