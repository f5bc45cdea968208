"""The lights: what a wearer sees of the session and of the models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from harpi.config.schema import LedsSection
from harpi.controls.gpio import RpiGpio
from harpi.controls.leds import COUNT_PAUSE, STALE_SECONDS, Leds
from harpi.errors import ControlError
from harpi.imu.emulator import VirtualTime
from tests.support.fake_gpio import FakeRpiGpio
from tests.support.fake_room import FakeRoom
from tests.support.verdicts import verdict

RECORDING, TRAINING, STATUS = 16, 20, 21
LABELS = ("walking", "sitting", "standing")
STEP = 0.01


class Eye:
    """Looks at the lights."""

    def __init__(
        self, room: FakeRoom, pins: FakeRpiGpio, gpio: RpiGpio, time: VirtualTime
    ) -> None:
        self.room, self.pins, self.time = room, pins, time
        self.leds = Leds(room, gpio, LedsSection(enabled=True), LABELS, time)

    def watch(self, pin: int, seconds: float) -> list[tuple[bool, Any]]:
        """Give the stretches of light and darkness that one sees, and their seconds."""
        seen: list[tuple[bool, Any]] = []
        for _ in range(round(seconds / STEP)):
            self.leds.step()
            lit = self.pins.lit(pin)
            if not seen or seen[-1][0] != lit:
                seen.append((lit, 0.0))
            seen[-1] = (lit, round(seen[-1][1] + STEP, 3))
            self.time.advance(STEP)
        return seen

    def blinks(self, pin: int, seconds: float) -> int:
        return sum(lit for lit, _ in self.watch(pin, seconds))

    def dark(self, pin: int, seconds: float = 3.0) -> bool:
        return self.watch(pin, seconds) == [(False, pytest.approx(seconds))]


@pytest.fixture
def eye(room: FakeRoom, pins: FakeRpiGpio, gpio: RpiGpio, time: VirtualTime) -> Iterator[Eye]:
    eye = Eye(room, pins, gpio, time)
    yield eye
    eye.leds.stop()


def test_at_first_all_is_dark(eye: Eye) -> None:
    assert all(eye.dark(pin) for pin in (RECORDING, TRAINING, STATUS))


@pytest.mark.parametrize(("label", "count"), [("walking", 1), ("sitting", 2), ("standing", 3)])
def test_recording_blinks_the_number_of_the_label(eye: Eye, label: str, count: int) -> None:
    eye.room.become(state="recording", label=label)
    eye.room.happens()
    seen = eye.watch(RECORDING, 10)
    groups, blinks = [], 0
    for lit, seconds in seen:
        if lit:
            blinks += 1
        elif seconds == pytest.approx(COUNT_PAUSE, abs=2 * STEP):
            groups.append(blinks)
            blinks = 0
    assert set(groups) == {count}
    assert len(groups) >= 3
    assert eye.dark(TRAINING)


def test_a_label_without_a_button_is_a_steady_light(eye: Eye) -> None:
    eye.room.become(state="recording", label="juggling")
    eye.room.happens()
    assert eye.watch(RECORDING, 3) == [(True, pytest.approx(3))]


def test_a_test_take_blinks_longer(eye: Eye) -> None:
    eye.room.become(state="testing", label="walking")
    eye.room.happens()
    assert eye.watch(RECORDING, 3)[0] == (True, pytest.approx(0.5, abs=2 * STEP))


def test_the_light_goes_out_when_the_take_ends(eye: Eye) -> None:
    eye.room.become(state="recording", label="walking")
    eye.room.happens()
    eye.watch(RECORDING, 1)
    eye.room.become(state="idle", label=None)
    eye.room.happens("notice")
    assert eye.dark(RECORDING)


def test_going_over_to_another_label_counts_anew(eye: Eye) -> None:
    eye.room.become(state="recording", label="standing")
    eye.room.happens()
    eye.watch(RECORDING, 0.2)
    eye.room.become(label="sitting")
    eye.room.happens()
    seen = eye.watch(RECORDING, 2.0)
    assert [lit for lit, _ in seen[:4]] == [True, False, True, False]
    assert seen[3][1] == pytest.approx(COUNT_PAUSE, abs=2 * STEP)


def test_training_blinks_pausing_flashes_and_a_new_head_shines(eye: Eye) -> None:
    eye.room.become(state="training")
    eye.room.happens()
    assert eye.watch(TRAINING, 1.5)[0] == (True, pytest.approx(0.5, abs=2 * STEP))
    eye.room.become(state="paused")
    eye.room.happens()
    assert eye.watch(TRAINING, 1.5)[0] == (True, pytest.approx(0.1, abs=2 * STEP))
    eye.room.become(state="idle")
    eye.room.happens("notice", outcome="taken")
    assert eye.watch(TRAINING, 4) == [
        (True, pytest.approx(2, abs=2 * STEP)),
        (False, pytest.approx(2, abs=2 * STEP)),
    ]


@pytest.mark.parametrize("outcome", ["cancelled", "kept"])
def test_a_head_that_stays_does_not_shine(eye: Eye, outcome: str) -> None:
    eye.room.become(state="training")
    eye.room.happens()
    eye.room.become(state="idle")
    eye.room.happens("notice", outcome=outcome)
    assert eye.dark(TRAINING)


def test_the_question_whether_to_forget_blinks_on_all_lights(eye: Eye) -> None:
    eye.room.become(asking=True)
    eye.room.happens()
    assert all(eye.blinks(pin, 1.5) >= 4 for pin in (RECORDING, TRAINING, STATUS))
    eye.room.become(asking=False)
    eye.room.happens("notice")
    assert eye.dark(RECORDING)


def test_a_refused_command_blinks_five_times(eye: Eye) -> None:
    eye.room.happens(ok=False)
    assert eye.blinks(STATUS, 5) == 5


def test_a_doubtful_take_blinks_twice(eye: Eye) -> None:
    eye.room.happens(warnings=("too short",))
    assert eye.blinks(STATUS, 5) == 2


def test_progress_of_training_changes_no_light(eye: Eye) -> None:
    eye.room.happens("progress", ok=False)
    assert eye.dark(STATUS)


def test_ready_shines_unsure_blinks(eye: Eye) -> None:
    eye.leds.show(verdict({"walking": 0.9, "sitting": 0.1}))
    assert eye.watch(STATUS, 2) == [(True, pytest.approx(2))]
    eye.leds.show(verdict({"walking": 0.5, "sitting": 0.5}))
    assert eye.blinks(STATUS, 4) >= 3


def test_the_wearers_own_model_counts_where_it_can_answer(eye: Eye) -> None:
    eye.leds.show(verdict({"walking": 0.9, "sitting": 0.1}, untrained=["personal"]))
    assert eye.watch(STATUS, 2) == [(True, pytest.approx(2))]


def test_without_verdicts_harpi_is_not_ready(eye: Eye) -> None:
    eye.leds.show(verdict())
    eye.watch(STATUS, STALE_SECONDS + 0.1)
    assert eye.dark(STATUS)


def test_the_thread_sleeps_until_a_light_has_to_change(eye: Eye) -> None:
    assert eye.leds.step() == float("inf")
    eye.room.become(state="training")
    eye.room.happens()
    assert eye.leds.step() == pytest.approx(0.5)


def test_a_light_without_a_pin_is_left_out(
    room: FakeRoom, pins: FakeRpiGpio, gpio: RpiGpio, time: VirtualTime
) -> None:
    leds = Leds(room, gpio, LedsSection(recording=None, training=None), LABELS, time)
    room.become(state="recording", label="walking")
    room.happens()
    leds.step()
    assert pins.in_use == {STATUS}
    leds.stop()


def test_a_pin_that_is_taken_is_an_error(
    room: FakeRoom, pins: FakeRpiGpio, gpio: RpiGpio, time: VirtualTime
) -> None:
    pins.busy = {TRAINING}
    with pytest.raises(ControlError, match="GPIO20"):
        Leds(room, gpio, LedsSection(), LABELS, time)


def test_the_thread_shows_what_happens_and_puts_the_lights_out_at_its_end(
    room: FakeRoom, pins: FakeRpiGpio, gpio: RpiGpio, time: VirtualTime
) -> None:
    import threading

    switched = threading.Event()
    write = pins.output

    def output(pin: int, value: int | bool) -> None:
        write(pin, value)
        switched.set()

    pins.output = output  # type: ignore[method-assign]
    leds = Leds(room, gpio, LedsSection(), LABELS, time)
    leds.start()
    room.become(state="training")
    room.happens()
    assert switched.wait(10)
    assert pins.lit(TRAINING)
    leds.stop()
    leds.stop()
    assert not pins.lit(TRAINING)
    assert room.listeners == []
    assert not any(thread.name == "harpi-leds" for thread in threading.enumerate())


def test_who_did_one_thing_for_too_long_sees_three_flashes(eye: Eye) -> None:
    eye.leds.nudge(True)
    assert eye.blinks(STATUS, 2.0) == 3
    eye.leds.nudge(False)
    assert eye.dark(STATUS)
