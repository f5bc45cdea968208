"""`harpi run` as a process: what it publishes, how it ends, and what it says when it cannot."""

from __future__ import annotations

import os
import pty
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import msgspec
import pytest

from harpi import shipped, supervisor
from harpi.cli import main
from harpi.errors import BusPermissionDenied
from harpi.imu.emulator.bus import EmulatedBus, Fault, FaultKind, FaultPlan
from harpi.publish.messages import State
from harpi.signal.windows import WindowMaker
from harpi.timebase import SystemTime
from tests.support.broker import Broker, listening, running, wait_until
from tests.support.command import end, harpi, running_harpi
from tests.support.device import emulated, recording_path
from tests.support.payloads import validate

WITHOUT_BROKER = ["--set", "mqtt.enabled=false"]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running(Broker(tmp_path)) as one:
        yield one


def command(tmp_path: Path, port: int = 1) -> list[str]:
    """`harpi run` on the shipped recording, with quick windows and its files in a folder."""
    settings = {
        "mqtt.host": "127.0.0.1",
        "mqtt.port": port,
        "device.id": "arm",
        "signal.hop": 8,
        "paths.state": tmp_path / "state",
        "paths.runtime": tmp_path / "run",
    }
    words = ["run", "--emulate", str(recording_path())]
    for key, value in settings.items():
        words += ["--set", f"{key}={value}"]
    return words


def sequences(payloads: list[bytes]) -> list[int]:
    return [msgspec.json.decode(payload, type=State).sequence for payload in payloads]


@pytest.mark.broker
def test_every_hop_a_valid_state_and_a_clean_end(broker: Broker, tmp_path: Path) -> None:
    with listening(broker) as listener, running_harpi(*command(tmp_path, broker.port)) as run:
        heard = listener.wait_for("state", 4)
        for payload in heard:
            validate("state", payload)
        validate("health", listener.of("health")[0])
        assert listener.of("status") == [b"online"]
        said = end(run, signal.SIGTERM)
        assert run.returncode == 0, said
        assert sequences(heard) == list(range(len(heard)))
        listener.wait_for("status", 2)
        assert listener.of("status") == [b"online", b"offline"]


@pytest.mark.broker
def test_a_daemon_that_is_killed_is_offline(broker: Broker, tmp_path: Path) -> None:
    with listening(broker) as listener, running_harpi(*command(tmp_path, broker.port)) as run:
        listener.wait_for("status")
        run.kill()
        assert listener.wait_for("status", 2) == [b"online", b"offline"]


@pytest.mark.broker
@pytest.mark.parametrize("own", ["paths.runtime", "paths.state"])
def test_a_second_one_is_refused_before_the_broker_hears_of_it(
    broker: Broker, tmp_path: Path, own: str
) -> None:
    words = command(tmp_path, broker.port)
    with listening(broker) as listener, running_harpi(*words) as first:
        listener.wait_for("state")
        second = harpi(*words, "--set", f"{own}={tmp_path / 'own'}")
        assert second.returncode == 8
        assert "another harpi" in second.stderr
        listener.wait_for("state", len(listener.of("state")) + 1)
        assert listener.of("status") == [b"online"]
        assert "ends the connection" not in end(first)


@pytest.mark.broker
def test_a_broker_that_restarts_misses_nothing(broker: Broker, tmp_path: Path) -> None:
    with running_harpi(*command(tmp_path, broker.port)) as run:
        with listening(broker) as listener:
            before = sequences(listener.wait_for("state", 2))
        broker.kill()
        broker.start()
        with listening(broker) as listener:
            after = sequences(listener.wait_for("state", 3))
            assert listener.of("status") == [b"online"]
        assert after == list(range(after[0], after[0] + len(after)))
        assert after[0] > before[-1]
        end(run)


def test_an_unreachable_broker_is_said_and_does_no_harm(tmp_path: Path) -> None:
    with running_harpi(*command(tmp_path)) as run:
        assert run.stderr is not None
        said = ""
        while "cannot be reached" not in said:
            said = run.stderr.readline()
        assert "broker 127.0.0.1:1 cannot be reached (Connection refused), going on" in said
        rest = end(run, signal.SIGINT)
        assert run.returncode == 0
        assert "ending" in rest
        assert "Traceback" not in rest


# --- what keeps it from starting --------------------------------------------------------


def refusal(*words: str) -> tuple[int, str]:
    """Give the exit code and the one line of a `harpi run` that does not start."""
    done = harpi("run", *WITHOUT_BROKER, *words)
    lines = [line for line in done.stderr.splitlines() if line.startswith("harpi: ")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.returncode, lines[0]


def test_no_bus() -> None:
    code, line = refusal("--set", "sensor.bus=250")
    assert code == 3
    assert line.startswith("harpi: /dev/i2c-250: ")


def test_a_recording_that_is_missing(tmp_path: Path) -> None:
    code, line = refusal("--emulate", str(tmp_path / "nothing.npz"))
    assert code == 4
    assert f"{tmp_path}/nothing.npz" in line


def test_a_recording_that_is_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "short.npz"
    content = recording_path().read_bytes()
    path.write_bytes(content[: len(content) // 2])
    code, line = refusal("--emulate", str(path))
    assert code == 4
    assert str(path) in line


def test_broken_toml(tmp_path: Path) -> None:
    path = tmp_path / "harpi.toml"
    path.write_text("[sensor\n")
    code, line = refusal("--config", str(path))
    assert code == 2
    assert line.startswith(f"harpi: {path}:1:8: is not valid TOML")


def test_a_corrupt_model(tmp_path: Path) -> None:
    path = tmp_path / "base.tflite"
    path.write_bytes(shipped.path("models/generic.tflite").read_bytes()[:-1000])
    code, line = refusal("--emulate", str(recording_path()), "--set", f"models.base={path}")
    assert code == 5
    assert line.startswith(f"harpi: {path}: ")


# The sensor's troubles, with the emulated bus in the place of the real one.


@pytest.fixture
def signals_restored() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals_restored")
@pytest.mark.parametrize(
    ("address", "faults", "words"),
    [
        (0x69, FaultPlan(), "0x68"),
        (0x68, FaultPlan(Fault(FaultKind.CORRUPT_ID, transfer=0, value=0xFF)), "0xFF"),
        (0x68, FaultPlan(Fault(FaultKind.BUSY, transfer=0, transfers=100)), "driver"),
        (0x68, FaultPlan(Fault(FaultKind.STUCK, transfer=0)), "bus"),
    ],
    ids=["wrong address", "foreign chip", "busy", "stuck"],
)
def test_a_sensor_that_does_not_answer(
    address: int,
    faults: FaultPlan,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def bus(_number: int) -> EmulatedBus:
        return emulated(SystemTime(), address=address, faults=faults)

    monkeypatch.setattr("harpi.daemon.daemon.SmbusBus", bus)
    with pytest.raises(SystemExit) as caught:
        main(["run", *WITHOUT_BROKER, "--set", "log.level=error"])
    assert caught.value.code == 3
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("harpi: ")]
    assert words in line


@pytest.mark.usefixtures("signals_restored")
def test_a_bus_without_permission(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def denied(_number: int) -> NoReturn:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("smbus2.SMBus", denied)
    with pytest.raises(SystemExit) as caught:
        main(["run", *WITHOUT_BROKER])
    assert caught.value.code == BusPermissionDenied.exit_code == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("harpi: /dev/i2c-1: ")
    assert "group" in line


def test_told_to_end_while_it_starts(tmp_path: Path) -> None:
    with running_harpi(*command(tmp_path)) as run:
        wait_until(lambda: b"harpi" in Path(f"/proc/{run.pid}/cmdline").read_bytes(), "it runs")
        assert run.stderr is not None
        run.stderr.readline()
        end(run, signal.SIGTERM)
        assert run.returncode == 0


def test_the_keys_of_a_terminal_teach_and_end_it(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with running_harpi(*command(tmp_path), "--keyboard", stdin=theirs) as run:
        assert run.stdout is not None
        while "end harpi" not in run.stdout.readline():
            pass
        os.write(ours, b"1")
        assert "walking" in run.stdout.readline()
        os.write(ours, b"q")
        assert run.wait(10.0) == 0
    os.close(ours)
    os.close(theirs)


def test_without_a_terminal_there_are_no_keys(tmp_path: Path) -> None:
    done = harpi(*command(tmp_path), "--keyboard")
    assert done.returncode == 8
    assert "harpi: keyboard: there is no terminal to read keys from." in done.stderr


def test_a_part_that_fails_again_and_again_ends_it_with_an_exit_code_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> NoReturn:
        raise MemoryError("planted")

    monkeypatch.setattr(supervisor, "LONGEST_PAUSE", 0.0)
    monkeypatch.setattr(WindowMaker, "push", fail)
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        with pytest.raises(SystemExit) as caught:
            main([*command(tmp_path), *WITHOUT_BROKER])
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])
    assert caught.value.code == 12
    assert "the thread recognition fails again and again" in capsys.readouterr().err
