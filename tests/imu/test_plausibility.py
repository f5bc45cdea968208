"""A chip that answers and lies is found out; one that is only coarse or at rest is not."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from numpy.typing import NDArray

from harpi import shipped
from harpi.imu.emulator import Fault, FaultKind, Playback, Still
from harpi.imu.plausibility import Finding, judge
from harpi.recording import Recording
from tests.imu.rig import BEGIN, Rig

HOP = {"hop_seconds": 0.5}


def shipped_recording() -> Recording:
    return Recording.read(shipped.path("models/recordings/hapt_25_26.npz"), subject="25")


def worn(*faults: Fault, **rig: object) -> Rig:
    motion = Playback(shipped_recording(), start=BEGIN)
    return Rig(*faults, motion=motion, sampler=HOP, **rig)  # type: ignore[arg-type]


def kinds(findings: Iterable[Finding]) -> dict[str, tuple[str, ...]]:
    return {finding.kind: finding.axes for finding in findings}


ACCEL, GYRO = ("ax", "ay", "az"), ("gx", "gy", "gz")


@pytest.mark.parametrize("worn_or_not", ["worn", "at rest"])
@pytest.mark.parametrize(
    ("axes", "value", "kind"),
    [
        ((0, 1, 2), 0, "constant"),
        ((3, 4, 5), 0, "constant"),
        ((4,), None, "constant"),
        ((2,), None, "constant"),
        ((0, 5), None, "constant"),
        ((1,), 32767, "rail"),
        ((3,), -32768, "rail"),
        ((2, 4), 32767, "rail"),
    ],
)
def test_axes_that_lie_while_others_live_are_named(
    axes: tuple[int, ...], value: int | None, kind: str, worn_or_not: str
) -> None:
    fault = Fault(
        FaultKind.HELD if value is None else FaultKind.STUCK_AT,
        at=BEGIN + 5,
        seconds=30,
        value=value or 0,
        axes=axes,
    )
    rig = worn(fault) if worn_or_not == "worn" else Rig(fault, sampler=HOP)
    rig.run(5)
    assert rig.sampler.health().findings == ()
    rig.run(20)
    found = kinds(rig.sampler.health().findings)
    assert found[kind] == tuple((*ACCEL, *GYRO)[axis] for axis in axes)
    rig.run(20)
    assert rig.sampler.health().findings == ()
    (begun,) = [one for one in rig.sampler.watch.found() if one.axes == found[kind]][-1:]
    assert begun.since == pytest.approx(BEGIN + 5, abs=2)
    assert begun.until == pytest.approx(BEGIN + 35, abs=3)


def test_an_acceleration_without_gravity_is_none() -> None:
    rig = Rig(chip={"accel_gain": 0.24 * np.eye(3)}, sampler=HOP)
    rig.run(6)
    (finding,) = rig.sampler.health().findings
    assert "0.24 g, where gravity alone is 1 g" in finding.problem


def test_an_axis_that_flickers_by_one_count_is_quieter_than_a_chip_can_be() -> None:
    rig = Rig(sampler=HOP)
    rig.run(12)
    values = rig.values.copy()
    values[:, 1] = (np.arange(len(values)) % 3 == 0) / 4096
    assert kinds(judge(values, 50, (8, 1000)))["quiet"] == ("ay",)


@pytest.mark.parametrize("dlpf", [None, 6])
@pytest.mark.parametrize("bits", [16, 12])
@pytest.mark.parametrize(("accel_range", "gyro_range"), [(2, 250), (8, 1000), (16, 2000)])
def test_a_coarse_chip_that_lies_about_is_well(
    accel_range: int, gyro_range: int, bits: int, dlpf: int | None
) -> None:
    settings = {"accel_range": accel_range, "gyro_range": gyro_range, "dlpf": dlpf}
    rig = Rig(driver=settings, sampler=HOP, chip={"bits": bits})
    rig.run(120)
    assert rig.sampler.watch.found() == []
    assert rig.sampler.health().recoveries == 0


@pytest.mark.parametrize("bits", [16, 12, 10])
def test_a_worn_chip_is_well(bits: int) -> None:
    rig = worn(chip={"bits": bits})
    rig.run(300)
    assert rig.sampler.watch.found() == []


def test_the_shipped_recording_is_well() -> None:
    recording = shipped_recording()
    assert judge(recording.values, recording.rate) == ()
    assert judge(recording.values, recording.rate, (8, 1000)) == ()


def test_a_recording_is_judged_as_the_samples_would_be() -> None:
    recording = shipped_recording()
    values: NDArray[np.float32] = recording.values[: 50 * 120].copy()
    values[50 * 60 :, 3:] = 0.0
    (finding,) = judge(values, 50)
    assert finding.who == "the gyroscope"
    assert finding.since == pytest.approx(60, abs=1)


def test_metres_per_second_squared_are_no_acceleration_in_g() -> None:
    values = np.random.default_rng(1).normal(0, 0.02, (500, 6)).astype(np.float32)
    values[:, 2] += 9.81
    assert [finding.detail for finding in judge(values, 50)] == ["9.81 g"]


def test_what_is_frozen_for_good_stays_wrong_until_it_changes() -> None:
    rig = Rig(Fault(FaultKind.FROZEN, at=BEGIN + 5, seconds=600), sampler=HOP)
    rig.run(300)
    health = rig.sampler.health()
    assert [finding.who for finding in health.findings] == ["the sensor"]
    assert health.recoveries == 1
    rig.run(310)
    assert rig.sampler.health().findings == ()


def test_saturation_is_counted_and_is_no_fault() -> None:
    class Spin(Still):
        def values(self, times: NDArray[np.float64]) -> NDArray[np.float32]:
            values = super().values(times)
            values[:, 5] = 1500 * np.sin(8 * times)
            return values

    rig = Rig(motion=Spin(), sampler=HOP)
    rig.run(20)
    accel, gyro = rig.sampler.health().saturated
    assert accel == 0
    assert 0.3 < gyro / len(rig.values) < 0.7
    assert rig.sampler.watch.during(BEGIN, BEGIN + 100).saturated == (0, gyro)
    assert rig.sampler.health().findings == ()
