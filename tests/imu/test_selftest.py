"""The self-test against the factory trim."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.errors import SensorMoves
from harpi.imu.bus import RegisterAccess
from harpi.imu.emulator.settings import factory_trim as emulated_trim
from harpi.imu.emulator.settings import self_test_registers
from harpi.imu.selftest import AXES, AxisTest, factory_trim, self_test
from tests.support.bench import Bench
from tests.support.stage import Stage


def examined(bench: Bench) -> tuple[AxisTest, ...]:
    return self_test(RegisterAccess(bench.bus, bench.time, 0x68))


@given(st.lists(st.integers(0, 31), min_size=6, max_size=6))
def test_driver_and_emulator_read_the_register_map_alike(codes: list[int]) -> None:
    assert factory_trim(self_test_registers(codes)) == pytest.approx(emulated_trim(codes))


@pytest.mark.parametrize("seed", range(4))
def test_a_good_chip_passes_whatever_its_bias(seed: int) -> None:
    axes = examined(Bench(seed=seed, bias=(0.05, -0.05, 0.08, 20, -20, 11)))
    assert [axis.axis for axis in axes] == list(AXES)
    assert all(axis.passed for axis in axes)
    assert max(abs(axis.deviation or 1.0) for axis in axes) < 0.03


@pytest.mark.parametrize("axis", range(6))
@pytest.mark.parametrize("error", [-0.5, 0.2])
def test_one_bad_axis_is_found(axis: int, error: float) -> None:
    errors = np.zeros(6)
    errors[axis] = error
    axes = examined(Bench(self_test_error=errors))
    assert [a.axis for a in axes if not a.passed] == [AXES[axis]]
    assert axes[axis].deviation == pytest.approx(error, abs=0.03)


def test_without_a_trim_nothing_can_be_said() -> None:
    assert AxisTest("accel x", 0.5, 0.0).deviation is None
    assert not AxisTest("accel x", 0.5, 0.0).passed


def test_a_sensor_that_moves_is_refused() -> None:
    bench = Bench()
    worn = Stage(bench.time)
    worn.perform("walking", 0)
    with pytest.raises(SensorMoves, match="looks like a response"):
        examined(Bench(worn))


def test_it_leaves_the_chip_asleep() -> None:
    bench = Bench()
    examined(bench)
    assert bench.read(0x6B) == b"\x40"
