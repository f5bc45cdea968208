"""Makes the wearer of the demo live through the screenplay, and press the buttons in it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from harpi.commands import Answer, Cancel, Command, Event, Record, Stop, Train
from harpi.daemon import Daemon
from harpi.demo.score import Score
from harpi.demo.screenplay import Part, Scene, Screenplay
from harpi.errors import CommandRefused
from harpi.imu.emulator.motion import Playback, rotation_matrix
from harpi.timebase import Timebase
from harpi.types import Verdict

TURN: Final = rotation_matrix((0.3, -0.5, 0.8), 75.0)
"""How the strap sits in the turned scenes."""

_SOURCE: Final = "demo"
_VISITOR: Final = "page"
_STEP_SECONDS: Final = 0.5


class Spectator(Protocol):
    """Who watches the demo."""

    def scene(self, scene: Scene) -> None:
        """A scene begins."""
        ...

    def command(self, answer: Answer) -> None:
        """The wearer pressed a button, and harpi answered."""
        ...

    def verdict(self, scene: Scene | None, truth: str | None, verdict: Verdict) -> None:
        """A window was judged; truth is None where the wearer changed what they did."""
        ...


class Director:
    """Plays the screenplay on a daemon whose chip is moved by `playback`.

    Args:
        daemon: opened, not started; it goes on in the calling thread.
        playback: the motion of its chip.
        screenplay: what is played.
        score: where verdicts are counted.
        spectator: who is told.
    """

    def __init__(
        self,
        daemon: Daemon,
        playback: Playback,
        screenplay: Screenplay,
        score: Score,
        spectator: Spectator,
    ) -> None:
        self._daemon = daemon
        self._playback = playback
        self._screenplay = screenplay
        self._score = score
        self._spectator = spectator
        self._time: Timebase = daemon.timebase
        self._begin = 0.0
        self._aside = False
        self._doing: str | None = None
        self._visited = False
        daemon.sinks.append(self._judge)
        daemon.session.subscribe(self._note)
        self.training_seconds = 0.0
        """From pressing train to the new head in use, by this computer's clock."""

    def perform(self) -> None:
        """Play all scenes.

        Raises:
            CommandRefused: harpi refused what the wearer asked for.
            SensorError: the emulated chip does not start.
        """
        self._begin = self._playback.start = self._time.monotonic()
        for scene in self._screenplay.scenes:
            self._playback.turn(TURN if scene.turned else None)
            self._spectator.scene(scene)
            for part in scene.parts:
                if scene.teaching:
                    self._press(Record(label=part.label))
                self._daemon.play(self._begin + part.end - self._time.monotonic())
                if scene.teaching:
                    self._press(Stop())
            if scene.teaching:
                self._train()

    def encore(self, watched: Callable[[], bool]) -> None:
        """Let the wearer go on for as long as somebody watches.

        The wearer does what is being recorded, so that whoever watches can teach harpi; else
        one activity after the other.
        """
        lesson = next(scene for scene in self._screenplay.scenes if scene.teaching)
        parts = {part.label: part for part in lesson.parts}
        one_after_the_other = itertools.cycle(parts)
        with self._beside_the_play():
            while watched():
                recorded = self._recorded()
                self._doing = recorded if recorded in parts else next(one_after_the_other)
                self._live(parts[self._doing], recorded)

    def _live(self, part: Part, recorded: str | None) -> None:
        """Do one activity once, or until something else is recorded."""
        now = self._time.monotonic()
        end = now + part.end - part.start
        self._playback.start = now - part.start
        self._playback.revision += 1
        while self._recorded() == recorded and (left := end - self._time.monotonic()) > 0:
            self._daemon.play(min(_STEP_SECONDS, left))

    def _recorded(self) -> str | None:
        situation = self._daemon.session.situation
        return situation.label if situation.state in ("recording", "testing") else None

    # --- the wearer's hand ------------------------------------------------------------------

    def _press(self, command: Command) -> Answer:
        """Press a button; a visitor of the page may have pressed another one before."""
        session = self._daemon.session
        answer = session.command(command, _SOURCE)
        if not answer.ok and self._visited and not isinstance(command, Stop):
            self._make_way()
            answer = session.command(command, _SOURCE)
        if not answer.ok and not self._visited:
            raise CommandRefused(answer.message.rstrip("."), where="demo")
        if not isinstance(command, Record) and (answer.ok or not isinstance(command, Stop)):
            self._spectator.command(answer)
        return answer

    def _make_way(self) -> None:
        """End what a visitor has begun."""
        session = self._daemon.session
        with self._beside_the_play():
            while (state := session.situation.state) != "idle":
                if state in ("recording", "testing"):
                    session.command(Stop(), _SOURCE)
                elif state == "paused":
                    session.command(Cancel(), _SOURCE)
                self._daemon.play(_STEP_SECONDS)

    def _train(self) -> None:
        begun = time.perf_counter()
        self._press(Train())
        with self._beside_the_play():
            while self._daemon.session.situation.state == "training":
                self._daemon.play(_STEP_SECONDS)  # recognition goes on meanwhile
        self.training_seconds = time.perf_counter() - begun

    @contextmanager
    def _beside_the_play(self) -> Iterator[None]:
        """Let time pass that is not in the screenplay, and then go on where it was left."""
        left = self._time.monotonic()
        self._aside = True
        yield
        self._aside = False
        self._begin += self._time.monotonic() - left
        self._playback.start = self._begin
        self._playback.revision += 1

    # --- what is seen -----------------------------------------------------------------------

    def _note(self, event: Event) -> None:
        self._visited = self._visited or event.source == _VISITOR

    def _judge(self, verdict: Verdict) -> None:
        window = verdict.window
        activity = None
        if not self._aside:
            activity = self._screenplay.activity(
                window.start - self._begin, window.end - self._begin
            )
        if activity is None:
            self._spectator.verdict(None, self._doing, verdict)
            return
        scene, truth = activity
        if not scene.teaching:
            self._score.add(scene.name, truth, verdict)
        self._spectator.verdict(scene, truth, verdict)
