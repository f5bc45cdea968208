"""The buttons on a laptop: keys of the terminal that harpi runs in.

The terminal gives its keys one by one while this is on, without showing them, and is put
back as it was when it ends, however it ends. Ctrl-C works as always.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import sys
import termios
import threading
import tty
from collections.abc import Callable
from typing import Any, Final, TextIO

from harpi.commands import (
    Cancel,
    Command,
    Correct,
    Event,
    Forget,
    Pause,
    Resume,
    SessionApi,
    Stop,
    Undo,
)
from harpi.controls.buttons import label_pressed, train_pressed
from harpi.errors import ControlError
from harpi.supervisor import Supervisor

SOURCE: Final = "keyboard"

KEYS: Final = {
    "1-9": "start or stop a take of that label",
    "s": "stop the take",
    "w": "harpi is wrong: the label whose number comes next is right",
    "t": "train; confirm forgetting",
    "p": "pause or resume training",
    "u": "undo what was done last",
    "U": "delete the whole last take",
    "c": "cancel",
    "F": "forget everything (asks first)",
    "?": "show the keys",
    "q": "end harpi",
}
"""The keys and what they do."""


class Keyboard:
    """Keys that do what the buttons do.

    Args:
        room: where the commands go.
        labels: what the number keys stand for, in their order.
        end: called for `q`, in the thread of the keyboard: asks harpi to end, waits for
            nothing.
        say: shows a line to the person at the terminal.
        terminal: where the keys are typed.
    """

    def __init__(
        self,
        room: SessionApi,
        labels: tuple[str, ...],
        *,
        end: Callable[[], None],
        say: Callable[[str], None],
        terminal: TextIO | None = None,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._supervisor = supervisor or Supervisor()
        self._room = room
        self._labels = labels
        self._end = end
        self._say = say
        self._terminal = terminal or sys.stdin
        self._wrong = False
        self._before: list[Any] | None = None
        self._wake: tuple[int, int] | None = None
        self._thread: threading.Thread | None = None
        self._told = 0
        """Tenths of the training that were told."""

    def start(self) -> None:
        """Read keys in a thread of their own.

        Raises:
            ControlError: there is no terminal to read them from.
        """
        try:
            descriptor = self._terminal.fileno()
            self._before = termios.tcgetattr(descriptor)
            tty.setcbreak(descriptor)
        except (OSError, ValueError, termios.error) as error:
            raise ControlError(
                "there is no terminal to read keys from",
                where="keyboard",
                remedy="Run harpi in a terminal, or without --keyboard",
            ) from error
        atexit.register(self._put_back)
        self._wake = os.pipe()
        self._thread = self._supervisor.thread(self._run, "harpi-keyboard")
        self._thread.start()
        self._say(self.help())
        self._room.subscribe(self.hear)

    def stop(self) -> None:
        """End the thread and put the terminal back; stopping twice is harmless."""
        self._room.unsubscribe(self.hear)
        if self._thread is not None and self._wake is not None:
            reading, writing = self._wake
            os.write(writing, b".")
            self._thread.join()
            os.close(reading)
            os.close(writing)
            self._thread = None
        self._put_back()

    def help(self) -> str:
        """Show the labels and the keys in some lines."""
        numbered = "  ".join(f"{n} {label}" for n, label in self._numbered())
        keys = "\n".join(f"  {key:<4} {what}" for key, what in KEYS.items())
        return f"{numbered}\n{keys}"

    def press(self, key: str) -> None:
        """Do what a key stands for; one that stands for nothing does nothing."""
        if key == "q":
            self._end()
        elif key == "?":
            self._say(self.help())
        for command in self._commands(key):
            answer = self._room.command(command, SOURCE)
            for line in (answer.message, *answer.warnings):
                self._say(line)

    def hear(self, event: Event) -> None:
        """Tell how training goes on, with its loss, how it ended, and what else happened."""
        if event.kind == "progress":
            self._progress(event)
        elif event.kind == "notice":
            self._told = 0
            for line in (event.message, *event.warnings, *event.advice):
                self._say(line)

    def _progress(self, event: Event) -> None:
        """Say every tenth of the epochs."""
        progress = event.situation.progress
        tenth = 0 if progress is None else 10 * progress.epoch // max(1, progress.epochs)
        if progress is None or tenth <= self._told:
            return
        self._told = tenth
        self._say(event.message)

    def _commands(self, key: str) -> list[Command]:
        situation = self._room.situation
        wrong, self._wrong = self._wrong, key == "w"
        for number, label in self._numbered():
            if key == str(number):
                if wrong:
                    return [Correct(label=label, new=True)]
                return label_pressed(situation, label)
        if key == "t":
            return train_pressed(situation)
        if key == "p":
            return [Resume() if situation.state == "paused" else Pause()]
        plain: dict[str, Command] = {
            "s": Stop(),
            "u": Undo(),
            "U": Undo(whole=True),
            "c": Cancel(),
            "F": Forget(),
        }
        return [plain[key]] if key in plain else []

    def _numbered(self) -> list[tuple[int, str]]:
        return list(enumerate(self._labels[:9], start=1))

    def _run(self) -> None:
        descriptor = self._terminal.fileno()
        assert self._wake is not None  # noqa: S101 - made before the thread
        waking = self._wake[0]
        while True:
            ready, _, _ = select.select([descriptor, waking], [], [])
            if waking in ready:
                return
            typed = os.read(descriptor, 64)
            if not typed:  # the terminal is gone
                return
            for key in typed.decode("utf-8", "ignore"):
                self.press(key)

    def _put_back(self) -> None:
        if self._before is not None:
            before, self._before = self._before, None
            atexit.unregister(self._put_back)
            with contextlib.suppress(OSError, ValueError, termios.error):  # it is gone
                termios.tcsetattr(self._terminal.fileno(), termios.TCSADRAIN, before)
