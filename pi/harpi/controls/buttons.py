"""The buttons on the arm: from the bouncing of a contact to commands.

=========  =============================  ==================================================
button     pressed                        held for `buttons.long_press_seconds`
=========  =============================  ==================================================
label      begins a take, ends it; or     (the same as pressed; with `buttons.mode = "hold"`
           goes over from another label   the take lasts as long as the button is down)
train      trains; confirms forgetting    asks whether to forget everything
undo       takes back what was done last  drops the whole last take
=========  =============================  ==================================================

A label that is pressed while *train* is down begins a take for measuring, which is never
learnt; a label that is pressed while *undo* is down says that harpi was wrong and that it was
this label. *train* and *undo* then mean nothing else.

Edges arrive in a thread of the GPIO library, which only notes them with their time and
level in a bounded queue; when it is full, the newest are dropped. The thread of this module
debounces them, reads all levels again every `RECHECK_SECONDS`, and sends the commands. So
nothing that the kernel drops can leave a button stuck: at the next reading it is found out.

A contact that closes opens and closes again for some milliseconds. Edges come with their
times and the level that was read at them; but edges can be dropped, so the level is read
again on a timer, too, and a reading that contradicts the last edge counts as an edge.

A press means one command, sometimes two, depending on how things stand; whether it is done
is the session's business.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from dataclasses import dataclass
from typing import Final, Literal

from harpi.commands import (
    Command,
    Confirm,
    Correct,
    Forget,
    Record,
    SessionApi,
    Situation,
    Stop,
    Train,
    Undo,
)
from harpi.config.schema import ButtonsSection
from harpi.controls.gpio import Gpio
from harpi.supervisor import Supervisor
from harpi.timebase import Timebase

RECHECK_SECONDS: Final = 0.1
"""How often all levels are read where edges are reported."""

POLL_SECONDS: Final = 0.01
"""How often they are read where no edges are reported."""

QUEUE: Final = 256
"""Edges that can wait: ten very bad contacts during a slow write to the disk."""

SOURCE: Final = "buttons"

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Button:
    """One button and how its contact stands."""

    role: Literal["label", "train", "undo"]
    label: str
    contact: Debouncer
    down: bool = False
    """Somebody pressed it and has not let go; not so where it is stuck from the start."""
    down_since: float | None = None
    """When it went down; None while it is up, and when what it means was done."""


@dataclass(frozen=True, slots=True)
class _Edge:
    pin: int
    time: float
    pressed: bool


class Buttons:
    """The buttons, watched and turned into commands.

    Args:
        room: where the commands go.
        gpio: the pins; closed by whoever opened it, after `stop`.
        section: pins, mode and times.
        labels: what the label buttons stand for, in the order of `section.labels`; a label
            without a pin has no button, a pin without a label is left alone.
        timebase: the clock that edges are stamped by.
        supervisor: sees what goes wrong.

    Raises:
        ControlError: a pin cannot be used.
    """

    def __init__(
        self,
        room: SessionApi,
        gpio: Gpio,
        section: ButtonsSection,
        labels: tuple[str, ...],
        timebase: Timebase,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._supervisor = supervisor or Supervisor()
        self._room = room
        self._gpio = gpio
        self._section = section
        self._timebase = timebase
        self._edges: queue.Queue[_Edge | None] = queue.Queue(QUEUE)
        self._buttons: dict[int, _Button] = {}
        self._recheck = RECHECK_SECONDS
        self._ending = False
        self._thread: threading.Thread | None = None
        for pin, label in zip(section.labels, labels, strict=False):
            self._add(pin, "label", label)
        if section.train is not None:
            self._add(section.train, "train")
        if section.undo is not None:
            self._add(section.undo, "undo")

    def start(self) -> None:
        """Watch the buttons in a thread of their own."""
        self._thread = self._supervisor.thread(self._run, "harpi-buttons")
        self._thread.start()

    def stop(self) -> None:
        """End the thread; stopping twice is harmless."""
        if self._thread is None:
            return
        self._ending = True
        with contextlib.suppress(queue.Full):  # a full queue wakes the thread as well
            self._edges.put_nowait(None)
        self._thread.join()
        self._thread = None

    def step(self) -> float:
        """Do what is due: waiting edges, levels, long presses.

        Returns:
            Seconds until there may be something to do again.
        """
        while True:
            try:
                edge = self._edges.get_nowait()
            except queue.Empty:
                break
            if edge is not None:
                self._take_edge(edge)
        now = self._timebase.monotonic()
        for pin, button in self._buttons.items():
            self._moved(button, button.contact.read(now, not self._gpio.level(pin)))
            self._held(button, now)
        moments = [button.contact.due for button in self._buttons.values()]
        moments += [self._long_press_at(button) for button in self._buttons.values()]
        awaited = [moment for moment in moments if moment is not None]
        return max(0.0, min([now + self._recheck, *awaited]) - now)

    def _add(self, pin: int, role: Literal["label", "train", "undo"], label: str = "") -> None:
        if not self._gpio.watch(pin, self._on_edge):
            self._recheck = POLL_SECONDS
        contact = Debouncer(self._section.debounce_seconds, pressed=not self._gpio.level(pin))
        self._buttons[pin] = _Button(role, label, contact)

    def _on_edge(self, pin: int) -> None:
        """Note an edge; called from the thread of the GPIO library."""
        edge = _Edge(pin, self._timebase.monotonic(), not self._gpio.level(pin))
        try:
            self._edges.put_nowait(edge)
        except queue.Full:
            _log.warning("too many edges at GPIO%d, some are dropped", pin)

    def _run(self) -> None:
        while not self._ending:
            seconds = self.step()
            try:
                edge = self._edges.get(timeout=seconds) if seconds > 0 else None
            except queue.Empty:
                continue
            if edge is not None:
                self._take_edge(edge)

    def _take_edge(self, edge: _Edge) -> None:
        button = self._buttons.get(edge.pin)
        if button is not None:
            # What was held long enough before this edge was a long press, however late we are.
            self._held(button, edge.time)
            self._moved(button, button.contact.edge(edge.time, edge.pressed))

    def _moved(self, button: _Button, change: Change | None) -> None:
        """Do what a button means that went down or up."""
        if change is None:
            return
        since, button.down_since = button.down_since, change.time if change.pressed else None
        button.down = change.pressed
        if button.role == "label":
            if change.pressed:
                self._label_down(button.label, change.time)
            elif self._section.mode == "hold":
                self._label_up(button.label, change.time)
        elif not change.pressed and since is not None:
            if change.time - since >= self._section.long_press_seconds:
                self._send(self._long(button), change.time)
            elif button.role == "train":
                for command in train_pressed(self._room.situation):
                    self._send(command, change.time)
            else:
                self._send(Undo(), change.time)

    def _held(self, button: _Button, now: float) -> None:
        """Do what a button means that has been held for long, while it still is."""
        moment = self._long_press_at(button)
        if moment is not None and now >= moment:
            button.down_since = None
            self._send(self._long(button), moment)

    def _long_press_at(self, button: _Button) -> float | None:
        """When the press becomes a long one; None while it is not certain that it lasts."""
        if button.role == "label" or button.down_since is None:
            return None
        if button.contact.due is not None:
            return None
        return button.down_since + self._section.long_press_seconds

    def _long(self, button: _Button) -> Command:
        return Forget() if button.role == "train" else Undo(whole=True)

    def _label_down(self, label: str, at: float) -> None:
        situation = self._room.situation
        if self._with("undo"):
            self._send(Correct(label=label, new=True), at)
            return
        test = self._with("train")
        if self._section.mode == "toggle":
            commands = label_pressed(situation, label, test=test)
        else:
            busy = situation.state in ("recording", "testing")
            commands = [Stop()] if busy else []
            commands.append(Record(label=label, test=test, new=True))
        for command in commands:
            self._send(command, at)

    def _label_up(self, label: str, at: float) -> None:
        situation = self._room.situation
        if situation.state in ("recording", "testing") and situation.label == label:
            self._send(Stop(), at)

    def _with(self, role: Literal["train", "undo"]) -> bool:
        """Tell whether a button is down; letting go of it then does nothing any more."""
        down = [b for b in self._buttons.values() if b.role == role and b.down]
        for button in down:
            button.down_since = None
        return bool(down)

    def _send(self, command: Command, at: float) -> None:
        answer = self._room.command(command, SOURCE, at=at)
        _log.log(logging.INFO if answer.ok else logging.WARNING, "%s", answer.message)


@dataclass(frozen=True, slots=True)
class Change:
    """A button went down or up.

    Attributes:
        pressed: whether it is down now.
        time: monotonic seconds of the first edge that led to it.
    """

    pressed: bool
    time: float


class Debouncer:
    """The contact of one button.

    A level counts once it has stood for `seconds`; the change then has the time of the
    first edge away from the level before. A pulse that is shorter than that is nothing.

    Args:
        seconds: how long a contact may chatter.
        pressed: level at the start; a button that is held down then is not a press.
    """

    def __init__(self, seconds: float, *, pressed: bool = False) -> None:
        self._seconds = seconds
        self._stable = pressed
        self._level = pressed
        self._since = float("-inf")
        self._left: float | None = None

    @property
    def pressed(self) -> bool:
        """Whether the button is down."""
        return self._stable

    @property
    def due(self) -> float | None:
        """Monotonic time at which the level should be read again; None where it stands."""
        return None if self._left is None else self._since + self._seconds

    def read(self, time: float, pressed: bool) -> Change | None:
        """Take note of a level that was read on the timer.

        Args:
            time: monotonic seconds, not before that of the last reading.
            pressed: whether the contact is closed.

        Returns:
            The change that is certain by now, if there is one.
        """
        return self._note(time, pressed, edge=False)

    def edge(self, time: float, pressed: bool) -> Change | None:
        """Take note of an edge: the contact moved, even where the level is as before."""
        return self._note(time, pressed, edge=True)

    def _note(self, time: float, pressed: bool, *, edge: bool) -> Change | None:
        change = self._settle(time)
        if pressed != self._level:
            self._level = pressed
            self._since = time
            if self._left is None:
                self._left = time
        elif edge and self._left is not None:
            self._since = time
        return change

    def _settle(self, time: float) -> Change | None:
        """Let the level count that has stood long enough."""
        if self._left is None or time < self._since + self._seconds:
            return None
        left, self._left = self._left, None
        if self._level == self._stable:
            return None
        self._stable = self._level
        return Change(self._stable, left)


def label_pressed(situation: Situation, label: str, *, test: bool = False) -> list[Command]:
    """Begin a take of a label, end it, or go over from another label to it.

    Whoever goes over from one test take to the next goes on testing.

    Args:
        situation: how things stand.
        label: whose button or key it is.
        test: the take is for measuring.
    """
    begin = Record(label=label, test=test or situation.state == "testing", new=True)
    if situation.state not in ("recording", "testing"):
        return [begin]
    return [Stop()] if situation.label == label else [Stop(), begin]


def train_pressed(situation: Situation) -> list[Command]:
    """Train; or confirm what was asked after a long press."""
    return [Confirm()] if situation.asking else [Train()]
