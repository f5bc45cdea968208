from __future__ import annotations

import pytest

from harpi.errors import ConfigError
from harpi.imu.chip import ChipSettings, dlpf_for, lsb_by_range


def settings(
    rate: int = 50, accel_range: int = 8, gyro_range: int = 1000, dlpf: int = 4
) -> ChipSettings:
    return ChipSettings(rate, accel_range, gyro_range, dlpf)


@pytest.mark.parametrize(
    ("rate", "dlpf"), [(25, 5), (50, 4), (100, 3), (200, 2), (500, 1), (1000, 1)]
)
def test_the_low_pass_is_the_widest_below_half_the_rate(rate: int, dlpf: int) -> None:
    assert dlpf_for(rate) == dlpf


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"rate": 24}, "sensor.rate"),
        ({"rate": 1001}, "sensor.rate"),
        ({"rate": 60}, "sensor.rate"),
        ({"dlpf": 7}, "sensor.dlpf"),
        ({"dlpf": -1}, "sensor.dlpf"),
        ({"rate": 25, "dlpf": 0}, "sensor.dlpf"),
        ({"accel_range": 3}, "sensor.accel_range"),
        ({"gyro_range": 100}, "sensor.gyro_range"),
    ],
)
def test_what_the_chip_does_not_have_is_refused(wrong: dict[str, int], key: str) -> None:
    with pytest.raises(ConfigError, match=f"^{key}: .* Choose "):
        settings(**wrong)


@pytest.mark.parametrize("rate", [25, 40, 50, 100, 125, 200, 250, 500, 1000])
@pytest.mark.parametrize("dlpf", [0, 1, 6])
def test_the_divider_gives_the_rate(rate: int, dlpf: int) -> None:
    if (rate, dlpf) == (25, 0):
        return  # refused, see above
    divider = settings(rate=rate, dlpf=dlpf).registers()[0x19]
    assert (1000 if dlpf else 8000) / (1 + divider) == rate


def test_ranges_stand_in_bits_4_and_3() -> None:
    for bits, accel_range in enumerate((2, 4, 8, 16)):
        assert settings(accel_range=accel_range).registers()[0x1C] == bits << 3
    for bits, gyro_range in enumerate((250, 500, 1000, 2000)):
        assert settings(gyro_range=gyro_range).registers()[0x1B] == bits << 3


def test_a_range_is_read_back_whatever_the_other_bits_are() -> None:
    assert lsb_by_range(0b1110_1111, {1: 10.0, 2: 20.0, 4: 40.0, 8: 80.0}) == 20.0
