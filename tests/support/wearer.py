"""A wearer with a session: moves in virtual time, and presses whatever there is to press."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from harpi.commands import Answer, Command, Evaluated, Event, Progress, Record, Stop
from harpi.config.schema import Config, LearningSection
from harpi.diary.bouts import Bout
from harpi.errors import BoutNotFound, HarpiError, StoreError
from harpi.imu.emulator import VirtualTime
from harpi.learning.trainer import Outcome
from harpi.session import Session
from harpi.store.store import Store
from harpi.types import FloatArray, Samples
from tests.support.takes import ROOMY

RATE = 50
BATCH = 16
LABELS = ("walking", "sitting", "standing")


def motion(name: str, times: np.ndarray[Any, np.dtype[np.float64]]) -> FloatArray:
    """Signal ``[n, 6]`` of an activity at the arm, with a little noise."""
    values = np.random.default_rng(len(name)).normal(0, 0.01, (len(times), 6))
    values[:, 3:] *= 50
    if name == "sitting":
        values[:, 0] += 1
    elif name == "standing":
        values[:, 2] += 1
    elif name == "walking":
        swing = np.sin(2 * np.pi * 1.8 * times)
        values[:, 2] += 1 + 0.4 * swing
        values[:, 4] += 90 * swing
    return values.astype(np.float32)


class FakeLearner:
    """A learner that trains when the test says so."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.labels: tuple[str, ...] = ()
        self.known: frozenset[int] = frozenset()
        self.refuses: HarpiError | None = None
        self._on_progress: Callable[[Progress], None] | None = None
        self._on_end: Callable[[Outcome], None] | None = None

    def train(
        self,
        labels: tuple[str, ...],
        *,
        on_progress: Callable[[Progress], None],
        on_end: Callable[[Outcome], None],
    ) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.log.append("train")
        self.labels, self._on_progress, self._on_end = labels, on_progress, on_end

    def pause(self) -> None:
        self.log.append("pause")

    def resume(self) -> None:
        self.log.append("resume")

    def cancel(self) -> None:
        self.log.append("cancel")

    def forget(self, label: str | None) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.log.append(f"forget {label or 'all'}")

    def use(self, number: int | None) -> int:
        if self.refuses is not None:
            raise self.refuses
        self.log.append(f"use {number}")
        return number or 1

    def discard(self, number: int) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.log.append(f"discard {number}")

    def learnt(self) -> frozenset[int]:
        return self.known

    def takes_changed(self) -> None:
        self.log.append("takes changed")

    def learns(self, epoch: int, loss: float, accuracy: float | None = None) -> None:
        assert self._on_progress is not None
        self._on_progress(Progress(epoch=epoch, epochs=100, loss=loss, accuracy=accuracy))

    def ends(self, result: Any = "taken", *advice: str) -> None:
        assert self._on_end is not None
        self._on_end(Outcome(result, f"Training: {result}.", advice))


class FakeExaminer:
    """An examiner whose evaluations end when the test says so.

    Attributes:
        logged: evaluations that nobody was told of yet.
    """

    def __init__(self) -> None:
        self.log: list[str] = []
        self.logged: list[Evaluated] = []
        self._on_end: Callable[[str | None], None] | None = None

    def begin(self, on_end: Callable[[str | None], None]) -> None:
        self.log.append("begin")
        self._on_end = on_end

    def cancel(self) -> None:
        self.log.append("cancel")

    def news(self) -> list[Evaluated]:
        news, self.logged = self.logged, []
        return news

    def ends(self, failure: str | None = None) -> None:
        assert self._on_end is not None
        self._on_end(failure)


class FakeDiary:
    """A diary with one bout, in which the wearer walked."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.at: tuple[float, float] | None = None
        """Monotonic times of the bout; None where the signal cannot be told."""

    def correct(self, number: int, activity: str) -> Bout:
        if number != 1:
            raise BoutNotFound(f"there is no bout {number}")
        self.log.append(f"correct {number} {activity}")
        return Bout(kind="activity", activity="walking", start=0, end=600, number=number)

    def moments(self, bout: Bout) -> tuple[float, float] | None:
        return self.at

    def delete_day(self, day: date) -> int:
        self.log.append(f"delete {day}")
        return 1


class Wearer:
    """Someone who wears harpi.

    Args:
        folder: where the store is.
        store: another store, or why there is none.
        learning: settings that differ from their defaults.
    """

    def __init__(
        self, folder: Path, *, store: Store | StoreError | None = None, **learning: Any
    ) -> None:
        self.time = VirtualTime(1000.0)
        self.config = Config(learning=LearningSection(**{"labels": LABELS, **learning}))
        self.store = Store(folder / "takes.db", ROOMY)
        self.learner = FakeLearner()
        self.examiner = FakeExaminer()
        self.diary = FakeDiary()
        self.session = Session(
            self.config,
            store or self.store,
            self.learner,
            self.examiner,
            self.time,
            diary=self.diary,
        )
        self.events: list[Event] = []
        self.session.subscribe(self.events.append)
        self.gap = False
        self.turned = False
        self.last_moved = self.time.monotonic()

    def say(self, command: Command, source: str = "test") -> Answer:
        return self.session.command(command, source)

    def turns_the_strap(self) -> None:
        """Let another axis of the chip show up from now on."""
        self.turned = not self.turned

    def moves(self, name: str, seconds: float) -> None:
        """Do something for a while; the sampler feeds batches as the FIFO gives them."""
        for _ in range(round(seconds * RATE / BATCH)):
            start = self.time.monotonic()
            times = start + np.arange(BATCH) / RATE
            self.time.advance(BATCH / RATE)
            values = motion(name, times)
            if self.turned:
                values = values[:, [1, 2, 0, 4, 5, 3]]
            self.session.feed(Samples(values, times, gap=self.gap))
            self.gap = False
            self.session.work()

    def sensor_fails(self, seconds: float) -> None:
        """Nothing comes from the sensor for a while; what comes next is after a gap."""
        self.time.advance(seconds)
        self.gap = True
        self.session.work()

    def records(self, label: str, seconds: float = 8.0, **how: Any) -> Answer:
        """Record a take of a label while doing it."""
        begun = self.say(Record(label=label, **how))
        assert begun.ok, begun.message
        self.moves(label, seconds)
        return self.say(Stop())

    def gets_into(self, state: str) -> None:
        """Bring the session into a state by what a wearer can do."""
        if state in ("recording", "testing"):
            assert self.say(Record(label="walking", test=state == "testing")).ok
            self.moves("walking", 8)
        elif state in ("training", "paused"):
            from harpi.commands import Pause, Train

            self.records("walking")
            self.records("sitting")
            assert self.say(Train()).ok
            if state == "paused":
                assert self.say(Pause()).ok
        elif state == "asking":
            from harpi.commands import Forget

            self.records("walking")
            assert self.say(Forget()).ok
        else:
            self.records("walking")
        self.events.clear()
        self.learner.log.clear()

    def counts(self) -> dict[str, tuple[int, int, int]]:
        """Takes, windows and windows needed of each label."""
        labels = self.session.situation.labels
        return {count.label: (count.takes, count.windows, count.needed) for count in labels}

    def json(self) -> Any:
        return msgspec.to_builtins(self.session.situation)
