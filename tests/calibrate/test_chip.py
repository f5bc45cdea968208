"""Calibrating gyroscope and accelerometer on an emulated chip with planted errors."""

from __future__ import annotations

import numpy as np
import pytest

from harpi.calibrate.procedures import PATIENCE_SECONDS, calibrate_accel, calibrate_gyro
from harpi.calibrate.sensor import BIAS, FACES, GAIN, SLANTS
from harpi.errors import CalibrationError, SensorMoves
from harpi.imu.emulator import Fault, FaultKind, FaultPlan, Still, Tumbling
from tests.calibrate.bench import Notes, bench_of
from tests.support.stage import Stage

UPS = [*FACES, *(tuple(np.array(s) / np.linalg.norm(s)) for s in SLANTS)]


def test_the_zero_of_the_gyroscope() -> None:
    notes = Notes()
    bench = bench_of(lambda time: Still(), temperature=31.0, tick=notes.tick)
    found = calibrate_gyro(bench, notes)
    assert found.bias == pytest.approx(BIAS[3:], abs=0.02)
    assert found.temperature == pytest.approx(31.0, abs=0.2)
    assert notes.cues == ["hold"]
    assert notes.ticks > 20


def test_a_gyroscope_that_moves_is_refused() -> None:
    def worn(time: object) -> Stage:
        stage = Stage(time)  # type: ignore[arg-type]
        stage.perform("standing", 0)
        return stage

    with pytest.raises(SensorMoves, match="the sensor moves"):
        calibrate_gyro(bench_of(worn), Notes())


def test_a_zero_that_no_chip_has_is_refused() -> None:
    bench = bench_of(lambda time: Still(), bias=(0, 0, 0, 0, 45.0, 0))
    with pytest.raises(CalibrationError, match=r"45\.0 deg/s at rest"):
        calibrate_gyro(bench, Notes())


@pytest.mark.parametrize(("leaning", "within"), [(1, 0.004), (6, 0.0008)])
def test_zero_and_scale_of_the_accelerometer(leaning: int, within: float) -> None:
    """With one leaning position the misalignment of 0.6 % is left where it is."""
    notes = Notes()
    bench = bench_of(lambda time: Tumbling(UPS[: 6 + leaning]))
    found = calibrate_accel(bench, notes, leaning=leaning)
    assert found.offset == pytest.approx(BIAS[:3], abs=within)
    wanted = np.linalg.inv(GAIN)
    if leaning == 1:
        wanted = np.diag(np.diag(wanted))
    assert np.array(found.matrix) == pytest.approx(wanted, abs=within)
    assert found.residual < 0.003
    assert found.positions == 6 + leaning
    assert notes.cues.count("taken") == 6 + leaning
    assert notes.said[-1] == "Measured: leaning at any slant."


def test_the_person_is_told_what_is_still_to_come() -> None:
    notes = Notes()
    calibrate_accel(bench_of(lambda time: Tumbling(UPS[:7])), notes)
    assert "once; in any order" in notes.said[0]
    assert notes.said[1].startswith("Still to come: its x arrow up, its x arrow down")
    assert notes.said[3] == (
        "Still to come: its x arrow down, its y arrow up, its y arrow down, its face up, its "
        "face down, leaning at any slant."
    )


def test_without_a_new_position_it_is_given_up() -> None:
    notes = Notes()
    with pytest.raises(CalibrationError, match=f"{PATIENCE_SECONDS:.0f} s"):
        calibrate_accel(bench_of(lambda time: Tumbling(UPS[:3])), notes)
    assert notes.cues.count("taken") == 3


def test_a_sensor_that_fails_is_said() -> None:
    faults = FaultPlan(Fault(FaultKind.STUCK, at=8.0))
    with pytest.raises(CalibrationError, match="the sensor fails") as caught:
        calibrate_accel(bench_of(lambda time: Tumbling(UPS), faults=faults), Notes())
    assert "harpi doctor" in caught.value.remedy


def test_a_brownout_in_between_costs_nothing_but_time() -> None:
    faults = FaultPlan(Fault(FaultKind.BROWNOUT, at=9.0))
    found = calibrate_accel(bench_of(lambda time: Tumbling(UPS[:7]), faults=faults), Notes())
    assert found.offset == pytest.approx(BIAS[:3], abs=0.004)
