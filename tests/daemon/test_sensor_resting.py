"""When the sensor sleeps, and that no take is slept through."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harpi.commands import Record, Stop
from harpi.daemon import Daemon
from harpi.imu.emulator import Chip, EmulatedBus, VirtualTime
from tests.support.bench import Held
from tests.support.device import device_config

MINUTES = 1.0


class Shelf:
    """A daemon whose sensor lies on a shelf until a test moves it."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.time = VirtualTime()
        self.motion = Held(0, 0, 1, 0, 0, 0)
        bus = EmulatedBus({0x68: Chip(self.motion, self.time)}, self.time)
        config = device_config(folder, **{"sensor__rest_minutes": MINUTES, **settings})
        self.daemon = Daemon(config, bus=bus, timebase=self.time)
        self.daemon.open()

    @property
    def state(self) -> str:
        return self.daemon.health().sensor.state

    def play(self, seconds: float) -> int:
        """Let time pass; give the windows that were judged in it."""
        before = self.daemon.recognition.windows
        self.daemon.play(seconds)
        return self.daemon.recognition.windows - before

    def move(self) -> None:
        self.motion.become(*np.random.default_rng(0).normal(0, 0.5, 6))


def test_after_its_minutes_it_sleeps_and_nothing_is_judged(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.play(60 * MINUTES - 5)
    assert shelf.state == "running"
    shelf.play(20.0)
    assert shelf.state == "asleep"
    assert shelf.play(300.0) == 0
    assert shelf.daemon.condition().problems == ()


def test_it_is_off_where_nobody_asks_for_it(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, sensor__rest_minutes=None)
    shelf.play(300.0)
    assert shelf.state == "running"


def test_once_moved_it_judges_again(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.play(120.0)
    shelf.move()
    assert shelf.play(6.0) >= 1
    assert shelf.state == "running"


def test_a_false_alarm_costs_some_seconds(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.play(120.0)
    shelf.move()
    shelf.play(0.7)
    shelf.motion.become(0, 0, 1, 0, 0, 0)
    shelf.play(60 * MINUTES + 10)
    assert shelf.state == "asleep"


@pytest.mark.parametrize("asleep", [True, False])
def test_no_learnt_sample_of_a_take_is_lost(tmp_path: Path, asleep: bool) -> None:
    shelf = Shelf(tmp_path)
    if asleep:
        shelf.play(120.0)
    else:
        shelf.play(60 * MINUTES - 6)
    session = shelf.daemon.session
    began = shelf.time.monotonic()
    assert session.command(Record(label="sitting"), "test").ok
    shelf.play(30.0)
    assert shelf.state == "running"
    assert session.command(Stop(), "test").ok
    (take,) = shelf.daemon._teaching.store.takes()  # type: ignore[union-attr]
    assert take.gaps == 0
    margin = shelf.daemon.config.learning.margin_seconds
    assert take.seconds > 30.0 - margin
    assert shelf.time.monotonic() - began == pytest.approx(30.0, abs=1.0)
    shelf.play(40.0)
    assert shelf.state == "running"  # its minutes begin anew
    shelf.play(60 * MINUTES)
    assert shelf.state == "asleep"
