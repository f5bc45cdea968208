"""A fault of harpi's own in each thread of a running device: told, and the thread goes on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from harpi.commands import Record, Status
from harpi.controls import socket as control_socket
from harpi.controls.buttons import Buttons
from harpi.controls.client import Client
from harpi.controls.leds import Leds
from harpi.controls.socket import ControlSocket
from harpi.daemon import Daemon
from harpi.daemon.status import Housekeeping
from harpi.errors import ControlError
from harpi.imu.emulator.virtual_time import VirtualTime
from harpi.imu.sampler import Sampler
from harpi.learning.learner import Learner
from harpi.publish import homeassistant
from harpi.publish.commands import MqttCommands
from harpi.publish.history import History
from harpi.publish.link import Link
from harpi.publish.publisher import MqttPublisher
from harpi.session import Session
from harpi.signal.windows import WindowMaker
from harpi.systemd import Notifier
from harpi.timebase import SystemTime
from harpi.web.server import WebServer
from tests.daemon.test_services import Pins
from tests.support.broker import wait_until
from tests.support.device import device_config, emulated
from tests.web.scenario import free_port


class Plant:
    """Lets a function fail once in one thread, and counts how often it worked there."""

    def __init__(
        self, patch: pytest.MonkeyPatch, owner: Any, function: str, thread: str
    ) -> None:
        self.failed = False
        self.worked = 0
        original = getattr(owner, function)

        @wraps(original)
        def planted(*arguments: Any, **named: Any) -> Any:
            if threading.current_thread().name != thread:
                return original(*arguments, **named)
            if not self.failed:
                self.failed = True
                raise MemoryError("planted")
            self.worked += 1
            return original(*arguments, **named)

        patch.setattr(owner, function, planted)


def nothing(_daemon: Daemon) -> None:
    """What this thread does by itself is enough."""


def send_requests(daemon: Daemon) -> None:
    assert daemon.publisher is not None
    for _ in range(2):
        daemon.publisher.heard(f"{daemon.publisher.base}/set/status", b"")


def ask_twice(daemon: Daemon) -> None:
    for _ in range(2):
        try:
            with Client(daemon.config.paths.runtime_folder) as client:
                client.ask(Status())
        except ControlError:
            continue  # this is the client on whose thread it failed


def record(daemon: Daemon) -> None:
    assert daemon.session.command(Record(label="strolling", test=True), "test").ok


THREADS: list[tuple[str, Any, str, Callable[[Daemon], None]]] = [
    ("sampler", Sampler, "drain", nothing),
    ("recognition", WindowMaker, "push", nothing),
    ("harpi-learner", Learner, "_follow", nothing),
    ("harpi-session", Session, "work", record),
    ("housekeeping", Housekeeping, "tick", nothing),
    ("mqtt-link", Link, "_connect", nothing),
    ("mqtt-sender", MqttPublisher, "_wait_for_work", nothing),
    ("mqtt-history", History, "write", nothing),
    ("mqtt-commands", MqttCommands, "_obey", send_requests),
    ("mqtt-discovery", homeassistant, "write_atomically", record),
    ("harpi-socket", control_socket, "partial", ask_twice),
    ("harpi-client", ControlSocket, "_converse", ask_twice),
    ("harpi-buttons", Buttons, "step", nothing),
    ("harpi-leds", Leds, "step", nothing),
    ("harpi-page", WebServer, "_serve", nothing),
]


@pytest.mark.parametrize(("thread", "owner", "function", "provoke"), THREADS)
def test_a_fault_in_a_thread_is_told_and_the_thread_goes_on(
    thread: str,
    owner: Any,
    function: str,
    provoke: Callable[[Daemon], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(logging.getLogger("harpi"), "propagate", True)
    plant = Plant(monkeypatch, owner, function, thread)
    config = device_config(
        tmp_path,
        mqtt__enabled=True,
        mqtt__host="127.0.0.1",
        mqtt__port=free_port(),
        mqtt__history__write_seconds=0.1,
        socket__enabled=True,
        web__enabled=True,
        web__port=free_port(),
        buttons__enabled=True,
        leds__enabled=True,
    )
    timebase = SystemTime()
    with Daemon(config, bus=emulated(timebase), timebase=timebase, gpio=Pins()) as daemon:
        provoke(daemon)
        wait_until(lambda: plant.worked, "it works again")
        wait_until(lambda: daemon.condition().health.faults == {thread: 1}, "it is counted")
        condition = daemon.condition()
    assert [problem for problem in condition.problems if thread in problem]
    assert "MemoryError: planted" in caplog.text
    assert "Traceback" in caplog.text


def test_a_fault_in_one_window_costs_that_window_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    timebase = SystemTime()
    with Daemon(device_config(tmp_path), bus=emulated(timebase), timebase=timebase) as daemon:
        wait_until(lambda: daemon.recognition.windows, "it judges")
        plant = Plant(monkeypatch, type(daemon.recognisers.panel), "judge", "recognition")
        wait_until(lambda: plant.worked > 1, "it judges on")
        figures = daemon.recognition.figures()
        problems = daemon.condition().problems
    assert figures.failed == 1
    assert any("MemoryError: planted" in problem for problem in problems)


class Notes(Notifier):
    """A way to systemd that counts how often the watchdog was fed."""

    def __init__(self) -> None:
        super().__init__({"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "30000000"})
        self.fed = 0

    def _send(self, message: str) -> None:
        self.fed += message == "WATCHDOG=1"


def test_the_watchdog_hungers_while_samples_come_and_no_window_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    timebase, notes = VirtualTime(start=1000.0), Notes()
    daemon = Daemon(
        device_config(tmp_path), bus=emulated(timebase), timebase=timebase, notifier=notes
    )
    daemon.open()
    daemon.play(30.0)
    assert notes.fed > 20

    def fail(*_: object) -> None:
        raise MemoryError("planted")

    with monkeypatch.context() as patch:
        patch.setattr(type(daemon.recognisers.panel), "judge", fail)
        daemon.play(20.0)
        fed = notes.fed
        daemon.play(60.0)
        assert notes.fed == fed
    daemon.play(5.0)
    daemon.stop()
    assert notes.fed > fed
