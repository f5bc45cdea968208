"""`harpi watch` on a real broker."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from harpi.config.schema import MqttSection
from harpi.publish.messages import State
from harpi.publish.mqtt import MqttPublisher
from harpi.timebase import SystemTime
from tests.support.broker import PATIENCE, Broker, running, wait_until
from tests.support.command import HARPI, environment, harpi
from tests.support.verdicts import verdict

pytestmark = pytest.mark.broker

HOME = "\x1b[H"


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
    assert "arm knn=walking:0.70" in done.stdout


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


def test_a_broker_that_refuses(tmp_path: Path) -> None:
    with running(Broker(tmp_path, password="correct horse")) as broker:
        done = harpi("watch", "--host", broker.host, "--port", str(broker.port))
    assert done.returncode == 7
    assert "broker refuses harpi: Not authorized" in done.stderr


class Terminal:
    """`harpi watch` on a pseudo-terminal, of which every byte is kept."""

    def __init__(self, broker: Broker) -> None:
        self._primary, secondary = pty.openpty()
        fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
        self.process = subprocess.Popen(
            [*HARPI, "watch", "--host", broker.host, "--port", str(broker.port)],
            env=environment(TERM="xterm"),
            stdin=secondary,
            stdout=secondary,
            stderr=secondary,
            start_new_session=True,
        )
        os.close(secondary)
        self.written = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def shows(self, text: str) -> bool:
        """Whether the picture that stands on the terminal has a text."""
        return text in self.written.rpartition(HOME)[2]

    def end(self, number: signal.Signals) -> int:
        # Python may swallow an interrupt that arrives within a callback; people press again.
        wait_until(lambda: self._signalled(number), "it ends")
        self._reader.join(PATIENCE)
        os.close(self._primary)
        return self.process.returncode

    def _signalled(self, number: signal.Signals) -> bool:
        self.process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(3.0)
        return self.process.returncode is not None

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the other side has ended
            while piece := os.read(self._primary, 65536):
                self.written += piece.decode(errors="replace")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_on_a_terminal_the_broker_may_go_away_and_come_back(
    broker: Broker, number: signal.Signals
) -> None:
    say(broker, "arm", 41)
    terminal = Terminal(broker)
    wait_until(lambda: terminal.shows("window 41"), "the verdict is shown")
    broker.kill()
    wait_until(lambda: terminal.shows("the broker is away"), "it is said to be away")
    assert terminal.shows("window 41")
    broker.start()
    wait_until(lambda: not terminal.shows("the broker is away"), "it is said to be back")
    say(broker, "leg", 42)
    wait_until(lambda: terminal.shows("window 42"), "what is new is shown")
    assert terminal.shows("2 devices")
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
    assert "arm knn=walking:0.70" in done.stdout
    assert "\x1b" not in done.stdout
