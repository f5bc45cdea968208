"""What can be set on the chip, and the register contents that say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
