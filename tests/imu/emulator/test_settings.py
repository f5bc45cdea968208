"""What differs from chip to chip: self-test, trims, and the family of the MPU-6500."""

from __future__ import annotations

import numpy as np
import pytest

from harpi.imu.emulator.settings import factory_trim, self_test_registers
from tests.support.bench import Bench, Held


def codes(registers: bytes) -> tuple[list[int], list[int]]:
    """Unpack accelerometer and gyroscope codes as the register map (p. 10) draws them."""
    x, y, z, low = registers
    accel = [x >> 5 << 2 | low >> 4 & 3, y >> 5 << 2 | low >> 2 & 3, z >> 5 << 2 | low & 3]
    return accel, [x & 31, y & 31, z & 31]


def self_test_response(bench: Bench) -> np.ndarray:
    bench.wake(dlpf=6, gyro=0x00, accel=0x10, settle=1.0)
    off = bench.words()
    bench.write(0x1B, 0xE0, 0xF0)
    bench.time.advance(1.0)
    response: np.ndarray = np.delete(bench.words() - off, 3)
    return response


@pytest.mark.parametrize("seed", range(5))
def test_the_self_test_response_matches_the_factory_trim(seed: int) -> None:
    bench = Bench(seed=seed, bias=(0.04, -0.03, 0.07, 5.0, -12.0, 18.0))
    response = self_test_response(bench)
    accel, gyro = codes(bench.read(0x0D, 4))
    trim = [4096 * 0.34 * (0.92 / 0.34) ** ((code - 1) / 30) for code in accel]
    trim += [
        sign * 25 * 131 * 1.046 ** (code - 1)
        for sign, code in zip((1, -1, 1), gyro, strict=True)
    ]
    assert (np.abs(response - trim) / np.abs(trim)).max() < 0.02


def test_a_chip_can_fail_its_self_test() -> None:
    bench = Bench(self_test_error=-0.3)
    response = self_test_response(bench)
    accel, gyro = codes(bench.read(0x0D, 4))
    trim = factory_trim([*accel, *gyro]) * ([4096] * 3 + [131] * 3)
    assert response / trim == pytest.approx([0.7] * 6, abs=0.02)


def test_a_code_of_zero_has_no_response() -> None:
    assert factory_trim([0] * 6).tolist() == [0.0] * 6


def test_codes_are_packed_as_the_register_map_draws_them() -> None:
    assert codes(self_test_registers([31, 1, 18, 5, 30, 9])) == ([31, 1, 18], [5, 30, 9])


def test_bias_shows_and_the_offset_registers_cancel_it() -> None:
    bench = Bench(Held(*[0.0] * 6), noise=False, bias=(0.05, -0.05, 0.08, 20.0, -20.0, 1.0))
    bench.wake()
    words = np.delete(bench.words(), 3)
    assert words[:3] / 16384 == pytest.approx([0.05, -0.05, 0.08], abs=1e-4)
    assert words[3:] / 131 == pytest.approx([20.0, -20.0, 1.0], abs=0.01)
    for axis, bias in enumerate((0.05, -0.05, 0.08)):
        trim = int.from_bytes(bench.read(0x06 + 2 * axis, 2), "big", signed=True)
        offset = (trim - round(bias * 2048)) & ~1 | trim & 1  # bit 0 is kept
        bench.write(0x06 + 2 * axis, *offset.to_bytes(2, "big", signed=True))
    for axis, bias in enumerate((20.0, -20.0, 1.0)):
        offset = -round(bias * 32.8)
        bench.write(0x13 + 2 * axis, *offset.to_bytes(2, "big", signed=True))
    bench.time.advance(0.1)
    words = np.delete(bench.words(), 3)
    assert words[:3] / 16384 == pytest.approx([0.0] * 3, abs=2 / 2048)
    assert words[3:] / 131 == pytest.approx([0.0] * 3, abs=1 / 32.8)


@pytest.mark.parametrize(
    ("who_am_i", "lsb", "zero"),
    [
        (0x68, 340.0, 36.53),
        (0x72, 340.0, 36.53),
        (0x70, 333.87, 21.0),
        (0x71, 333.87, 21.0),
        (0x98, 326.8, 25.0),
        (0x12, 326.8, 25.0),
    ],
)
def test_clones_have_their_own_id_and_temperature_scale(
    who_am_i: int, lsb: float, zero: float
) -> None:
    bench = Bench(who_am_i=who_am_i, temperature=47.0)
    bench.wake()
    assert bench.read(0x75) == bytes([who_am_i])
    assert bench.words()[3] / lsb + zero == pytest.approx(47.0, abs=0.01)


def noise(bench: Bench) -> float:
    bench.start_fifo()
    bench.time.advance(0.03)
    bench.frames()
    bench.time.advance(0.03)
    return float(bench.frames()[:, :3].std())


def test_the_6500_family_filters_its_accelerometer_by_another_register() -> None:
    bench = Bench(Held(*[0.0] * 6), who_am_i=0x70)
    bench.wake(dlpf=6)
    wide = noise(bench)
    bench.write(0x1D, 0x06)
    bench.time.advance(0.5)
    assert noise(bench) < wide / 3


def test_the_6500_family_has_its_accelerometer_offsets_elsewhere() -> None:
    bench = Bench(Held(*[0.0] * 6), who_am_i=0x71, noise=False)
    bench.wake()
    for axis, register in enumerate((0x77, 0x7A, 0x7D)):
        trim = int.from_bytes(bench.read(register, 2), "big", signed=True)
        bench.write(register, *(trim + 2048).to_bytes(2, "big", signed=True))
        bench.time.advance(0.1)
        assert bench.words()[axis] == 16384


def test_the_6500_family_has_half_the_fifo() -> None:
    bench = Bench(who_am_i=0x98)
    bench.wake()
    bench.start_fifo()
    bench.time.advance(1.0)
    assert bench.fifo_count() == 512


def test_the_6500_family_ignores_the_divider_at_eight_kilohertz() -> None:
    bench = Bench(who_am_i=0x70)
    bench.wake(dlpf=0, divider=79)
    assert bench.chip.sample_period == pytest.approx(1 / 8000)
    bench.write(0x1A, 0x01)
    assert bench.chip.sample_period == pytest.approx(80 / 1000)


def test_an_mpu_9250_is_awake_after_a_reset() -> None:
    bench = Bench(who_am_i=0x71)
    bench.write(0x6B, 0x80)
    bench.time.advance(0.2)
    assert bench.read(0x6B) == b"\x01"
    assert bench.chip.samples > 0


def test_an_icm_20602_puts_the_temperature_into_every_frame() -> None:
    bench = Bench(who_am_i=0x12, noise=False)
    bench.wake(divider=9)
    bench.start_fifo(0x18)
    bench.time.advance(0.025)
    assert bench.frames(7).tolist() == [bench.words().tolist()] * 2


def test_scale_and_misalignment_are_those_that_were_planted() -> None:
    gain = [[1.02, 0.01, 0.0], [0.01, 0.98, 0.0], [0.0, 0.0, 1.0]]
    bench = Bench(Held(0.5, 1.0, 0.0, 7.0, 0, 0), noise=False, accel_gain=gain)
    bench.wake()
    words = np.delete(bench.words(), 3)
    assert words[:3] / 16384 == pytest.approx([0.52, 0.985, 0.0], abs=1e-3)
    assert words[3] / 131 == pytest.approx(7.0, abs=0.05)
