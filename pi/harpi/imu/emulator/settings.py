"""What the registers ask of the signal path, for every chip that answers as an MPU-6050.

Only what a driver of samples meets is modelled: the self-test of the MPU-6500 family, its
other filters at 4 and 32 kHz and its FIFO that can stop when full are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.imu.emulator import registers as reg

ACCEL_RATE: Final = 1000
"""Samples per second of the accelerometer, whatever the gyroscope's rate."""

_CYCLE_STEPS: Final = (800, 200, 50, 25)  # ms between the samples of LP_WAKE_CTRL 0..3

_GYRO_LSB: Final = (131.0, 65.5, 32.8, 16.4)  # per deg/s, by FS_SEL


@dataclass(frozen=True, slots=True)
class Setting:
    """What the registers ask of the signal path.

    Attributes:
        rate: ticks per second of the chip's clock, the gyroscope's output rate.
        step: ticks from one output to the next.
        accel_dlpf: DLPF_CFG of the accelerometer.
        gyro_dlpf: DLPF_CFG of the gyroscope.
        accel_lsb: LSB per g.
        gyro_lsb: LSB per deg/s.
        offset: what is added to the six axes, g and deg/s.
        temperature: word of the temperature sensor.
        held: which of the seven words keep the value they have (stand-by).
    """

    rate: int
    step: int
    accel_dlpf: int
    gyro_dlpf: int
    accel_lsb: float
    gyro_lsb: float
    offset: tuple[float, ...]
    temperature: int
    held: tuple[bool, ...]


class Specimen:
    """One piece of silicon: what differs from chip to chip and survives a reset.

    Args:
        who_am_i: content of WHO_AM_I.
        rng: draws the factory's trims and self-test codes.
        bias: float64 ``[6]``, zero-g and zero-rate error in g and deg/s.
        self_test_error: float64, one or ``[6]``, by how much the self-test response misses the
            factory's.
        variant: what it is; where None, what answers with its WHO_AM_I.
    """

    def __init__(
        self,
        who_am_i: int,
        rng: np.random.Generator,
        bias: NDArray[np.float64],
        self_test_error: NDArray[np.float64],
        variant: Variant | None = None,
    ) -> None:
        self.who_am_i = who_am_i
        self.variant: Variant = variant or variant_of(who_am_i)
        self._bias = bias
        codes = rng.integers(8, 25, 6).tolist()
        self._self_test = factory_trim(codes) * (1.0 + self_test_error)
        self._self_test_registers = self_test_registers(codes)
        self._accel_trims = rng.integers(-3000, 3000, 3).tolist()

    def writable(self, register: int) -> bool:
        """Whether a register keeps what is written to it."""
        return register in reg.WRITABLE or any(
            register - high in (0, 1) for high in self.variant.accel_offsets
        )

    def fifo_words(self, enabled: int) -> list[int]:
        """Give which of the seven sensor words go into a frame, by the content of FIFO_EN."""
        if self.variant.frames_with_temperature:
            accel, gyro = enabled & reg.ACCEL_FIFO_EN, enabled & reg.ZG_FIFO_EN
            return [
                *([0, 1, 2] if accel else []),
                *([3] if accel or gyro else []),
                *([4, 5, 6] if gyro else []),
            ]
        return [
            *([0, 1, 2] if enabled & reg.ACCEL_FIFO_EN else []),
            *([3] if enabled & reg.TEMP_FIFO_EN else []),
            *([4] if enabled & reg.XG_FIFO_EN else []),
            *([5] if enabled & reg.YG_FIFO_EN else []),
            *([6] if enabled & reg.ZG_FIFO_EN else []),
        ]

    def power_up(self) -> bytearray:
        """Give the 128 registers as they are after a reset."""
        regs = bytearray(128)
        regs[reg.PWR_MGMT_1] = self.variant.power
        regs[reg.WHO_AM_I] = self.who_am_i
        regs[reg.SELF_TEST_X : reg.SELF_TEST_X + 4] = self._self_test_registers
        for high, trim in zip(self.variant.accel_offsets, self._accel_trims, strict=True):
            regs[high : high + 2] = int(trim).to_bytes(2, "big", signed=True)
        return regs

    def setting(self, regs: bytearray, temperature: float) -> Setting | None:
        """Read from the registers how to sample; None when asleep or without a clock.

        Args:
            regs: the 128 registers.
            temperature: of the die in degrees Celsius.
        """
        power, standby = regs[reg.PWR_MGMT_1], regs[reg.PWR_MGMT_2]
        if power & (reg.SLEEP | reg.DEVICE_RESET) or power & reg.CLKSEL == reg.CLKSEL_STOP:
            return None
        dlpf = regs[reg.CONFIG] & reg.DLPF_CFG
        rate = 8 * ACCEL_RATE if dlpf in (0, 7) else ACCEL_RATE
        undivided = self.variant.is_6500 and rate != ACCEL_RATE
        step = 1 if undivided else 1 + regs[reg.SMPLRT_DIV]
        held = [bool(standby & 0x20 >> k) for k in range(6)]
        if power & reg.CYCLE:
            # It wakes for one unfiltered sample of the accelerometer (RM p.41).
            rate, step, dlpf = ACCEL_RATE, _CYCLE_STEPS[standby >> 6], 0
            held[3:] = [True] * 3
        own_dlpf = regs[reg.ACCEL_CONFIG2] & reg.DLPF_CFG
        celsius = temperature - self.variant.temperature_zero
        return Setting(
            rate=rate,
            step=step,
            accel_dlpf=own_dlpf if self.variant.is_6500 else dlpf,
            gyro_dlpf=dlpf,
            accel_lsb=16384.0 / (1 << (regs[reg.ACCEL_CONFIG] >> reg.FS_SEL_SHIFT & 3)),
            gyro_lsb=_GYRO_LSB[regs[reg.GYRO_CONFIG] >> reg.FS_SEL_SHIFT & 3],
            offset=tuple((self._bias + self._offsets(regs)).tolist()),
            temperature=round(celsius * self.variant.temperature_lsb),
            held=(*held[:3], bool(power & reg.TEMP_DIS), *held[3:]),
        )

    def _offsets(self, regs: bytearray) -> NDArray[np.float64]:
        """What the offset registers and a running self-test add, in g and deg/s."""
        highs = [*self.variant.accel_offsets, *range(reg.XG_OFFS, reg.XG_OFFS + 6, 2)]
        words = [int.from_bytes(regs[high : high + 2], "big", signed=True) for high in highs]
        # Bit 0 of the accelerometer's words is no part of the number.
        accel = [
            ((word & ~1) - (trim & ~1)) / 2048.0
            for word, trim in zip(words[:3], self._accel_trims, strict=True)
        ]
        gyro = [word / 32.8 for word in words[3:]]
        testing = [
            bool(regs[register] & 0x80 >> axis)
            for register in (reg.ACCEL_CONFIG, reg.GYRO_CONFIG)
            for axis in range(3)
        ]
        return np.array([*accel, *gyro]) + np.where(testing, self._self_test, 0.0)


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
        padding: bytes at the end of each frame that mean nothing.
    """

    temperature_lsb: float = 340.0
    temperature_zero: float = 36.53
    fifo_size: int = 1024
    accel_offsets: tuple[int, int, int] = (reg.XA_OFFS, reg.XA_OFFS + 2, reg.XA_OFFS + 4)
    power: int = reg.SLEEP
    is_6500: bool = False
    frames_with_temperature: bool = False
    padding: int = 0


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
