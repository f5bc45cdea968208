"""FIFOs that do not fill, run over for ever, or hold frames of another length; meddling."""

from __future__ import annotations

import logging

import pytest

from harpi.imu.emulator import Fault, FaultKind
from harpi.imu.emulator.settings import Variant
from tests.imu.rig import BEGIN, Rig

HOP = {"hop_seconds": 0.5}
FOREVER = 1e6


def test_a_fifo_that_does_not_fill_is_done_without(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(Fault(FaultKind.DRY, at=BEGIN, seconds=FOREVER), sampler=HOP)
    rig.run(30)
    health = rig.sampler.health()
    assert health.state == "running"
    assert health.rate == pytest.approx(50, rel=0.02)
    assert "its FIFO stays empty, so its registers are read sample by sample" in caplog.text
    assert "supply" not in caplog.text
    assert abs(rig.time_errors()).max() < 0.01


def test_a_fifo_that_always_runs_over_is_done_without(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig(Fault(FaultKind.FLOODING, at=BEGIN, seconds=FOREVER), sampler=HOP)
    rig.run(30)
    health = rig.sampler.health()
    assert (health.state, health.faults > 0) == ("running", True)
    assert "overflows however soon it is emptied" in caplog.text


@pytest.mark.parametrize("rate", [50, 1000])
def test_frames_with_two_bytes_more_are_understood(
    rate: int, caplog: pytest.LogCaptureFixture
) -> None:
    variant = Variant(frames_with_temperature=True)
    rig = Rig(who_am_i=0x55, chip={"variant": variant}, rate=rate, sampler=HOP)
    rig.run(10)
    assert rig.sampler.health().state == "running"
    assert rig.values[:, 2].mean() == pytest.approx(1.0, abs=0.1)
    assert abs(rig.values[:, 3:]).max() < 5
    assert "its frames have 14 bytes, not 12" in caplog.text


@pytest.mark.parametrize("padding", [4, 6, 8, 9])
def test_frames_of_a_length_that_means_nothing_are_refused(padding: int) -> None:
    rig = Rig(who_am_i=0x55, chip={"variant": Variant(padding=padding)}, sampler=HOP)
    rig.run(10)
    health = rig.sampler.health()
    assert (health.state, health.samples) == ("recovering", 0)
    assert f"its FIFO fills by {12 + padding} bytes for each sample" in str(health.error)


def test_samples_again_is_only_said_of_samples(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    faults = [
        Fault(FaultKind.DRY, at=BEGIN + 5, seconds=FOREVER),
        Fault(FaultKind.FROZEN, at=BEGIN + 5, seconds=FOREVER),
    ]
    rig = Rig(*faults, sampler=HOP)
    rig.run(120)
    assert rig.sampler.health().state == "recovering"
    assert "samples again" not in caplog.text
    rig.bus.faults.end(FaultKind.DRY)
    rig.bus.faults.end(FaultKind.FROZEN)
    rig.run(30)
    assert caplog.text.count("samples again") == 1


def test_an_hour_of_a_lasting_fault_is_a_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    faults = [
        Fault(FaultKind.DRY, at=BEGIN + 5, seconds=FOREVER),
        Fault(FaultKind.FROZEN, at=BEGIN + 5, seconds=FOREVER),
    ]
    rig = Rig(*faults, sampler=HOP)
    rig.run(3600)
    assert len(caplog.records) < 20


@pytest.mark.parametrize(
    ("register", "content"),
    [(0x1C, 0x18), (0x1B, 0x00), (0x19, 0x00), (0x13, 0x12), (0x06, 0x7F), (0x6C, 0x07)],
)
def test_what_came_since_another_program_meddled_is_in_doubt(
    register: int, content: int, caplog: pytest.LogCaptureFixture
) -> None:
    doubted: list[tuple[float, float, str]] = []
    sampler = {**HOP, "on_doubt": lambda *doubt: doubted.append(doubt)}
    value = 256 * register + content
    rig = Rig(Fault(FaultKind.MEDDLED, at=BEGIN + 12, value=value), sampler=sampler)
    rig.run(30)
    health = rig.sampler.health()
    assert (health.state, health.disturbed) == ("running", 1)
    ((begin, end, why),) = [doubt for doubt in doubted if "register" in doubt[2]]
    assert begin - 0.5 <= BEGIN + 12 < end
    assert f"register 0x{register:02X} holds" in why
    assert why in rig.sampler.watch.during(BEGIN + 11, BEGIN + 13).reasons
    assert rig.sampler.watch.during(BEGIN, BEGIN + 5).reasons == ()
    assert "no other program uses the sensor" in caplog.text
