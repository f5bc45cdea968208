"""The wearer of the demo: lives the scenes of a real recording, presses the buttons."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from harpi.commands import Answer, Cancel, Command, Event, Record, Stop, Train
from harpi.daemon import Daemon
from harpi.errors import CommandRefused, RecordingError
from harpi.imu.emulator.motion import Playback, rotation_matrix
from harpi.names import SHOWN
from harpi.recording import Recording
from harpi.timebase import Timebase
from harpi.types import FloatArray, Verdict

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


class DemoRunner:
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
        screenplay: Script,
        score: SceneScore,
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
        daemon.stream.subscribe(Verdict, self._judge)
        daemon.stream.subscribe(Event, self._note)
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


GAP_SECONDS: Final = 0.5
"""Signal between what is taught and what is tested that is not played."""

OCCURRENCES: Final = 2
"""How often the wearer teaches each activity."""

LESSON: Final = "lesson"

SCENES: Final = (
    ("as recorded", "A new person wears the strap; the personal model is not trained.", False),
    ("strap turned", "The same motion again, but with the strap turned.", True),
    (LESSON, "The wearer presses a button at each activity, then Train.", True),
    ("after the lesson", "The turned strap again; none of this was used for training.", True),
)
"""Name, caption, and whether the strap is turned."""


@dataclass(frozen=True, slots=True)
class Part:
    """One activity within a scene; times in seconds from the start of the play."""

    label: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Scene:
    """A stretch of the play with one purpose.

    Attributes:
        name: what it is called in tables.
        caption: what the spectator is told.
        turned: the strap sits differently from how the person recorded it.
        teaching: the wearer presses the button of every activity, and then trains.
        parts: the activities, one after the other.
    """

    name: str
    caption: str
    turned: bool
    teaching: bool
    parts: tuple[Part, ...]

    @property
    def start(self) -> float:
        """Seconds from the start of the play."""
        return self.parts[0].start

    @property
    def end(self) -> float:
        """Seconds from the start of the play."""
        return self.parts[-1].end


@dataclass(frozen=True, slots=True)
class Script:
    """The scenes, and the recording that makes the chip live through them."""

    recording: Recording
    labels: tuple[str, ...]
    scenes: tuple[Scene, ...]

    def activity(self, start: float, end: float) -> tuple[Scene, str] | None:
        """Say in which scene, and at what, the wearer was for the whole of an interval."""
        for scene in self.scenes:
            for part in scene.parts:
                if part.start <= start and end <= part.end:
                    return scene, part.label
        return None


def write_screenplay(source: Recording, *, teach_seconds: float, test_seconds: float) -> Script:
    """Cut a recording of one person into the four scenes of the demo.

    All of it comes from one sitting, so that the lesson tells what the lesson is worth, and
    not how the strap was moved between two. Of each activity's first occurrences the
    beginning is taught, and what follows after a gap is tested: no sample stands on both
    sides. The three tests play the very same signal.

    Raises:
        RecordingError: its activities do not occur often or long enough.
    """
    occurrences = {label: _occurrences(source, label) for label in source.labels}
    teach, gap, test = (
        round(seconds * source.rate) for seconds in (teach_seconds, GAP_SECONDS, test_seconds)
    )
    length = teach + gap + test
    lessons: list[tuple[str, FloatArray]] = []
    tests: list[tuple[str, FloatArray]] = []
    for label, stretches in occurrences.items():
        usable = [stretch for stretch in stretches if len(stretch) >= length][:OCCURRENCES]
        if len(usable) < OCCURRENCES:
            raise RecordingError(
                f"the demo needs {OCCURRENCES} times {length / source.rate:g} s of {label} "
                "in one sitting, and the recording has less",
                remedy="Leave --recording out to play the one that ships with harpi",
            )
        for stretch in usable:
            lessons.append((label, stretch[:teach]))
            tests.append((label, stretch[teach + gap : length]))
    pieces: list[FloatArray] = []
    scenes = []
    for name, caption, turned in SCENES:
        parts = []
        for label, piece in lessons if name == LESSON else tests:
            start = sum(map(len, pieces)) / source.rate
            pieces.append(piece)
            parts.append(Part(label, start, start + len(piece) / source.rate))
        scenes.append(Scene(name, caption, turned, name == LESSON, tuple(parts)))
    play = Recording(values=np.concatenate(pieces), rate=source.rate)
    return Script(play, source.labels, tuple(scenes))


def _occurrences(source: Recording, label: str) -> list[FloatArray]:
    """Give every stretch of an activity in the last sitting, in order."""
    mine = source.label == source.labels.index(label)
    mine &= source.segment == source.segment[-1]
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mine, [False]])))
    return [source.values[begin:end] for begin, end in edges.reshape(-1, 2)]


class ScaledTime:
    """A `harpi.timebase.Timebase` that runs `speed` times as fast as this computer's.

    Args:
        speed: above 0; 1 is real time.
    """

    def __init__(self, speed: float) -> None:
        self._pace = (0.0, 0.0, speed)

    def go(self, speed: float) -> None:
        """Run at another speed from now on; whoever waits already waits as before."""
        self._pace = (time.monotonic(), self.monotonic(), speed)

    def monotonic(self) -> float:
        """Scaled seconds."""
        real, scaled, speed = self._pace
        return scaled + (time.monotonic() - real) * speed

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Wait for `seconds` of scaled time or until `stop` is set; return whether it is."""
        return stop.wait(max(0.0, seconds) / self._pace[2])


class SceneScore:
    """Counts verdicts against what the wearer really did."""

    def __init__(self) -> None:
        self._windows: Counter[str] = Counter()
        self._right: Counter[tuple[str, str]] = Counter()
        self._trained: Counter[tuple[str, str]] = Counter()

    def add(self, scene: str, truth: str, verdict: Verdict) -> None:
        """Count one verdict."""
        self._windows[scene] += 1
        for model, prediction in verdict.opinions.items():
            self._trained[scene, model] += prediction.trained
            self._right[scene, model] += prediction.answer == truth

    def windows(self, scene: str) -> int:
        """Give how many windows of a scene were judged."""
        return self._windows[scene]

    def accuracy(self, scene: str, model: str) -> float | None:
        """Give the share of windows that a model classified correctly; unknown counts as wrong.

        None where there is no window, or the model had learnt nothing.
        """
        if not self._trained[scene, model]:
            return None
        return self._right[scene, model] / self._windows[scene]

    def as_table(self) -> dict[str, dict[str, float | int | None]]:
        """Give everything by scene: windows, and the accuracy of each model."""
        return {
            scene: {"windows": count} | {model: self.accuracy(scene, model) for model in SHOWN}
            for scene, count in self._windows.items()
        }
