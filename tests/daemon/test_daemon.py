"""The daemon in this process: an hour in a moment, faults, and the end."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from harpi.daemon import Daemon
from harpi.errors import (
    BusNotFound,
    ConfigError,
    HarpiError,
    ModelError,
    NoAcknowledge,
    WrongChip,
)
from harpi.imu.emulator.bus import Fault, FaultKind, FaultPlan
from harpi.imu.emulator.virtual_time import VirtualTime
from harpi.names import MODELS
from harpi.systemd import Notifier
from harpi.timebase import SystemTime
from harpi.types import Samples, Verdict
from tests.support.broker import wait_until
from tests.support.device import device_config, emulated


@pytest.fixture
def timebase() -> VirtualTime:
    return VirtualTime(start=1000.0)


def opened(folder: Path, timebase: VirtualTime, **settings: object) -> Daemon:
    daemon = Daemon(
        device_config(folder, **settings), bus=emulated(timebase), timebase=timebase
    )
    daemon.open()
    return daemon


def verdicts_of(daemon: Daemon) -> list[Verdict]:
    seen: list[Verdict] = []
    daemon.stream.subscribe(Verdict, seen.append)
    return seen


def test_every_hop_brings_a_verdict_of_all_three(tmp_path: Path, timebase: VirtualTime) -> None:
    daemon = opened(tmp_path, timebase)
    seen = verdicts_of(daemon)
    daemon.play(60.0)
    daemon.stop()
    assert len(seen) > 85
    steps = np.diff([verdict.window.start for verdict in seen])
    np.testing.assert_allclose(steps, 0.64, rtol=1e-3)
    for verdict in seen:
        assert tuple(verdict.predictions) == MODELS
        assert verdict.window.values.shape == (64, 6)
        assert not verdict.predictions["personal"].trained
        assert verdict.predictions["knn"].trained


def test_a_verdict_comes_as_soon_as_its_last_sample(
    tmp_path: Path, timebase: VirtualTime
) -> None:
    daemon = opened(tmp_path, timebase)
    lateness: list[float] = []
    daemon.stream.subscribe(
        Verdict, lambda verdict: lateness.append(timebase.monotonic() - verdict.window.end)
    )
    daemon.play(30.0)
    daemon.stop()
    # The decimation filter needs 0.4 s of signal behind the window's end.
    assert max(lateness[5:]) < 0.4 + 0.01


def test_samples_go_to_every_listener(tmp_path: Path, timebase: VirtualTime) -> None:
    daemon = opened(tmp_path, timebase)
    heard: list[Samples] = []
    daemon.stream.subscribe(Samples, heard.append)
    daemon.play(10.0)
    daemon.stop()
    assert sum(map(len, heard)) == daemon.health().sensor.samples > 480


def test_a_sensor_that_is_unplugged_for_a_while_costs_a_gap(
    tmp_path: Path, timebase: VirtualTime
) -> None:
    bus = emulated(timebase)
    daemon = Daemon(device_config(tmp_path), bus=bus, timebase=timebase)
    daemon.open()
    seen = verdicts_of(daemon)
    daemon.play(10.0)
    before = len(seen)
    bus.faults.add(Fault(FaultKind.BROWNOUT, at=timebase.monotonic()))
    bus.faults.add(Fault(FaultKind.NACK, at=timebase.monotonic(), seconds=20.0))
    daemon.play(20.0)
    assert daemon.health().sensor.state == "recovering"
    daemon.play(20.0)
    daemon.stop()
    health = daemon.health()
    assert health.sensor.gaps == 1
    assert health.sensor.recoveries >= 1
    assert len(seen) > before + 10
    jump = np.diff([verdict.window.start for verdict in seen]).max()
    assert jump > 20.0


def test_a_fault_that_was_mended_is_not_held_against_it_for_hours(
    tmp_path: Path, timebase: VirtualTime
) -> None:
    bus = emulated(timebase)
    daemon = Daemon(device_config(tmp_path), bus=bus, timebase=timebase)
    daemon.open()
    daemon.play(10.0)
    bus.faults.add(Fault(FaultKind.NACK, at=timebase.monotonic(), seconds=60.0))
    daemon.play(120.0)
    assert any("samples were lost in a gap" in one for one in daemon.condition().problems)
    daemon.play(300.0)
    daemon.stop()
    assert not any("lost" in one for one in daemon.condition().problems)
    assert daemon.condition().recent.lost == 0
    assert daemon.health().sensor.lost > 2500


def test_health_has_the_figures_of_all_pieces(tmp_path: Path, timebase: VirtualTime) -> None:
    daemon = opened(tmp_path, timebase)
    daemon.play(20.0)
    health = daemon.health()
    daemon.stop()
    assert health.sensor.rate_hz == pytest.approx(50.0, rel=1e-3)
    assert health.sensor.temperature_c == pytest.approx(25.0, abs=1.0)
    assert health.sensor.chip == "MPU-6050"
    assert health.uptime_s == pytest.approx(20.0, abs=0.1)
    assert health.recognition.windows == daemon.recognition.windows > 20
    assert set(health.models) == set(MODELS)


# --- what keeps it from starting --------------------------------------------------------


def start_error(daemon: Daemon, kind: type[HarpiError]) -> HarpiError:
    """Start in vain; check that nothing is left running."""
    before = set(threading.enumerate())
    with pytest.raises(kind) as caught:
        daemon.start()
    wait_until(lambda: set(threading.enumerate()) <= before, "all threads have ended")
    assert "\n" not in str(caught.value)
    return caught.value


def test_no_bus(tmp_path: Path) -> None:
    with pytest.raises(BusNotFound, match="/dev/i2c-250") as caught:
        Daemon(device_config(tmp_path, sensor__bus=250))
    assert caught.value.exit_code == 3


def test_wrong_address(tmp_path: Path, timebase: VirtualTime) -> None:
    bus = emulated(timebase, address=0x69)
    daemon = Daemon(device_config(tmp_path), bus=bus, timebase=timebase)
    assert "0x68" in str(start_error(daemon, NoAcknowledge))


def test_a_foreign_chip(tmp_path: Path, timebase: VirtualTime) -> None:
    bus = emulated(timebase)
    bus.faults.add(Fault(FaultKind.CORRUPT_ID, transfer=0, value=0xFF))
    daemon = Daemon(device_config(tmp_path), bus=bus, timebase=timebase)
    assert "0xFF" in str(start_error(daemon, WrongChip))


def test_a_corrupt_model(tmp_path: Path, timebase: VirtualTime) -> None:
    path = tmp_path / "base.tflite"
    path.write_bytes(b"TFL3" * 100)
    daemon = Daemon(
        device_config(tmp_path, models__base=str(path)),
        bus=emulated(timebase),
        timebase=timebase,
    )
    assert str(path) in str(start_error(daemon, ModelError))


def test_a_password_file_that_everybody_may_read(tmp_path: Path, timebase: VirtualTime) -> None:
    path = tmp_path / "password"
    path.write_text("secret\n")
    path.chmod(0o644)
    config = device_config(
        tmp_path, mqtt__enabled=True, mqtt__username="me", mqtt__password_file=str(path)
    )
    daemon = Daemon(config, bus=emulated(timebase), timebase=timebase)
    complaint = str(start_error(daemon, ConfigError))
    assert "every user of this computer may read it" in complaint


# --- in real time -----------------------------------------------------------------------


class Notes(Notifier):
    def __init__(self) -> None:
        super().__init__({"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "400000"})
        self.said: list[str] = []

    def _send(self, message: str) -> None:
        self.said.append(message)


def test_it_runs_until_told_to_end_and_leaves_nothing_behind(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    timebase, notes = SystemTime(), Notes()
    config = device_config(
        tmp_path,
        mqtt__enabled=True,
        mqtt__host="127.0.0.1",
        mqtt__port=1,
        mqtt__health_seconds=0.1,
    )
    daemon = Daemon(config, bus=emulated(timebase), timebase=timebase, notifier=notes)
    with daemon:
        wait_until(lambda: notes.said.count("WATCHDOG=1") >= 3, "the watchdog is fed")
    left = {thread.name for thread in set(threading.enumerate()) - before}
    assert all(name.startswith("paho") or "loop_stop" in name for name in left)
    assert notes.said[0] == "READY=1"
    assert notes.said[-1] == "STOPPING=1"
    assert any(line.startswith("STATUS=MPU-6050 running, ") for line in notes.said)


def test_the_watchdog_starves_when_the_sensor_hangs(tmp_path: Path) -> None:
    timebase, notes = SystemTime(), Notes()
    bus = emulated(timebase)
    daemon = Daemon(device_config(tmp_path), bus=bus, timebase=timebase, notifier=notes)
    daemon.start()
    wait_until(lambda: "WATCHDOG=1" in notes.said, "the watchdog is fed")
    hanging = threading.Event()
    transfer = bus.transfer

    def hang(address: int, write: bytes, read_length: int = 0) -> bytes:
        hanging.wait(10.0)
        return transfer(address, write, read_length)

    bus.transfer = hang  # type: ignore[method-assign]
    last = daemon.sampler.health().last_read
    wait_until(lambda: daemon.sampler.health().last_read == last, "sampling stands")
    notes.said.clear()
    assert not threading.Event().wait(0.5)
    fed = notes.said.count("WATCHDOG=1")
    hanging.set()
    daemon.stop()
    assert fed <= 1


# --- what it waits for ------------------------------------------------------------------


def test_a_sensor_that_comes_later_is_waited_for(tmp_path: Path) -> None:
    timebase, notes = SystemTime(), Notes()
    unplugged = Fault(FaultKind.NACK, at=timebase.monotonic(), seconds=2.0)
    bus = emulated(timebase, faults=FaultPlan(unplugged))
    config = device_config(tmp_path, mqtt__enabled=True, mqtt__port=1, mqtt__health_seconds=0.1)
    with Daemon(config, bus=bus, timebase=timebase, notifier=notes, patient=True) as daemon:
        assert "READY=1" in notes.said
        waits = "STATUS=Waiting for the sensor: emulated I2C bus, address 0x68: nothing ack"
        wait_until(lambda: any(line.startswith(waits) for line in notes.said), waits)
        said = next(line for line in notes.said if line.startswith(waits))
        assert said.endswith("waiting for the broker at localhost:1")
        wait_until(lambda: daemon.health().sensor.samples > 0, "samples come")
        assert daemon.health().sensor.fault is None


def test_a_bus_that_comes_later_is_waited_for(tmp_path: Path) -> None:
    config = device_config(tmp_path, sensor__bus=250)
    with Daemon(config, patient=True) as daemon:
        fault = daemon.health().sensor.fault
        assert fault is not None
        assert "/dev/i2c-250: there is no such I2C bus" in fault
