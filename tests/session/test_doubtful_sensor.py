"""A sensor that cannot be believed: nothing is recorded, and what was is not learnt."""

from __future__ import annotations

from pathlib import Path

import pytest

from harpi.calibrate.procedures import calibrate_gyro
from harpi.calibrate.sensor import OpenedSensor
from harpi.commands import Record, Stop
from harpi.daemon.daemon import Daemon
from harpi.errors import CalibrationError
from harpi.imu.emulator import (
    Chip,
    EmulatedBus,
    Fault,
    FaultKind,
    FaultPlan,
    Still,
    VirtualTime,
)
from harpi.imu.mpu6050 import Mpu6050
from tests.support.device import device_config


class Device:
    """A daemon in virtual time whose chip can be made to lie."""

    def __init__(self, folder: Path) -> None:
        self.time = VirtualTime(100.0)
        self.faults = FaultPlan()
        bus = EmulatedBus({0x68: Chip(Still(), self.time)}, self.time, faults=self.faults)
        self.daemon = Daemon(device_config(folder), bus=bus, timebase=self.time)
        self.daemon.open()
        self.daemon.play(5.0)

    def plant(self, kind: FaultKind, **what: object) -> None:
        now = self.time.monotonic()
        self.faults.add(Fault(kind, at=now, **what))  # type: ignore[arg-type]

    def record(self, seconds: float) -> tuple[str, ...]:
        assert self.daemon.session.command(Record(label="sitting"), "test").ok
        self.daemon.play(seconds)
        self.daemon.session.command(Stop(), "test")
        store = self.daemon.session._takes.store
        return store.takes()[-1].flags


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


def test_nothing_is_recorded_with_a_dead_axis_and_the_status_names_it(device: Device) -> None:
    device.plant(FaultKind.STUCK_AT, axes=(0, 1, 2))
    device.daemon.play(8.0)
    answer = device.daemon.session.command(Record(label="sitting"), "test")
    assert not answer.ok
    assert "nothing is recorded, because the accelerometer" in answer.message.lower()
    (problem,) = device.daemon.condition().problems
    assert problem.startswith("The accelerometer does not change any more")
    (shown,) = device.daemon.health().sensor.implausible
    assert shown.axes == ("ax", "ay", "az")
    device.faults.end(FaultKind.STUCK_AT)
    device.daemon.play(8.0)
    assert device.daemon.condition().problems == ()
    assert device.daemon.session.command(Record(label="sitting"), "test").ok


def test_a_take_in_which_an_axis_dies_is_flagged_and_not_learnt(device: Device) -> None:
    device.plant(FaultKind.HELD, axes=(4,))
    assert "implausible" in device.record(12.0)
    (count,) = [one for one in device.daemon.session.situation.labels if one.label == "sitting"]
    assert (count.takes, count.windows) == (1, 0)


def test_a_take_that_ended_before_the_registers_were_looked_at_is_flagged_later(
    device: Device,
) -> None:
    device.daemon.play(0.4)
    device.plant(FaultKind.MEDDLED, value=0x1C18)
    flags = device.record(2.5)
    device.daemon.play(8.0)
    (take,) = device.daemon.session._takes.store.takes()
    assert "implausible" not in flags or take.flags == flags
    assert "implausible" in take.flags
    assert "register 0x1C holds 0x18" in " ".join(device.daemon.condition().problems)


def test_a_dead_gyroscope_is_not_calibrated() -> None:
    time = VirtualTime(100.0)
    plan = FaultPlan(Fault(FaultKind.STUCK_AT, at=100.0, axes=(3, 4, 5)))
    bus = EmulatedBus({0x68: Chip(Still(), time)}, time, faults=plan)
    bench = OpenedSensor(Mpu6050(bus, time), time)
    with pytest.raises(CalibrationError, match="the gyroscope does not change any more"):
        calibrate_gyro(bench, Quiet())


class Quiet:
    def say(self, text: str) -> None: ...

    def show(self, cue: object) -> None: ...

    def tick(self) -> None: ...
