"""The status light as a guide."""

from __future__ import annotations

from harpi.calibrate.guide import Guides, LedGuide
from harpi.imu.emulator import VirtualTime
from tests.calibrate.bench import Notes
from tests.doctor.ward import Panel

PIN = 21


class Room:
    def __init__(self) -> None:
        self.time = VirtualTime()
        self.panel = Panel({})
        self.lamp = LedGuide(self.panel, PIN, self.time)

    def seen(self, seconds: float) -> str:
        """What somebody sees who looks ten times a second: lit or dark."""
        shown = ""
        for _ in range(round(seconds * 10)):
            self.time.advance(0.05)
            self.lamp.tick()
            shown += "#" if PIN in self.panel.lit else "."
            self.time.advance(0.05)
        return shown


def test_it_is_dark_until_something_is_shown() -> None:
    assert Room().seen(1.0) == ".........."


def test_it_blinks_while_a_new_position_is_waited_for() -> None:
    room = Room()
    room.lamp.show("move")
    assert room.seen(2.0) == "#####.....#####....."


def test_it_is_lit_while_one_should_hold_still() -> None:
    room = Room()
    room.lamp.show("hold")
    assert room.seen(1.0) == "##########"


def test_a_flash_gives_way_to_what_was_before() -> None:
    room = Room()
    room.lamp.show("move")
    room.seen(0.2)
    room.lamp.show("taken")
    assert room.seen(0.6) == "#.#.#."
    assert room.seen(1.0) == "#####....."


def test_a_flash_is_seen_to_its_end() -> None:
    room = Room()
    room.lamp.show("taken")
    room.lamp.show("move")
    assert room.seen(1.6) == "#.#.#.#####....."


def test_the_end_is_dark() -> None:
    room = Room()
    room.lamp.show("done")
    assert room.seen(3.0) == "####################.........."


def test_all_guides_are_told() -> None:
    notes = [Notes(), Notes()]
    guides = Guides(notes)
    guides.say("Now.")
    guides.show("hold")
    guides.tick()
    assert [(n.said, n.cues, n.ticks) for n in notes] == [(["Now."], ["hold"], 1)] * 2
