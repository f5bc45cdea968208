from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.imu.emulator.signal_path import ACCEL_DLPF, GYRO_DLPF, LowPass

ZERO = np.zeros(1, np.float32)


def response(low_pass: LowPass, rate: float, hertz: float) -> complex:
    """Gain and phase at one frequency, dead time included."""
    impulse = np.zeros((8192, 1), np.float32)
    impulse[0] = 1.0
    times = np.arange(8192) / rate + low_pass.dead_time
    return complex(low_pass.run(impulse, ZERO)[:, 0] @ np.exp(-2j * np.pi * hertz * times))


@pytest.mark.parametrize(
    ("rate", "bandwidth", "delay"),
    [
        *((1000.0, *entry) for entry in ACCEL_DLPF),
        *((1000.0, *entry) for entry in GYRO_DLPF[1:7]),
        (8000.0, *GYRO_DLPF[0]),
    ],
)
def test_the_band_ends_where_the_data_sheet_says(
    rate: float, bandwidth: float, delay: float
) -> None:
    low_pass = LowPass(rate, bandwidth, delay)
    assert abs(response(low_pass, rate, 0.0)) == pytest.approx(1.0, abs=1e-4)
    assert abs(response(low_pass, rate, bandwidth)) == pytest.approx(0.5**0.5, abs=1e-3)


@pytest.mark.parametrize(("bandwidth", "delay"), [*ACCEL_DLPF[1:5], *GYRO_DLPF[1:5]])
def test_slow_signals_are_late_by_what_the_data_sheet_says(
    bandwidth: float, delay: float
) -> None:
    phase = np.angle(response(LowPass(1000.0, bandwidth, delay), 1000.0, 0.1))
    assert -phase / (2 * np.pi * 0.1) == pytest.approx(delay, abs=2e-5)


@given(st.lists(st.integers(1, 200), min_size=1, max_size=8), st.integers(0, 99))
def test_blocks_of_any_length_give_the_same(lengths: list[int], seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(sum(lengths), 3)).astype(np.float32)
    low_pass = LowPass(1000.0, 44.0, 4.9e-3)
    state = np.ones(3, np.float32)
    whole = low_pass.run(values, state)
    parts = []
    for part in np.split(values, np.cumsum(lengths)[:-1]):
        parts.append(low_pass.run(part, state))
        state = parts[-1][-1]
    assert np.allclose(np.vstack(parts), whole, atol=1e-5)
