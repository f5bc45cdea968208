"""The chips that answer where an MPU-6050 is expected, and in what they differ.

Only what a driver of samples meets is modelled: the self-test of the MPU-6500 family, its
other filters at 4 and 32 kHz and its FIFO that can stop when full are not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from harpi.imu.emulator import registers as reg


@dataclass(frozen=True, slots=True)
class Variant:
    """What the emulator must know of a chip besides its WHO_AM_I.

    Attributes:
        temperature_lsb: LSB per degree Celsius.
        temperature_zero: degrees Celsius at which the word is 0.
        fifo_size: bytes.
        accel_offsets: registers of the high bytes of the accelerometer offsets, x y z.
        power: PWR_MGMT_1 after a reset.
        is_6500: of the MPU-6500 family: the accelerometer has a filter of its own, set in
            0x1D, and the divider does nothing while the gyroscope runs at 8 kHz.
        frames_with_temperature: the FIFO takes whole sensors only (FIFO_EN 4 and 3), and each
            brings the temperature along.
    """

    temperature_lsb: float = 340.0
    temperature_zero: float = 36.53
    fifo_size: int = 1024
    accel_offsets: tuple[int, int, int] = (reg.XA_OFFS, reg.XA_OFFS + 2, reg.XA_OFFS + 4)
    power: int = reg.SLEEP
    is_6500: bool = False
    frames_with_temperature: bool = False


_MPU_6050: Final = Variant()
_MPU_6500: Final = Variant(333.87, 21.0, 512, (0x77, 0x7A, 0x7D), is_6500=True)
_MPU_9250: Final = replace(_MPU_6500, power=0x01)
_ICM_20689: Final = replace(_MPU_6500, temperature_lsb=326.8, temperature_zero=25.0)
_ICM_20602: Final = replace(
    _ICM_20689, fifo_size=1008, power=reg.SLEEP | 0x01, frames_with_temperature=True
)

VARIANTS: Final = {
    0x12: _ICM_20602,
    0x68: _MPU_6050,
    0x70: _MPU_6500,
    0x71: _MPU_9250,
    0x73: _MPU_9250,  # MPU-9255
    0x74: _MPU_6500,  # MPU-6515
    0x78: _MPU_6500,  # MPU-6880
    0x98: _ICM_20689,
}
"""By WHO_AM_I. The rest (0x69, 0x72, 0x75 ...) is taken for a relabelled MPU-6050."""


def variant_of(who_am_i: int) -> Variant:
    """Give the variant that answers with this WHO_AM_I."""
    return VARIANTS.get(who_am_i, _MPU_6050)
