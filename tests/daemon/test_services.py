"""A wearer teaches the running device, and what happens when that cannot be."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harpi.commands import Event, Record, Status, Stop, Train
from harpi.config import Config
from harpi.controls.client import Client
from harpi.daemon import Daemon
from harpi.imu.emulator.virtual_time import VirtualTime
from harpi.publish.messages import Condition
from harpi.timebase import SystemTime
from harpi.types import Verdict
from tests.support.broker import wait_until
from tests.support.device import device_config, emulated


@contextmanager
def playing(config: Config) -> Iterator[Daemon]:
    timebase = VirtualTime(start=1000.0)
    daemon = Daemon(config, bus=emulated(timebase), timebase=timebase)
    daemon.open()
    try:
        yield daemon
    finally:
        daemon.stop()


def record(daemon: Daemon, label: str, seconds: float) -> None:
    begun = daemon.session.command(Record(label=label), "test")
    assert begun.ok, begun.message
    daemon.play(seconds)
    ended = daemon.session.command(Stop(), "test")
    assert ended.ok, ended.message


def test_what_is_recorded_and_trained_is_what_the_personal_model_says(tmp_path: Path) -> None:
    ended: list[Event] = []
    seen: list[Verdict] = []
    with playing(device_config(tmp_path)) as daemon:
        daemon.session.subscribe(lambda event: ended.append(event) if event.outcome else None)
        daemon.play(5.0)
        for label in ("one", "two"):
            record(daemon, label, 14.0)
            daemon.play(4.0)
        assert daemon.session.command(Train(), "test").ok
        wait_until(lambda: ended, "training has ended", 60.0)
        assert ended[0].outcome == "taken", ended[0].message
        daemon.stream.subscribe(Verdict, seen.append)
        daemon.play(3.0)
        assert daemon.health().models["personal"].labels == 2
    assert seen
    assert {verdict.predictions["personal"].labels for verdict in seen} == {("one", "two")}


def test_what_was_learnt_is_there_after_a_restart(tmp_path: Path) -> None:
    config = device_config(tmp_path)
    with playing(config) as daemon:
        ended = threading.Event()
        daemon.session.subscribe(lambda event: ended.set() if event.outcome else None)
        for label in ("one", "two"):
            record(daemon, label, 14.0)
            daemon.play(4.0)
        daemon.session.command(Train(), "test")
        assert ended.wait(60.0)
    with playing(config) as daemon:
        assert daemon.recognisers.personal.labels == ("one", "two")
        wait_until(lambda: daemon.recognisers.knn.counts, "the kNN has read the store")


def test_without_a_store_it_predicts_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("harpi"), "propagate", True)
    config = device_config(tmp_path)
    Path(config.paths.state).write_text("in the way")
    with playing(config) as daemon:
        assert "Nothing can be recorded." in caplog.text
        answer = daemon.session.command(Record(label="walking"), "test")
        assert not answer.ok
        daemon.play(10.0)
        assert daemon.recognition.windows > 5


def test_a_socket_that_cannot_be_opened_is_said_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("harpi"), "propagate", True)
    config = device_config(tmp_path, socket__enabled=True)
    Path(config.paths.runtime).write_text("in the way")
    timebase = SystemTime()
    with Daemon(config, bus=emulated(timebase), timebase=timebase):
        pass
    assert "Going on without it." in caplog.text


def test_commands_come_through_the_socket(tmp_path: Path) -> None:
    config = device_config(tmp_path, socket__enabled=True)
    timebase = SystemTime()
    with (
        Daemon(config, bus=emulated(timebase), timebase=timebase),
        Client(Path(config.paths.runtime)) as client,
    ):
        answer = client.ask(Status())
    assert answer.ok
    assert answer.situation.state == "idle"


class Pins:
    """Pins of nobody's computer: `Gpio` with levels that a test sets."""

    def __init__(self) -> None:
        self.edges: dict[int, Callable[[int], None]] = {}
        self.high: dict[int, bool] = {}
        self.closed = False

    def watch(self, pin: int, on_edge: Callable[[int], None]) -> bool:
        self.edges[pin], self.high[pin] = on_edge, True
        return True

    def level(self, pin: int) -> bool:
        return self.high[pin]

    def light(self, pin: int) -> None:
        self.high[pin] = False

    def write(self, pin: int, high: bool) -> None:
        self.high[pin] = high

    def close(self) -> None:
        self.closed = True

    def move(self, pin: int, *, high: bool) -> None:
        self.high[pin] = high
        self.edges[pin](pin)


def test_a_button_records_and_the_light_shows_it(tmp_path: Path) -> None:
    config = device_config(tmp_path, buttons__enabled=True, leds__enabled=True)
    timebase, pins = SystemTime(), Pins()
    with Daemon(config, bus=emulated(timebase), timebase=timebase, gpio=pins) as daemon:
        pins.move(5, high=False)
        wait_until(lambda: daemon.session.situation.state == "recording", "it records")
        assert daemon.session.situation.label == "walking"
        wait_until(lambda: pins.high[16], "the light is on")
    assert pins.closed
    assert not pins.high[16]


def test_the_daemon_goes_on_without_pins_that_cannot_be_had(tmp_path: Path) -> None:
    config = device_config(tmp_path, buttons__enabled=True)
    timebase = SystemTime()
    with Daemon(config, bus=emulated(timebase), timebase=timebase) as daemon:
        wait_until(lambda: daemon.sampler.health().samples, "samples flow")
        (problem,) = daemon.condition().problems
    assert "python3-rpi-lgpio" in problem


def test_whoever_asks_on_the_socket_is_told_how_the_device_does(tmp_path: Path) -> None:
    config = device_config(tmp_path, socket__enabled=True)
    timebase = SystemTime()
    with (
        Daemon(config, bus=emulated(timebase), timebase=timebase) as daemon,
        Client(config.paths.runtime_folder) as client,
    ):
        wait_until(lambda: daemon.sampler.health().samples, "samples flow")
        condition = client.examine(Condition)
    assert condition.device == "arm"
    assert condition.health.sensor.state == "running"
    assert condition.store is not None
    assert condition.store.path == str(tmp_path / "state" / "takes.db")
    assert (condition.broker, condition.page) == (None, None)
    assert condition.problems == ()


def test_a_store_and_a_head_that_cannot_be_used_are_among_the_problems(tmp_path: Path) -> None:
    state = tmp_path / "state"
    (state / "heads").mkdir(parents=True)
    (state / "heads" / "shelf.json").write_text("{")
    (state / "takes.db").write_text("no database at all, but long enough to be looked into")
    with playing(device_config(tmp_path)) as daemon:
        daemon.play(3.0)
        condition = daemon.condition()
    assert condition.store is None
    text = "\n".join(condition.problems)
    assert "takes.db" in text
    assert "shelf.json" in text
