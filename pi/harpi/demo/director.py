"""Makes the wearer of the demo live through the screenplay, and press the buttons in it."""

from __future__ import annotations

import time
from typing import Final, Protocol

from harpi.commands import Answer, Command, Record, Stop, Train
from harpi.daemon import Daemon
from harpi.demo.score import Score
from harpi.demo.screenplay import Scene, Screenplay
from harpi.errors import CommandRefused
from harpi.imu.emulator.motion import Playback, rotation_matrix
from harpi.timebase import Timebase
from harpi.types import Verdict

TURN: Final = rotation_matrix((0.3, -0.5, 0.8), 75.0)
"""How the strap sits in the turned scenes."""

_SOURCE: Final = "demo"
_TRAINING_STEP_SECONDS: Final = 0.5


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
        self._resting = False
        self.training_seconds = 0.0
        """From pressing train to the new head in use, by this computer's clock."""

    def perform(self) -> None:
        """Play all scenes.

        Raises:
            CommandRefused: harpi refused what the wearer asked for.
            SensorError: the emulated chip does not start.
        """
        self._daemon.sinks.append(self._judge)
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
                self._train(scene)

    def _press(self, command: Command) -> None:
        answer = self._daemon.session.command(command, _SOURCE)
        if not answer.ok:
            raise CommandRefused(answer.message.rstrip("."), where="demo")
        if not isinstance(command, Record):
            self._spectator.command(answer)

    def _train(self, scene: Scene) -> None:
        begun = time.perf_counter()
        self._press(Train())
        paused = self._time.monotonic()
        self._resting = True
        while self._daemon.session.situation.state == "training":
            self._daemon.play(_TRAINING_STEP_SECONDS)  # recognition goes on meanwhile
        self.training_seconds = time.perf_counter() - begun
        self._resting = False
        # What was lived through meanwhile is not in the screenplay: go on where it was left.
        self._begin += self._time.monotonic() - paused
        self._playback.start = self._begin
        self._playback.turn(TURN if scene.turned else None)

    def _judge(self, verdict: Verdict) -> None:
        window = verdict.window
        activity = None
        if not self._resting:
            activity = self._screenplay.activity(
                window.start - self._begin, window.end - self._begin
            )
        if activity is None:
            self._spectator.verdict(None, None, verdict)
            return
        scene, truth = activity
        if not scene.teaching:
            self._score.add(scene.name, truth, verdict)
        self._spectator.verdict(scene, truth, verdict)
