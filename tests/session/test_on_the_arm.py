"""The whole way at pin level: a recorded stranger presses, moves, trains, and is recognised.

The chip is emulated and plays the shipped recording of a person whom no model has seen; time
is virtual. The buttons are pressed through the API of `RPi.GPIO`.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from harpi.commands import Event
from harpi.config.schema import ButtonsSection, LedsSection
from harpi.controls.buttons import Buttons
from harpi.controls.gpio import RpiGpio
from harpi.controls.leds import Leds
from harpi.daemon import Daemon
from harpi.imu.emulator import Chip, EmulatedBus, VirtualTime
from harpi.store.store import FILE_NAME, Store
from harpi.types import Verdict
from tests.support.device import device_config
from tests.support.fake_gpio import FakeRpiGpio, install
from tests.support.stage import Stage

LABELS = ("walking", "sitting", "standing", "lying")
PINS = dict(zip(LABELS, ButtonsSection().labels, strict=True))
TRAIN, UNDO = 26, 12


class Arm:
    """A device on an arm, with its buttons and lights."""

    def __init__(self, folder: Path, pins: FakeRpiGpio, time: VirtualTime) -> None:
        self.time, self.pins = time, pins
        self.stage = Stage(time)
        bus = EmulatedBus({0x68: Chip(self.stage, time)}, time)
        config = device_config(folder, **{"learning.labels": list(LABELS)})
        self.daemon = Daemon(config, bus=bus, timebase=time)
        self.daemon.open()
        gpio = RpiGpio(folder)
        session = self.daemon.session
        self.buttons = Buttons(session, gpio, ButtonsSection(enabled=True), LABELS, time)
        self.leds = Leds(session, gpio, LedsSection(enabled=True), LABELS, time)
        self.verdicts: list[Verdict] = []
        for see in (self.verdicts.append, self.leds.show):
            self.daemon.stream.subscribe(Verdict, see)
        self.events: list[Event] = []
        session.subscribe(self.events.append)

    def lives(self, seconds: float) -> None:
        """Time goes on, for the device and its buttons and lights."""
        end = self.time.monotonic() + seconds
        while self.time.monotonic() < end - 1e-6:
            self.daemon.play(min(0.05, end - self.time.monotonic()))
            self.buttons.step()
            self.leds.step()

    def press(self, pin: int, seconds: float = 0.2) -> None:
        self.pins.press(pin, bounces=(0.001, 0.003))
        self.lives(seconds)
        self.pins.release(pin, bounces=(0.002,))
        self.lives(0.2)

    def trains(self) -> Event:
        """Press train and go on moving until it is done."""
        ended = threading.Event()
        self.daemon.session.subscribe(lambda e: ended.set() if e.outcome else None)
        self.press(TRAIN)
        assert self.daemon.session.situation.state == "training" or ended.is_set()
        assert ended.wait(100)
        return next(e for e in reversed(self.events) if e.outcome)

    def answers(self, label: str, model: str) -> Counter[str | None]:
        """What a model says while the person does this for ten seconds."""
        self.stage.perform(label, 1)
        self.lives(4)
        self.verdicts.clear()
        self.lives(10)
        return Counter(verdict.predictions[model].best for verdict in self.verdicts)


@pytest.fixture
def arm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Arm]:
    time = VirtualTime(1000.0)
    arm = Arm(tmp_path, install(monkeypatch, time.advance), time)
    yield arm
    arm.leds.stop()
    arm.daemon.stop()


def test_a_stranger_teaches_the_device_with_its_buttons(arm: Arm) -> None:
    arm.lives(5)
    for label in LABELS:
        arm.stage.perform(label, 0)
        arm.lives(2)
        arm.press(PINS[label])
        assert arm.daemon.session.situation.label == label
        arm.lives(15)
        arm.press(PINS[label])
        assert arm.daemon.session.situation.state == "idle"
    assert all(event.ok and not event.warnings for event in arm.events)
    counts = {count.label: count.takes for count in arm.daemon.session.situation.labels}
    assert {label: counts[label] for label in LABELS} == dict.fromkeys(LABELS, 1)

    outcome = arm.trains()
    assert outcome.outcome == "taken", outcome.message

    right = {label: arm.answers(label, "personal") for label in LABELS}
    for label, said in right.items():
        assert said[label] >= 0.8 * said.total(), (label, said)

    assert arm.daemon.sampler.health().lost == 0
    hop = arm.daemon.config.signal.hop / arm.daemon.config.signal.rate
    ends = [verdict.window.end for verdict in arm.verdicts]
    assert max(b - a for a, b in pairwise(ends)) < 2 * hop


def test_a_test_take_by_buttons_is_measured_with_and_never_learnt(arm: Arm) -> None:
    arm.stage.perform("walking", 0)
    arm.lives(3)
    arm.pins.press(TRAIN)
    arm.lives(0.3)
    arm.press(PINS["walking"])
    arm.pins.release(TRAIN)
    arm.lives(10)
    assert arm.daemon.session.situation.state == "testing"
    arm.press(PINS["walking"])
    assert all(event.ok and not event.warnings for event in arm.events)
    store = Store(arm.daemon.config.paths.state_folder / FILE_NAME, read_only=True)
    assert [take.label for take in store.takes(split="test")] == ["walking"]
    assert store.takes(split="train") == []
    store.close()
    assert arm.daemon.recognisers.knn.counts == {}


def test_a_take_of_two_activities_is_flagged_and_taken_back_with_a_button(arm: Arm) -> None:
    arm.lives(3)
    arm.press(PINS["sitting"])
    arm.lives(8)
    arm.stage.perform("walking", 0)
    arm.lives(6)
    arm.press(PINS["sitting"])
    assert "contains different motions" in arm.events[-1].warnings[0]
    arm.press(UNDO)
    counts = {count.label: count.takes for count in arm.daemon.session.situation.labels}
    assert counts["sitting"] == 0


def test_forgetting_by_a_long_press_and_a_second_one(arm: Arm) -> None:
    arm.lives(3)
    for label in ("sitting", "walking"):
        arm.stage.perform(label, 0)
        arm.lives(1)
        arm.press(PINS[label])
        arm.lives(12)
        arm.press(PINS[label])
    assert arm.trains().outcome == "taken"
    assert arm.daemon.recognisers.personal.labels
    arm.press(TRAIN, 2.0)
    assert arm.daemon.session.situation.asking
    assert arm.daemon.recognisers.personal.labels
    arm.press(TRAIN)
    assert not arm.daemon.session.situation.asking
    assert not arm.daemon.recognisers.personal.labels
    assert all(count.takes == 0 for count in arm.daemon.session.situation.labels)
