"""What can be set on the chip, and which chip answers: MPU-6050, relative or clone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from harpi.errors import ConfigError
from harpi.imu import registers as reg


@dataclass(frozen=True, slots=True)
class ChipSettings:
    """Rate, filter and ranges; refused where the chip does not have them.

    Attributes:
        rate: samples per second, 25 to 1000; 1000 / rate must be a whole number.
        accel_range: full scale in g: 2, 4, 8 or 16.
        gyro_range: full scale in deg/s: 250, 500, 1000 or 2000.
        dlpf: low-pass setting, 0 to 6.

    Raises:
        ConfigError: a setting that the chip does not have.
    """

    rate: int
    accel_range: int
    gyro_range: int
    dlpf: int

    def __post_init__(self) -> None:
        if not 0 <= self.dlpf < len(reg.DLPF_BANDWIDTH):
            raise ConfigError(
                f"there is no low-pass setting {self.dlpf}",
                where="sensor.dlpf",
                remedy="Choose 0 to 6",
            )
        if not 25 <= self.rate <= reg.BASE_RATE or reg.BASE_RATE % self.rate:
            raise ConfigError(
                f"the chip cannot sample at {self.rate} Hz",
                where="sensor.rate",
                remedy="Choose 25 to 1000 such that 1000 / rate is a whole number, e.g. 50",
            )
        if self._divider > 0xFF:
            raise ConfigError(
                f"the chip cannot sample at {self.rate} Hz with low-pass setting 0",
                where="sensor.dlpf",
                remedy="Choose 1 to 6, or leave it out",
            )
        _require_range(self.accel_range, reg.ACCEL_LSB_PER_G, "sensor.accel_range")
        _require_range(self.gyro_range, reg.GYRO_LSB_PER_DEG_S, "sensor.gyro_range")

    @property
    def _divider(self) -> int:
        base = reg.BASE_RATE if self.dlpf else reg.UNFILTERED_BASE_RATE
        return base // self.rate - 1

    def registers(self) -> dict[int, int]:
        """Give the contents of SMPLRT_DIV, CONFIG, GYRO_CONFIG and ACCEL_CONFIG."""
        gyro = list(reg.GYRO_LSB_PER_DEG_S).index(self.gyro_range)
        accel = list(reg.ACCEL_LSB_PER_G).index(self.accel_range)
        return {
            reg.SMPLRT_DIV: self._divider,
            reg.CONFIG: self.dlpf,
            reg.GYRO_CONFIG: gyro << reg.RANGE_SHIFT,
            reg.ACCEL_CONFIG: accel << reg.RANGE_SHIFT,
        }


def dlpf_for(rate: float) -> int:
    """Choose the widest low-pass setting of 1 to 6 whose bandwidth lies below rate / 2.

    Setting 0 is never chosen unasked: with it the gyro runs at 8 kHz, and the MPU-6500
    family ignores the rate divider.
    """
    fitting = (n for n, hertz in enumerate(reg.DLPF_BANDWIDTH) if n and hertz < rate / 2)
    return next(fitting, len(reg.DLPF_BANDWIDTH) - 1)


def lsb_by_range(content: int, table: Mapping[int, float]) -> float:
    """Give the LSB per unit that a range register's content stands for."""
    return list(table.values())[(content & reg.RANGE_MASK) >> reg.RANGE_SHIFT]


def _require_range(full_scale: int, table: Mapping[int, float], key: str) -> None:
    if full_scale not in table:
        raise ConfigError(
            f"the chip has no range of {full_scale}",
            where=key,
            remedy="Choose one of " + ", ".join(str(choice) for choice in table),
        )


@dataclass(frozen=True, slots=True)
class Family:
    """Where chips that share the MPU-6050's registers differ from each other.

    Temperatures and FIFO sizes as in Linux `inv_mpu_core.c` (`hw_info`).

    Attributes:
        lsb_per_degree: temperature sensitivity, LSB/K.
        zero_degrees: temperature in °C at a reading of 0.
        fifo_size: bytes that the FIFO surely holds.
        own_accel_dlpf: the accelerometer's low-pass filter is set in ACCEL_CONFIG_2.
        temperature_in_fifo: frames always carry the temperature and have 14 bytes.
        accel_trims: register and length of the accelerometer's factory trims.
    """

    lsb_per_degree: float
    zero_degrees: float
    fifo_size: int
    own_accel_dlpf: bool = False
    temperature_in_fifo: bool = False
    accel_trims: tuple[int, int] = (0x06, 6)


_OTHER_TRIMS: Final = (0x77, 8)

MPU6050: Final = Family(lsb_per_degree=340.0, zero_degrees=36.53, fifo_size=1024)

MPU6500: Final = Family(
    lsb_per_degree=333.87,
    zero_degrees=21.0,
    fifo_size=512,
    own_accel_dlpf=True,
    accel_trims=_OTHER_TRIMS,
)

ICM20689: Final = Family(
    lsb_per_degree=326.8,
    zero_degrees=25.0,
    fifo_size=512,
    own_accel_dlpf=True,
    accel_trims=_OTHER_TRIMS,
)

ICM20602: Final = replace(ICM20689, fifo_size=1008, temperature_in_fifo=True)

LOOKALIKE: Final = replace(MPU6050, fifo_size=512)
"""A chip of unknown make: registers of an MPU-6050, the smallest FIFO that was ever seen."""


@dataclass(frozen=True, slots=True)
class ChipIdentity:
    """What a chip says that it is.

    Attributes:
        who_am_i: contents of the register WHO_AM_I.
        name: trade name.
        family: what sets it apart.
        clone: it is not the MPU-6050 that was asked for.
        known: somebody has seen this WHO_AM_I on a chip with these registers.
    """

    who_am_i: int
    name: str
    family: Family
    clone: bool = True
    known: bool = True


_KNOWN: Final = {
    identity.who_am_i: identity
    for identity in (
        ChipIdentity(0x68, "MPU-6050", MPU6050, clone=False),
        ChipIdentity(0x12, "ICM-20602", ICM20602),
        ChipIdentity(0x69, "MPU-6050 clone (0x69)", LOOKALIKE),
        ChipIdentity(0x70, "MPU-6500", MPU6500),
        ChipIdentity(0x71, "MPU-9250", MPU6500),
        ChipIdentity(0x72, "MPU-6050 clone (0x72)", LOOKALIKE),
        ChipIdentity(0x73, "MPU-9255", MPU6500),
        ChipIdentity(0x74, "MPU-6515", MPU6500),
        ChipIdentity(0x75, "MPU-6050 clone (0x75)", LOOKALIKE),
        ChipIdentity(0x78, "MPU-6880", MPU6500),
        ChipIdentity(0x98, "ICM-20689", ICM20689),
    )
}


def identify(who_am_i: int) -> ChipIdentity | None:
    """Name a chip by its WHO_AM_I.

    Returns:
        An identity, for a number that nobody has seen yet one of a `LOOKALIKE`; None for 0x00
        and 0xFF, which no chip answers: the bus is held low or nothing drives it.
    """
    if who_am_i in (0x00, 0xFF):
        return None
    unknown = ChipIdentity(who_am_i, f"unknown chip (0x{who_am_i:02X})", LOOKALIKE, known=False)
    return _KNOWN.get(who_am_i, unknown)
