"""The keyboard of a laptop, on a terminal of its own."""

from __future__ import annotations

import os
import termios
import threading
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import TextIO

import pytest

from harpi.commands import (
    Cancel,
    Command,
    Confirm,
    Correct,
    Forget,
    Pause,
    Progress,
    Record,
    Resume,
    Situation,
    Stop,
    Train,
    Undo,
)
from harpi.controls.keyboard import KEYS, Keyboard
from harpi.errors import ControlError
from tests.support.fake_room import FakeRoom, event

LABELS = ("walking", "sitting")


class Desk:
    """A person at a terminal."""

    def __init__(self, room: FakeRoom) -> None:
        self.typing, inner = os.openpty()
        self.terminal: TextIO = os.fdopen(inner, "r")
        self.said: list[str] = []
        self.ended = threading.Event()
        self.keyboard = Keyboard(
            room, LABELS, end=self.ended.set, say=self.said.append, terminal=self.terminal
        )

    def settings(self) -> list[object]:
        return termios.tcgetattr(self.terminal.fileno())

    def close(self) -> None:
        self.keyboard.stop()
        self.terminal.close()
        os.close(self.typing)


@pytest.fixture
def desk(room: FakeRoom) -> Iterator[Desk]:
    desk = Desk(room)
    yield desk
    desk.close()


@pytest.mark.parametrize(
    ("state", "key", "commands"),
    [
        ("idle", "1", [Record(label="walking", new=True)]),
        ("idle", "2", [Record(label="sitting", new=True)]),
        ("idle", "3", []),
        ("idle", "t", [Train()]),
        ("idle", "s", [Stop()]),
        ("idle", "u", [Undo()]),
        ("idle", "U", [Undo(whole=True)]),
        ("idle", "c", [Cancel()]),
        ("idle", "F", [Forget()]),
        ("training", "p", [Pause()]),
        ("paused", "p", [Resume()]),
        ("idle", "x", []),
    ],
)
def test_keys_are_commands(
    room: FakeRoom, desk: Desk, state: str, key: str, commands: list[Command]
) -> None:
    room.become(state=state)
    desk.keyboard.press(key)
    assert room.commands == commands
    assert room.sources <= {"keyboard"}


def test_a_number_ends_its_take_and_goes_over_from_another(room: FakeRoom, desk: Desk) -> None:
    for key in "112":
        desk.keyboard.press(key)
    desk.keyboard.press("1")
    walking, sitting = Record(label="walking", new=True), Record(label="sitting", new=True)
    assert room.commands == [walking, Stop(), sitting, Stop(), walking]


def test_w_and_a_number_correct(room: FakeRoom, desk: Desk) -> None:
    for key in "w2w?1":
        desk.keyboard.press(key)
    assert room.commands == [
        Correct(label="sitting", new=True),
        Record(label="walking", new=True),
    ]


def test_t_confirms_while_harpi_asks(room: FakeRoom, desk: Desk) -> None:
    room.become(asking=True)
    desk.keyboard.press("t")
    assert room.commands == [Confirm()]


def test_answers_and_warnings_are_shown(room: FakeRoom, desk: Desk) -> None:
    room.answer = {"ok": False, "message": "No.", "warnings": ("Careful.",)}
    desk.keyboard.press("t")
    assert desk.said == ["No.", "Careful."]


def test_every_key_is_explained(desk: Desk) -> None:
    desk.keyboard.press("?")
    (shown,) = desk.said
    assert "1 walking  2 sitting" in shown
    assert all(what in shown for what in KEYS.values())


def test_a_training_tells_its_loss_on_the_way_and_how_it_ended(
    room: FakeRoom, desk: Desk
) -> None:
    for epoch in range(1, 101):
        situation = Situation(
            state="training",
            session=None,
            position="arm",
            progress=Progress(epoch=epoch, epochs=100, loss=0.5),
        )
        message = f"Epoch {epoch}: loss 0.500"
        desk.keyboard.hear(event("progress", message=message, situation=situation))
    desk.keyboard.hear(event("answer", message="not for the keyboard"))
    desk.keyboard.hear(
        event("notice", message="The new head is in use.", advice=("Record more.",))
    )
    told = [f"Epoch {epoch}: loss 0.500" for epoch in range(10, 101, 10)]
    assert desk.said == [*told, "The new head is in use.", "Record more."]


def test_typed_keys_arrive_one_by_one_and_q_ends(room: FakeRoom, desk: Desk) -> None:
    desk.keyboard.start()
    os.write(desk.typing, b"1s\xc3\xa9q")
    assert desk.ended.wait(20)
    assert room.commands == [Record(label="walking", new=True), Stop()]


def test_the_terminal_is_put_back_as_it_was(desk: Desk) -> None:
    before = desk.settings()
    desk.keyboard.start()
    assert desk.settings() != before
    desk.keyboard.stop()
    desk.keyboard.stop()
    assert desk.settings() == before
    assert not any(thread.name == "harpi-keyboard" for thread in threading.enumerate())


def test_ctrl_c_still_works(desk: Desk) -> None:
    desk.keyboard.start()
    flags = desk.settings()[3]
    assert isinstance(flags, int)
    assert flags & termios.ISIG


def test_without_a_terminal_it_is_said(room: FakeRoom) -> None:
    with Path(os.devnull).open() as nothing:
        for no_terminal in (nothing, StringIO()):
            keyboard = Keyboard(room, LABELS, end=lambda: None, say=print, terminal=no_terminal)
            with pytest.raises(ControlError, match="no terminal"):
                keyboard.start()
            keyboard.stop()


def test_a_terminal_that_goes_away_ends_the_thread(room: FakeRoom) -> None:
    desk = Desk(room)
    desk.keyboard.start()
    os.close(desk.typing)
    for thread in threading.enumerate():
        if thread.name == "harpi-keyboard":
            thread.join(20)
            assert not thread.is_alive()
    desk.keyboard.stop()
    desk.terminal.close()
