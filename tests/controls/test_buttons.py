"""Buttons at pin level: what is pressed becomes commands, whatever the contacts do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from harpi.commands import Answer, Command, Confirm, Correct, Forget, Record, Stop, Train, Undo
from harpi.config.schema import ButtonsSection
from harpi.controls.buttons import QUEUE, Buttons
from harpi.controls.gpio import RpiGpio
from harpi.errors import ControlError
from harpi.imu.emulator import VirtualTime
from harpi.timebase import SystemTime
from tests.support.fake_gpio import FakeRpiGpio
from tests.support.fake_room import FakeRoom

WALKING, SITTING, STANDING, RUNNING, TRAIN, UNDO = 5, 6, 13, 19, 26, 12
LABELS = ("walking", "sitting", "standing", "running")
BOUNCES = (0.001, 0.004, 0.002, 0.007)


def record(label: str) -> Record:
    return Record(label=label, new=True)


def for_test(label: str) -> Record:
    return Record(label=label, test=True, new=True)


class Pad:
    """Six buttons, and a finger that takes its time."""

    def __init__(
        self, room: FakeRoom, pins: FakeRpiGpio, gpio: RpiGpio, time: VirtualTime, **how: Any
    ) -> None:
        self.room, self.pins, self.time = room, pins, time
        section = ButtonsSection(enabled=True, **how)
        self.buttons = Buttons(room, gpio, section, LABELS, time)

    def passes(self, seconds: float) -> None:
        """Time goes on, as the thread of the buttons sees it."""
        end = self.time.monotonic() + seconds
        while (left := end - self.time.monotonic()) > 1e-9:
            self.time.advance(min(left, max(self.buttons.step(), 1e-4)))
        self.buttons.step()

    def press(self, pin: int, seconds: float = 0.2, **how: Any) -> list[Command]:
        """Press a button for a while; give the commands that come of it."""
        before = len(self.room.commands)
        self.pins.press(pin, **how)
        self.passes(seconds)
        self.pins.release(pin, **how)
        self.passes(0.2)
        return self.room.commands[before:]


MakePad = Callable[..., Pad]


@pytest.fixture
def make_pad(room: FakeRoom, pins: FakeRpiGpio, gpio: RpiGpio, time: VirtualTime) -> MakePad:
    return lambda **how: Pad(room, pins, gpio, time, **how)


def test_press_to_start_and_press_to_stop(make_pad: MakePad) -> None:
    pad = make_pad()
    assert pad.press(WALKING) == [record("walking")]
    assert pad.press(WALKING) == [Stop()]
    assert pad.press(RUNNING) == [record("running")]
    assert pad.room.sources == {"buttons"}


def test_another_label_ends_the_take_and_begins_its_own(make_pad: MakePad) -> None:
    pad = make_pad()
    pad.press(WALKING)
    assert pad.press(SITTING) == [Stop(), record("sitting")]


def test_hold_to_record(make_pad: MakePad) -> None:
    pad = make_pad(mode="hold")
    pad.pins.press(WALKING)
    pad.passes(5)
    assert pad.room.commands == [record("walking")]
    pad.pins.release(WALKING)
    pad.passes(0.2)
    assert pad.room.commands == [record("walking"), Stop()]


def test_a_label_pressed_while_train_is_down_begins_a_test_take(make_pad: MakePad) -> None:
    pad = make_pad()
    pad.pins.press(TRAIN)
    pad.passes(0.3)
    assert pad.press(WALKING) == [for_test("walking")]
    pad.passes(5)
    pad.pins.release(TRAIN)
    pad.passes(0.2)
    assert pad.room.commands == [for_test("walking")]  # neither trained nor asked to forget
    assert pad.press(SITTING) == [Stop(), for_test("sitting")]
    assert pad.press(SITTING) == [Stop()]
    assert pad.press(SITTING) == [record("sitting")]
    assert pad.press(TRAIN) == [Train()]


@pytest.mark.parametrize("mode", ["toggle", "hold"])
def test_a_label_pressed_while_undo_is_down_corrects(make_pad: MakePad, mode: str) -> None:
    pad = make_pad(mode=mode)
    pad.pins.press(UNDO)
    pad.passes(0.3)
    assert pad.press(WALKING) == [Correct(label="walking", new=True)]
    pad.passes(5)
    pad.pins.release(UNDO)
    pad.passes(0.2)
    assert pad.room.commands == [Correct(label="walking", new=True)]  # nothing is undone


def test_hold_to_record_a_test_take(make_pad: MakePad) -> None:
    pad = make_pad(mode="hold")
    pad.pins.press(TRAIN)
    pad.passes(0.3)
    assert pad.press(WALKING, 5) == [for_test("walking"), Stop()]
    pad.pins.release(TRAIN)
    pad.passes(0.2)
    assert pad.press(WALKING, 5) == [record("walking"), Stop()]


def test_letting_go_of_a_button_does_not_end_the_take_of_another(make_pad: MakePad) -> None:
    pad = make_pad(mode="hold")
    pad.pins.press(WALKING)
    pad.passes(1)
    pad.pins.press(SITTING)
    pad.passes(1)
    pad.pins.release(WALKING)
    pad.passes(1)
    assert pad.room.commands == [record("walking"), Stop(), record("sitting")]


def test_a_short_press_of_train_trains_and_a_long_one_asks_to_forget(
    make_pad: MakePad,
) -> None:
    pad = make_pad()
    assert pad.press(TRAIN) == [Train()]
    assert pad.press(TRAIN, 1.4) == [Train()]
    assert pad.press(TRAIN, 1.6) == [Forget()]


def test_a_press_of_train_confirms_while_harpi_asks(make_pad: MakePad) -> None:
    pad = make_pad()
    pad.room.become(asking=True)
    assert pad.press(TRAIN) == [Confirm()]


def test_a_long_press_is_done_while_the_button_is_still_down(make_pad: MakePad) -> None:
    pad = make_pad()
    pad.pins.press(TRAIN)
    pad.passes(1.6)
    assert pad.room.commands == [Forget()]
    pad.passes(60)
    pad.pins.release(TRAIN)
    pad.passes(1)
    assert pad.room.commands == [Forget()]


def test_undo_takes_back_and_a_long_undo_drops_the_last_take(make_pad: MakePad) -> None:
    pad = make_pad()
    assert pad.press(UNDO) == [Undo()]
    assert pad.press(UNDO, 2.0) == [Undo(whole=True)]


@pytest.mark.parametrize("pin", [WALKING, TRAIN, UNDO])
def test_a_bad_contact_presses_once(make_pad: MakePad, pin: int) -> None:
    pad = make_pad()
    assert len(pad.press(pin, bounces=BOUNCES)) == 1


def test_a_press_has_the_time_of_its_first_edge(make_pad: MakePad) -> None:
    pad = make_pad()
    pressed = pad.time.monotonic()
    pad.press(WALKING, bounces=BOUNCES)
    assert pad.room.times == [pressed]


@pytest.mark.parametrize("pin", [WALKING, TRAIN, UNDO])
def test_a_kernel_that_drops_every_edge_wedges_nothing(make_pad: MakePad, pin: int) -> None:
    pad = make_pad()
    pad.pins.drops_edges = True
    assert len(pad.press(pin, 0.4)) == 1
    assert len(pad.press(pin, 0.4)) == 1


def test_a_dropped_release_is_found_and_ends_a_held_take(make_pad: MakePad) -> None:
    pad = make_pad(mode="hold")
    pad.pins.press(WALKING)
    pad.passes(3)
    pad.pins.drops_edges = True
    pad.pins.release(WALKING)
    pad.passes(0.3)
    assert pad.room.commands[-1] == Stop()


def test_without_edge_detection_the_levels_are_polled(
    make_pad: MakePad, pins: FakeRpiGpio
) -> None:
    pins.reports_edges = False
    pad = make_pad()
    assert pad.press(WALKING, 0.06) == [record("walking")]
    assert pad.buttons.step() <= 0.01


def test_presses_during_a_slow_command_are_done_afterwards_by_their_own_times(
    make_pad: MakePad,
) -> None:
    pad = make_pad()
    begun = pad.time.monotonic()
    # Nobody looks while this happens: a short press, and soon after it a long one.
    pad.pins.press(TRAIN)
    pad.time.advance(0.3)
    pad.pins.release(TRAIN)
    pad.time.advance(0.1)
    pad.pins.press(TRAIN)
    pad.time.advance(2.0)
    pad.pins.release(TRAIN)
    pad.time.advance(5)
    pad.passes(0.2)
    assert pad.room.commands == [Train(), Forget()]
    assert pad.room.times == [pytest.approx(begun + 0.3), pytest.approx(begun + 2.4)]


def test_more_edges_than_can_wait_are_dropped_and_wedge_nothing(
    make_pad: MakePad, caplog: pytest.LogCaptureFixture
) -> None:
    pad = make_pad()
    for _ in range(QUEUE):
        pad.pins.press(TRAIN)
        pad.time.advance(0.001)
        pad.pins.release(TRAIN)
        pad.time.advance(0.001)
    assert "too many edges" in caplog.text
    pad.passes(1)
    pad.room.commands.clear()
    assert pad.press(WALKING) == [record("walking")]


@pytest.mark.parametrize("stuck", [WALKING, TRAIN])
def test_a_button_that_is_stuck_at_the_start_does_nothing(
    make_pad: MakePad, pins: FakeRpiGpio, stuck: int
) -> None:
    pins._levels[stuck] = pins.LOW
    pad = make_pad()
    pad.passes(3)
    assert pad.room.commands == []
    assert pad.press(SITTING) == [record("sitting")]


def test_any_number_of_labels_and_roles_without_a_pin(
    make_pad: MakePad, pins: FakeRpiGpio
) -> None:
    pad = make_pad(labels=(22,), train=None, undo=None)
    assert pins.in_use == {22}
    assert pad.press(22) == [record("walking")]


def test_a_pin_without_a_label_is_left_alone(make_pad: MakePad, pins: FakeRpiGpio) -> None:
    make_pad(labels=(2, 3, 4, 5, 6, 7), train=None, undo=None)
    assert pins.in_use == {2, 3, 4, 5}


def test_a_pin_that_is_taken_is_an_error(make_pad: MakePad, pins: FakeRpiGpio) -> None:
    pins.busy = {TRAIN}
    with pytest.raises(ControlError, match="GPIO26"):
        make_pad()


def test_a_refused_press_is_logged(make_pad: MakePad, caplog: pytest.LogCaptureFixture) -> None:
    pad = make_pad()
    pad.room.answer = {"ok": False, "message": "harpi is training."}
    pad.press(WALKING)
    assert ("WARNING", "harpi is training.") in [
        (line.levelname, line.message) for line in caplog.records
    ]


def test_the_thread_does_what_is_pressed(pins: FakeRpiGpio, gpio: RpiGpio) -> None:
    obeyed = threading.Event()

    class Waiting(FakeRoom):
        def command(self, *args: Any, **more: Any) -> Answer:
            obeyed.set()
            return super().command(*args, **more)

    room = Waiting()
    buttons = Buttons(room, gpio, ButtonsSection(enabled=True), LABELS, SystemTime())
    buttons.start()
    pins.press(WALKING)
    assert obeyed.wait(20)
    buttons.stop()
    assert room.commands == [record("walking")]


def test_the_thread_ends_when_it_is_told(make_pad: MakePad) -> None:
    pad = make_pad()
    pad.buttons.start()
    assert any(thread.name == "harpi-buttons" for thread in threading.enumerate())
    pad.buttons.stop()
    pad.buttons.stop()
    assert not any(thread.name == "harpi-buttons" for thread in threading.enumerate())
