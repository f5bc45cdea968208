"""The session: its doors, its thread, and what happens by itself."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, Literal

from harpi.commands import (
    Answer,
    Command,
    Evaluated,
    Event,
    Progress,
    Situation,
    State,
    Status,
)
from harpi.config.schema import Config
from harpi.errors import CommandRefused, HarpiError, StoreError
from harpi.imu.plausibility import SignalWatch
from harpi.learning.trainer import Outcome
from harpi.session import handlers, messages
from harpi.session.guide import Guide
from harpi.session.handlers import CommandHandlers, Examination, Question, Training
from harpi.session.ports import DiaryKeeper, Examiner, Learner
from harpi.session.takes import Takes
from harpi.store.store import Store
from harpi.stream import Stream
from harpi.supervisor import Supervisor
from harpi.timebase import Timebase
from harpi.types import Samples

_DOUBTS: Final = 32
"""Reports of doubtful samples that may wait."""

LOOK_SECONDS: Final = 0.25
"""How often a take that is recorded is written on, and looked at whether it is over."""


class Session:
    """One wearer's session with one device: a state machine, see `harpi.session.handlers`.

    `command` may be called by any thread, one command is done at a time; a command that
    ends a take waits for the disk. `feed` belongs to the thread of the sampler and never
    waits. What happens is told as an `Event`, on the thread on which it happened.

    What becomes due by itself is done by a thread of the session's own between `start` and
    `stop`, or by calling `work` often enough.

    Args:
        config: labels, margins, minimums, rates, device.
        store: the takes; or why there is no store, which is then the answer to whatever
            needs it.
        learner: what learns from them.
        examiner: what tests what was learnt.
        timebase: the clock that the times of samples are of.
        supervisor: sees what goes wrong.
        stream: where events are told.
        diary: what the wearer did; None where none is kept.
    """

    def __init__(
        self,
        config: Config,
        store: Store | StoreError,
        learner: Learner,
        examiner: Examiner,
        timebase: Timebase,
        supervisor: Supervisor | None = None,
        stream: Stream | None = None,
        diary: DiaryKeeper | None = None,
    ) -> None:
        self._supervisor = supervisor or Supervisor()
        self._stream = stream or Stream(self._supervisor)
        self._timebase = timebase
        self._examiner = examiner
        self._takes = Takes(config, store, learner, timebase)
        self._training = Training(learner, self._note_progress, self._end_training)
        self._question = Question()
        self._examination = Examination(examiner, self._end_examination)
        self._guide = Guide()
        self._deeds = CommandHandlers(
            config,
            self._takes,
            self._training,
            self._examination,
            self._question,
            self._guide,
            self._look,
            diary,
        )
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._doubted: deque[tuple[float, float, str]] = deque(maxlen=_DOUBTS)
        self._ending = False
        self._thread: threading.Thread | None = None
        self._situation = self._look()

    # --- for the daemon ---------------------------------------------------------------------

    def start(self) -> None:
        """Do what becomes due in a thread of the session's own."""
        self._thread = self._supervisor.thread(self._run, "harpi-session", vital=True)
        self._thread.start()

    def stop(self) -> None:
        """End: keep the take that is being recorded, break off training and evaluation."""
        with self._lock:
            self._ending = True
            if self._takes.recorder is not None:
                self._end_take()
            elif self._training.state is not None:
                self._training.cancel()
            if self._examination.going_on:
                self._examination.cancel()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def watch(self, watch: SignalWatch) -> None:
        """Record nothing while `watch` finds that what the sensor shows cannot be true."""
        self._takes.watch = watch

    def doubt(self, begin: float, end: float, why: str) -> None:
        """Hear that samples are not to be believed, on the thread of the sampler."""
        self._doubted.append((begin, end, why))
        self._wake.set()

    def feed(self, samples: Samples) -> None:
        """Take consecutive samples from the sampler; costs microseconds."""
        self._takes.lately.append(samples)
        recorder = self._takes.recorder
        if recorder is not None and recorder.feed(samples):
            self._wake.set()

    def work(self) -> None:
        """Do what has become due: write on, end a take, give a question up."""
        with self._lock:
            now = self._timebase.monotonic()
            if self._question.ran_out(now):
                self._emit("notice", message="Nothing was forgotten.")
            while self._doubted:
                self._take_doubt(*self._doubted.popleft())
            recorder = self._takes.recorder
            if recorder is None:
                return
            try:
                recorder.write()
                over = recorder.over(now)
            except StoreError:
                over = True  # its end tells why
            if over:
                self._end_take()

    # --- for the doors ----------------------------------------------------------------------

    @property
    def situation(self) -> Situation:
        """How things stand now; never waits."""
        return self._situation

    def subscribe(self, listener: Callable[[Event], object]) -> None:
        """Call `listener` with every event from now on."""
        self._stream.subscribe(Event, listener)

    def unsubscribe(self, listener: Callable[[Event], object]) -> None:
        """Call it no more; harmless where it was not subscribed."""
        self._stream.unsubscribe(Event, listener)

    def tell(self, message: str) -> None:
        """Tell every door, as a notice, what happened beside the session."""
        with self._lock:
            self._emit("notice", message=message)

    def command(self, command: Command, source: str, *, at: float | None = None) -> Answer:
        """Do a command, or say why not; see `harpi.commands.Room`."""
        with self._lock:
            self.work()
            moment = self._timebase.monotonic() if at is None else at
            warnings: list[str] = []
            asked = self._question.asked
            try:
                self._check_allowed(command)
                message, ok = self._deeds.do(command, moment, warnings), True
                if self._question.asked is asked and not isinstance(command, Status):
                    self._question.withdraw()
            except HarpiError as error:
                message, ok = str(error), False
            self._wake.set()
            self._situation = self._look()
            if not isinstance(command, Status):
                self._emit("answer", source, ok=ok, message=message, warnings=warnings)
            return Answer(
                ok=ok, message=message, situation=self._situation, warnings=tuple(warnings)
            )

    def look_at_runs(self) -> None:
        """Take note of the evaluations that another program has logged."""
        with self._lock:
            self._tell_news()

    def _check_allowed(self, command: Command) -> None:
        if self._ending and not isinstance(command, Status):
            raise CommandRefused("harpi is ending", remedy="Try again when it has started")
        if not handlers.allowed(command, self._situation):
            raise messages.refusal(command, self._situation)

    # --- what happens by itself -------------------------------------------------------------

    def _run(self) -> None:
        while not self._ending:
            self.work()
            busy = self._takes.recorder is not None or self._question.asked is not None
            self._wake.wait(LOOK_SECONDS if busy else None)
            self._wake.clear()

    def _end_take(self) -> None:
        """End a take that nobody stopped, and tell everybody how that went."""
        warnings: list[str] = []
        try:
            message, ok = self._deeds.end_take(None, warnings), True
        except HarpiError as error:
            message, ok = str(error), False
        self._emit("notice", ok=ok, message=message, warnings=warnings)

    def _take_doubt(self, begin: float, end: float, why: str) -> None:
        """Tell of samples that are not to be believed; what was recorded of them is flagged."""
        told = f"{why[:1].upper()}{why[1:]}."
        try:
            flagged = self._takes.doubt(begin, end)
        except HarpiError as error:
            told, flagged = f"{told} {error}", []
        if flagged:
            numbers = messages.listed([str(take.id) for take in flagged])
            told += f" Not used for training: take {numbers}."
        self._emit("notice", ok=False, message=told)

    def _note_progress(self, progress: Progress) -> None:
        with self._lock:
            if self._training.note(progress):
                self._emit("progress", message=messages.progress(progress))

    def _end_training(self, outcome: Outcome) -> None:
        with self._lock:
            self._training.end()
            self._takes.look_again()  # the head knows other takes now
            ok = outcome.result != "failed"
            if outcome.result in ("taken", "kept"):
                self._guide.trained()
            self._emit("notice", ok=ok, message=outcome.message, outcome=outcome)

    def _end_examination(self, failure: str | None) -> None:
        with self._lock:
            self._examination.end()
            told = self._tell_news()
            if self._examination.cancelled:
                self._emit("notice", message="The evaluation was cancelled.")
            elif failure is not None:
                self._emit("notice", ok=False, message=failure)
            elif not told:  # somebody has looked into the log before
                self._emit("notice", message="The evaluation has ended.")

    def _tell_news(self) -> bool:
        """Tell of the evaluations that were logged meanwhile, whoever made them.

        Returns:
            Whether anything was told.
        """
        try:
            news = self._examiner.news()
        except StoreError as error:
            self._emit("notice", ok=False, message=str(error))
            return True
        for found in news:
            self._guide.evaluated(found)
            self._emit("notice", message=messages.evaluated(found), evaluation=found)
        return bool(news)

    # --- telling ----------------------------------------------------------------------------

    @property
    def _state(self) -> State:
        request = self._takes.request
        if request is not None:
            return "testing" if request.test else "recording"
        return self._training.state or "idle"

    def _look(self) -> Situation:
        takes = self._takes
        request = takes.request
        return Situation(
            state=self._state,
            session=takes.session,
            position=takes.position,
            label=request.label if request else None,
            since=takes.since,
            seconds=request.seconds if request else None,
            asking=self._question.asked is not None,
            progress=self._training.progress,
            evaluating=self._examination.going_on,
            labels=takes.counts,
            notices=takes.notices,
            undo=messages.action(takes.to_undo) if takes.to_undo else None,
            redo=messages.action(takes.to_redo) if takes.to_redo else None,
            guide=self._guide.step(takes.counts),
        )

    def _emit(
        self,
        kind: Literal["answer", "notice", "progress"],
        source: str = "session",
        *,
        message: str,
        ok: bool = True,
        warnings: Sequence[str] = (),
        outcome: Outcome | None = None,
        evaluation: Evaluated | None = None,
    ) -> None:
        self._situation = self._look()
        self._stream.tell(
            Event(
                kind=kind,
                time=datetime.now(UTC),
                source=source,
                ok=ok,
                message=message,
                situation=self._situation,
                warnings=tuple(warnings),
                outcome=outcome.result if outcome else None,
                advice=outcome.advice if outcome else (),
                evaluation=evaluation,
            )
        )
