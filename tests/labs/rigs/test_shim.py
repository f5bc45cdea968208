"""The daemon as a process of its own, on unmodified smbus2 and a real broker."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from harpi.imu.emulator.bus import EmulatedBus, Fault, FaultKind
from harpi.publish.messages import Health, State
from harpi.timebase import SystemTime
from tests.labs.rigs import shim
from tests.labs.rigs.wire import Adapter
from tests.support.broker import (
    Broker,
    Listener,
    listening,
    make_certificates,
    running,
    wait_until,
)
from tests.support.command import end, harpi, running_harpi
from tests.support.device import emulated
from tests.support.payloads import validate

pytestmark = pytest.mark.compiler

PASSWORD = "correct horse"
ACL = """
user harpi
topic write harpi/arm/#
topic read harpi/arm/set/#

user observer
topic read harpi/#
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shim.build(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def adapter() -> Adapter:
    return Adapter(emulated(SystemTime()))


@pytest.fixture
def shimmed(adapter: Adapter, library: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    with shim.serving(adapter, library, tmp_path) as environment:
        yield environment


# --- the libraries ----------------------------------------------------------------------

SMBUS = """
from smbus2 import SMBus, i2c_msg
with SMBus(1) as bus:
    print(bus.read_byte_data(0x68, 0x75))
    bus.write_byte_data(0x68, 0x6B, 1)
    bus.write_i2c_block_data(0x68, 0x19, [7, 3, 8, 16])
    print(bus.read_i2c_block_data(0x68, 0x19, 4))
    print(bus.read_word_data(0x68, 0x19))
    bus.write_word_data(0x68, 0x19, 0x0509)
    bus.write_byte(0x68, 0x19)
    print(bus.read_byte(0x68), bus.read_byte(0x68))
    write, read = i2c_msg.write(0x68, [0x1B]), i2c_msg.read(0x68, 2)
    bus.i2c_rdwr(write, read)
    print(list(read))
    try:
        bus.i2c_rdwr(read, write)
    except OSError as error:
        print(error.errno)
"""


def test_smbus2_finds_the_registers_of_the_chip(shimmed: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SMBUS],
        env={**os.environ, **shimmed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "104",
        "[7, 3, 8, 16]",
        "775",
        "9 5",
        "[8, 16]",
        str(errno.EOPNOTSUPP),  # as a bcm2835: no read before a write in one transfer
    ]


def test_other_nodes_and_files_are_left_alone(shimmed: dict[str, str]) -> None:
    code = "from smbus2 import SMBus; SMBus(250)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **shimmed}, capture_output=True
    )
    assert b"/dev/i2c-250" in done.stderr


# --- the daemon, when all is well -------------------------------------------------------


def command(folder: Path, **settings: object) -> list[str]:
    values = {
        "device.id": "arm",
        "signal.hop": 8,
        "sensor.check_seconds": 0.2,
        "mqtt.health_seconds": 0.1,
        "paths.state": folder / "state",
        "paths.runtime": folder / "run",
        **{key.replace("__", "."): value for key, value in settings.items()},
    }
    return [
        "run",
        *(word for item in values.items() for word in ("--set", "=".join(map(str, item)))),
    ]


def with_broker(folder: Path, broker: Broker) -> list[str]:
    """`harpi run` as a careful person sets it up: TLS, and a password in a file."""
    password = folder / "password"
    password.write_text(f"{PASSWORD}\n")
    password.chmod(0o600)
    return command(
        folder,
        mqtt__host=broker.host,
        mqtt__port=broker.port,
        mqtt__username=broker.user,
        mqtt__password_file=password,
        mqtt__tls__enabled="true",
        mqtt__tls__ca_file=folder / "ca.crt",
    )


@dataclass
class Device:
    """A running daemon, and what can be seen and done from outside."""

    bus: EmulatedBus
    listener: Listener
    process: subprocess.Popen[str]

    def health(self) -> Health:
        return msgspec.json.decode(self.listener.of("health")[-1], type=Health)

    def sequences(self) -> list[int]:
        states = self.listener.of("state")
        return [msgspec.json.decode(state, type=State).sequence for state in states]


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Iterator[Device]:
    folder = tmp_path_factory.mktemp("device")
    bus = emulated(SystemTime())
    broker = Broker(folder, password=PASSWORD, certificates=make_certificates(folder), acl=ACL)
    with (
        running(broker),
        listening(broker) as listener,
        shim.serving(Adapter(bus), library, folder) as environment,
        running_harpi(*with_broker(folder, broker), more=environment) as process,
    ):
        listener.wait_for("state", 2)
        yield Device(bus, listener, process)
        said = end(process)
        assert process.returncode == 0, said
        assert "Traceback" not in said


@pytest.mark.broker
def test_states_arrive_through_tls_password_and_acl(device: Device) -> None:
    for payload in device.listener.wait_for("state", 4):
        validate("state", payload)
    validate("health", device.listener.of("health")[-1])
    seen = device.sequences()
    assert seen == list(range(seen[0], seen[0] + len(seen)))
    sensor = device.health().sensor
    assert sensor.chip == "MPU-6050"
    assert sensor.rate_hz == pytest.approx(50, rel=0.01)


@pytest.mark.broker
def test_whom_the_acl_lets_only_watch_commands_nothing(device: Device) -> None:
    device.listener.say("harpi/arm/set/record", "walking")
    device.listener.wait_for("state", len(device.listener.of("state")) + 2)
    assert device.listener.of("set/record") == []
    assert device.listener.of("event") == []


# --- the daemon, when the bus is not well -----------------------------------------------


@pytest.mark.broker
@pytest.mark.parametrize(
    "fault",
    [
        Fault(FaultKind.NACK, at=0.0, seconds=0.4),
        Fault(FaultKind.TIMEOUT, at=0.0, transfers=2),
        Fault(FaultKind.STUCK, at=0.0, seconds=0.4),
        Fault(FaultKind.CLOCK_STRETCH, at=0.0, seconds=0.3),
    ],
    ids=lambda fault: fault.kind.name.lower(),
)
def test_a_fault_of_the_bus_is_got_over_and_samples_go_on(device: Device, fault: Fault) -> None:
    before = device.health().sensor
    device.bus.faults.add(fault)

    def over() -> bool:
        now = device.health().sensor
        return now.state == "running" and now.samples > before.samples + 100

    wait_until(over, f"samples go on after {fault}")
    now = device.health().sensor
    assert now.recoveries == before.recoveries, "a chip that only the bus kept from us is reset"


@pytest.mark.broker
@pytest.mark.parametrize(
    "kind", [FaultKind.BROWNOUT, FaultKind.OVERFLOW], ids=lambda kind: kind.name.lower()
)
def test_a_fault_of_the_chip_costs_a_gap_and_samples_go_on(
    device: Device, kind: FaultKind
) -> None:
    before = device.health().sensor
    device.bus.faults.add(Fault(kind, at=0.0))

    def over() -> bool:
        now = device.health().sensor
        return (
            now.state == "running" and now.gaps > before.gaps and now.samples > before.samples
        )

    wait_until(over, f"samples go on after {kind.name}")
    assert device.process.poll() is None


@pytest.mark.broker
def test_after_all_of_that_it_recognises(device: Device) -> None:
    heard = len(device.listener.of("state"))
    device.listener.wait_for("state", heard + 1)
    assert device.health().recognition.failed == 0


# --- what keeps it from starting --------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "number", "words"),
    [
        ("at_open", errno.ENOENT, "there is no such I2C bus. Switch it on with"),
        ("at_open", errno.EACCES, "may not open the I2C bus. Add the user"),
        ("at_claim", errno.EBUSY, "a kernel driver has claimed the sensor. Remove dtoverlay"),
        ("at_transfer", errno.EIO, "the transfer was interrupted. Shorten the wires"),
        ("at_transfer", errno.ENXIO, "no device at the address. Check the sensor"),
        ("at_transfer", errno.ENODEV, "the bus adapter is gone"),
        ("at_transfer", errno.ETIMEDOUT, "the bus did not answer in time"),
        ("at_transfer", errno.EREMOTEIO, "nothing acknowledged the address"),
    ],
    ids=lambda value: errno.errorcode[value] if isinstance(value, int) else "",
)
def test_an_errno_of_the_kernel_is_one_line_and_exit_code_3(
    how: str,
    number: int,
    words: str,
    adapter: Adapter,
    shimmed: dict[str, str],
    tmp_path: Path,
) -> None:
    setattr(adapter, how, number)
    done = harpi(*command(tmp_path, mqtt__enabled="false"), **shimmed)
    assert done.returncode == 3, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("harpi: ")]
    assert line.startswith("harpi: /dev/i2c-1")
    assert words in line
    assert "Traceback" not in done.stderr
