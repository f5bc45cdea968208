"""The doctor beside a running harpi: it asks, and leaves the sensor alone."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harpi.daemon import Daemon
from harpi.doctor.context import Finding
from harpi.imu.bus import Bus
from harpi.publish.messages import BrokerCondition, Condition
from harpi.timebase import SystemTime
from tests.doctor.ward import Ward
from tests.support.broker import PATIENCE, wait_until
from tests.support.conditions import WELL, condition
from tests.support.control_socket import served
from tests.support.device import device_config, emulated
from tests.support.fake_room import FakeRoom


@pytest.fixture
def short(tmp_path: Path) -> Iterator[Path]:
    """A folder whose name is short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="harpi-"))
    yield folder
    shutil.rmtree(folder)


def forbidden() -> Bus:
    raise AssertionError("the daemon has the bus")


def beside(ward: Ward, folder: Path, said: Condition) -> dict[str, Finding]:
    """Examine a device whose daemon says this of itself."""
    ward.settings = {"paths__runtime": str(folder)} | ward.settings
    ward.open_bus = forbidden  # type: ignore[method-assign]
    with served(FakeRoom(), folder, examine=lambda: msgspec.json.encode(said)):
        return ward.examine()


def figures(said: Condition, **sensor: Any) -> Condition:
    replaced = msgspec.structs.replace(said.health.sensor, **sensor)
    health = msgspec.structs.replace(said.health, sensor=replaced)
    return msgspec.structs.replace(said, health=health)


def test_what_the_daemon_knows_is_asked_for(ward: Ward, short: Path) -> None:
    said = figures(condition(), rate_hz=50.0, lost=0, bus_khz=396.0)
    findings = beside(ward, short, said)
    assert findings["daemon"].grade == "ok"
    for name in ("bus", "address", "chip", "awake", "sampling", "bus clock"):
        assert findings[name].grade == "ok", findings[name]
    for name in ("self-test", "noise", "zero"):
        assert findings[name].text == "in use by the daemon"


def test_what_the_daemon_finds_wrong_is_said(ward: Ward, short: Path) -> None:
    findings = beside(ward, short, condition(notices=("Water comes in. Close the lid.",)))
    assert findings["daemon"].grade == "warning"
    assert findings["daemon"].remedy == "Water comes in. Close the lid."


def test_a_slow_bus_and_losses_are_found_from_its_figures(ward: Ward, short: Path) -> None:
    losing = replace(WELL, samples=900, lost=100, gaps=1, bus_hertz=98_000.0)
    said = condition(losing)
    findings = beside(ward, short, said)
    assert findings["sampling"].grade == "failure"
    assert findings["bus clock"].grade == "warning"


def test_losses_of_long_ago_are_not_held_against_it(ward: Ward, short: Path) -> None:
    findings = beside(ward, short, condition(replace(WELL, lost=100, gaps=1), long_ago=True))
    assert findings["daemon"].grade == findings["sampling"].grade == "ok"
    assert "0 of 5000 lost" in findings["sampling"].text


def test_a_clone_in_its_hands(ward: Ward, short: Path) -> None:
    findings = beside(ward, short, figures(condition(), chip="ICM-20689"))
    assert findings["chip"].text == "it is not an MPU-6050 but: ICM-20689"


def test_where_no_samples_come_the_bus_is_looked_at_but_nothing_written(
    ward: Ward, short: Path
) -> None:
    fault = "MPU-6050 at 0x68: the chip fell asleep. Check its supply."
    said = figures(condition(), state="recovering", fault=fault)
    ward.settings = {"paths__runtime": str(short)}
    writes: list[bytes] = []

    class Watched:
        def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
            if len(write) > 1:
                writes.append(write)
            return bus.transfer(address, write, read_length)

        def close(self) -> None: ...

    bus = ward.bus
    ward.bus = Watched()
    with served(FakeRoom(), short, examine=lambda: msgspec.json.encode(said)):
        findings = ward.examine()
    assert findings["address"].text == "0x68 answers"
    assert findings["awake"].text == "in use by the daemon"
    assert (findings["sampling"].grade, findings["sampling"].remedy) == ("failure", fault)
    assert writes == []


def test_a_broker_that_takes_others_but_not_the_daemon(
    ward: Ward, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Welcome:
        def __init__(self, *_: object, **__: object) -> None: ...

        def close(self) -> None: ...

    monkeypatch.setattr("harpi.doctor.software.Subscriber", Welcome)
    ward.settings = {"mqtt__enabled": True}
    broken = BrokerCondition(address="localhost:1883", connected=False)
    said = msgspec.structs.replace(condition(), broker=broken)
    found = beside(ward, short, said)["broker"]
    assert found.grade == "warning"
    assert "the daemon is not connected" in found.text


def test_a_real_daemon_samples_on_while_it_is_examined(ward: Ward, short: Path) -> None:
    config = device_config(
        ward.folder, paths__runtime=str(short), socket__enabled=True, signal__hop=4
    )
    with Daemon(config, bus=emulated(SystemTime())) as daemon:
        wait_until(lambda: daemon.sampler.health().rate > 0, "samples", PATIENCE)
        ward.settings = {"paths__runtime": str(short)}
        ward.open_bus = forbidden  # type: ignore[method-assign]
        findings = ward.examine()
        health = daemon.sampler.health()
    assert findings["chip"].text == "MPU-6050"
    assert findings["address"].grade == "ok"
    assert (health.recoveries, health.gaps, health.lost) == (0, 0, 0)
