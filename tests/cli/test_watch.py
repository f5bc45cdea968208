"""`harpi watch` on a real broker."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from harpi.config.schema import MqttSection
from harpi.publish.messages import State
from harpi.publish.publisher import MqttPublisher
from harpi.timebase import SystemTime
from tests.support.broker import Broker, running, wait_until
from tests.support.command import HARPI, environment, harpi, running_harpi
from tests.support.device import recording_path
from tests.support.terminal import Terminal
from tests.support.verdicts import verdict

pytestmark = pytest.mark.broker


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running(Broker(tmp_path)) as one:
        yield one


def say(broker: Broker, device: str, sequence: int) -> None:
    section = msgspec.convert({"host": broker.host, "port": broker.port}, MqttSection)
    publisher = MqttPublisher(section, device)
    publisher.start()
    publisher.publish_state(State.of(verdict(), sequence, SystemTime()))
    wait_until(lambda: publisher.figures().sent == 2, "the state is out")
    publisher.stop()


def test_the_last_word_of_a_device_that_is_gone_is_shown(broker: Broker) -> None:
    say(broker, "arm", 3)
    done = harpi("watch", "--host", broker.host, "--port", str(broker.port), "--count", "1")
    assert done.returncode == 0, done.stderr
    assert "arm activity=walking:0.70 knn=walking:0.70" in done.stdout


def test_one_device_of_several(broker: Broker) -> None:
    say(broker, "arm", 1)
    say(broker, "leg", 2)
    words = ["watch", "--port", str(broker.port), "--host", broker.host, "--json"]
    both = harpi(*words, "--count", "2")
    assert {json.loads(line)["device"] for line in both.stdout.splitlines()} == {"arm", "leg"}
    leg = harpi(*words, "--id", "leg", "--count", "1")
    assert {json.loads(line)["device"] for line in leg.stdout.splitlines()} == {"leg"}


def test_a_broker_that_is_not_there() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    done = harpi("watch", "--host", "127.0.0.1", "--port", str(port))
    assert done.returncode == 7
    assert done.stderr == (
        f"harpi: 127.0.0.1:{port}: broker cannot be reached: Connection refused. "
        "Check mqtt.host and mqtt.port, and that the broker runs.\n"
    )


@pytest.mark.parametrize("broker_is", ["mqtt.enabled=false", "mqtt.port=1"])
def test_without_a_broker_it_is_the_harpi_of_this_computer(
    tmp_path: Path, broker_is: str
) -> None:
    here = ["--set", f"paths.runtime={tmp_path / 'run'}", "--set", broker_is]
    own = ["--set", "device.id=arm", "--set", f"paths.state={tmp_path / 'state'}"]
    emulated = ["--emulate", str(recording_path()), "--set", "signal.hop=8"]
    with running_harpi("run", *emulated, *own, *here):
        wait_until((tmp_path / "run/harpi.sock").exists, "the daemon runs")
        done = harpi("watch", *here, "--count", "2")
        named = harpi("watch", *here, "--count", "2", "--host", "127.0.0.1")
    assert done.returncode == 0, done.stderr
    assert "arm is online" in done.stdout
    assert done.stdout.count("arm activity=") == 2
    assert ("Showing the harpi of this computer instead." in done.stderr) == (
        "port" in broker_is
    )
    assert named.returncode == 7


def test_a_user_without_a_password_is_asked_for_one() -> None:
    done = harpi("watch", "--user", "viewer")
    assert done.returncode == 2
    assert "--user: this user's password is missing" in done.stderr


def test_a_broker_that_refuses(tmp_path: Path) -> None:
    with running(Broker(tmp_path, password="correct horse")) as broker:
        done = harpi("watch", "--host", broker.host, "--port", str(broker.port))
    assert done.returncode == 7
    assert "broker refuses harpi (Not authorized)" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_on_a_terminal_the_broker_may_go_away_and_come_back(
    broker: Broker, number: signal.Signals
) -> None:
    say(broker, "arm", 41)
    terminal = Terminal("watch", "--host", broker.host, "--port", str(broker.port))
    wait_until(lambda: "window 41" in terminal.picture, "the verdict is shown")
    broker.kill()
    wait_until(lambda: "the broker is away" in terminal.picture, "it is said to be away")
    assert "window 41" in terminal.picture
    broker.start()
    wait_until(lambda: "the broker is away" not in terminal.picture, "it is said to be back")
    say(broker, "leg", 42)
    wait_until(lambda: "window 42" in terminal.picture, "what is new is shown")
    assert "2 devices" in terminal.picture
    assert terminal.end(number) == 130
    assert "\x1b[2J" not in terminal.written
    _, left, after = terminal.written.rpartition("\x1b[?1049l")
    assert left
    assert "window 42" in after
    assert "Traceback" not in terminal.written


def test_a_terminal_that_can_do_nothing_gets_lines(broker: Broker) -> None:
    say(broker, "arm", 3)
    code = "import sys; sys.stdout.isatty = lambda: True;" + HARPI[2]
    done = subprocess.run(
        [sys.executable, "-c", code, "watch", "--port", str(broker.port), "--count", "1"],
        env=environment(TERM="dumb"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "arm activity=walking:0.70 knn=walking:0.70" in done.stdout
    assert "\x1b" not in done.stdout
