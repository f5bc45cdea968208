"""The state machine.

What each command does in each state:

=================  ===================  =================  =================  ================
command            idle                 recording,         training           paused
                                        testing
=================  ===================  =================  =================  ================
record             begins a take        refused            refused            refused
stop               refused              keeps the take     refused            refused
undo               takes back what was  drops the take     refused            refused
                   done last
relabel            renames takes        refused            refused            refused
delete             puts takes away      refused            refused            refused
restore            brings takes back    refused            refused            refused
train              begins to train      refused            refused            refused
pause              refused              refused            pauses             refused
resume             refused              refused            refused            goes on
cancel             refused, or no to    drops the take     breaks off         breaks off
                   "forget?"
forget             asks                 refused            refused            refused
forget, confirmed  forgets              refused            refused            refused
confirm            refused, or yes to   refused            refused            refused
                   "forget?"
use                another head       refused            refused            refused
mount              begins a session     refused            begins a session   begins a session
status             tells                tells              tells              tells
=================  ===================  =================  =================  ================

By themselves end: a take after its seconds, training when it is done, the question whether
to forget after `ASKING_SECONDS` or with the next command that does something.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from harpi.commands import (
    Answer,
    Cancel,
    Command,
    Confirm,
    Delete,
    Event,
    Forget,
    Listener,
    Mount,
    Pause,
    Progress,
    Record,
    Relabel,
    Restore,
    Resume,
    Situation,
    State,
    Status,
    Stop,
    Train,
    Undo,
    Use,
)
from harpi.config.schema import Config
from harpi.errors import CommandRefused, HarpiError, StoreError
from harpi.learning.outcome import Outcome
from harpi.session import words
from harpi.session.ports import Learner, TakeStore
from harpi.session.takes import Takes
from harpi.timebase import Timebase
from harpi.types import Samples

ASKING_SECONDS: Final = 6.0
"""How long `Forget` waits to be confirmed."""

LOOK_SECONDS: Final = 0.25
"""How often a take that is recorded is written on, and looked at whether it is over."""

_ALLOWED: Final[dict[type[Command], tuple[State, ...]]] = {
    Record: ("idle",),
    Stop: ("recording", "testing"),
    Undo: ("idle", "recording", "testing"),
    Relabel: ("idle",),
    Delete: ("idle",),
    Restore: ("idle",),
    Train: ("idle",),
    Pause: ("training",),
    Resume: ("paused",),
    Cancel: ("recording", "testing", "training", "paused"),
    Forget: ("idle",),
    Confirm: (),
    Use: ("idle",),
    Mount: ("idle", "training", "paused"),
    Status: ("idle", "recording", "testing", "training", "paused"),
}
"""The states in which a command is done; in all others it is refused.

While harpi asks whether to forget, `Confirm` and `Cancel` are done, too.
"""

_log = logging.getLogger(__name__)


class Session:
    """One wearer's session with one device.

    `command` may be called by any thread, one command is done at a time; a command that
    ends a take waits for the disk. `feed` belongs to the thread of the sampler and never
    waits. Listeners are called in the thread in which the thing happened.

    What becomes due by itself is done by a thread of the session's own between `start` and
    `stop`, or by calling `work` often enough.

    Args:
        config: labels, margins, minimums, rates, device.
        store: the takes; or why there is no store, which is then the answer to whatever
            needs it.
        learner: what learns from them.
        timebase: the clock that the times of samples are of.
    """

    def __init__(
        self,
        config: Config,
        store: TakeStore | StoreError,
        learner: Learner,
        timebase: Timebase,
    ) -> None:
        self._config = config
        self._learner = learner
        self._timebase = timebase
        self._takes = Takes(config, store, learner, timebase)
        self._lock = threading.RLock()
        self._state: State = "idle"
        self._asking: tuple[float, str | None] | None = None
        self._progress: Progress | None = None
        self._listeners: list[Listener] = []
        self._wake = threading.Event()
        self._ending = False
        self._thread: threading.Thread | None = None
        self._situation = self._look()

    # --- for the daemon ---------------------------------------------------------------------

    def start(self) -> None:
        """Do what becomes due in a thread of the session's own."""
        self._thread = threading.Thread(target=self._run, name="harpi-session", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End: keep the take that is being recorded, break off training."""
        with self._lock:
            self._ending = True
            if self._takes.recorder is not None:
                self._end_by_itself()
            elif self._state in ("training", "paused"):
                self._learner.cancel()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def feed(self, samples: Samples) -> None:
        """Take consecutive samples from the sampler; costs microseconds."""
        recorder = self._takes.recorder
        if recorder is not None and recorder.feed(samples):
            self._wake.set()

    def work(self) -> None:
        """Do what has become due: write on, end a take, give a question up."""
        with self._lock:
            now = self._timebase.monotonic()
            if self._asking is not None and now >= self._asking[0]:
                self._asking = None
                self._emit("notice", message="Nothing was forgotten.")
            recorder = self._takes.recorder
            if recorder is None:
                return
            try:
                recorder.write()
                over = recorder.over(now)
            except StoreError:
                over = True  # its end tells why
            if over:
                self._end_by_itself()

    # --- for the doors ----------------------------------------------------------------------

    @property
    def situation(self) -> Situation:
        """How things stand now; never waits."""
        return self._situation

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` with every event from now on."""
        with self._lock:
            self._listeners = [*self._listeners, listener]

    def unsubscribe(self, listener: Listener) -> None:
        """Call it no more; harmless where it was not subscribed."""
        with self._lock:
            self._listeners = [other for other in self._listeners if other != listener]

    def command(self, command: Command, source: str, *, at: float | None = None) -> Answer:
        """Do a command, or say why not; see `harpi.commands.Room`."""
        with self._lock:
            self.work()
            moment = self._timebase.monotonic() if at is None else at
            warnings: list[str] = []
            asked = self._asking
            try:
                self._check_allowed(command)
                message = self._handlers[type(command)](self, command, moment, warnings)
                ok = True
                if self._asking is asked and not isinstance(command, Status):
                    self._asking = None
            except HarpiError as error:
                message, ok = str(error), False
            self._situation = self._look()
            if not isinstance(command, Status):
                self._emit("answer", source, ok=ok, message=message, warnings=warnings)
            return Answer(
                ok=ok, message=message, situation=self._situation, warnings=tuple(warnings)
            )

    # --- commands ---------------------------------------------------------------------------

    def _check_allowed(self, command: Command) -> None:
        if self._ending and not isinstance(command, Status):
            raise CommandRefused("harpi is ending", remedy="Try again when it has started")
        answers_question = isinstance(command, Confirm | Cancel) and self._asking is not None
        if self._state not in _ALLOWED[type(command)] and not answers_question:
            raise words.refusal(command, self._situation)

    def _record(self, command: Record, at: float, warnings: list[str]) -> str:
        request = msgspec.structs.replace(command, label=words.checked_label(command.label))
        known = [count.label for count in self._takes.counts]
        resembled = words.resembling(request.label, known)
        self._takes.begin(request, at)
        self._state = "testing" if request.test else "recording"
        self._wake.set()
        if resembled and not request.new:
            warnings.append(words.did_you_mean(request.label, resembled))
        warnings += self._takes.notices
        return words.recording(request)

    def _stop(self, _command: Stop, at: float, warnings: list[str]) -> str:
        return self._end_take(at, warnings)

    def _undo(self, command: Undo, at: float, _warnings: list[str]) -> str:
        if self._takes.recorder is not None:
            return self._drop(at)
        undone = self._takes.undo(whole=command.whole)
        if undone is None:
            raise CommandRefused("there is nothing to undo", remedy="Record something first")
        action, takes = undone
        return words.undone(action.kind, takes, by_deleting=command.whole)

    def _change(
        self, command: Relabel | Delete | Restore, _at: float, _warnings: list[str]
    ) -> str:
        if isinstance(command, Relabel):
            label = words.checked_label(command.label)
            command = msgspec.structs.replace(command, label=label)
        return words.changed(command, self._takes.change(command))

    def _cancel(self, _command: Cancel, at: float, _warnings: list[str]) -> str:
        if self._asking is not None:
            return "Nothing was forgotten."
        if self._takes.recorder is not None:
            return self._drop(at)
        self._learner.cancel()
        return "Training is broken off; what was learnt before stays."

    def _train(self, _command: Train, _at: float, warnings: list[str]) -> str:
        self._takes.look_again()
        recorded = [count for count in self._takes.counts if count.takes]
        ready = [count.label for count in recorded if not count.needed]
        if len(ready) < 2:
            minimum = self._config.learning.minimum_windows
            raise words.too_little(self._takes.counts, minimum)
        warnings += [f"{words.needed(c)}, so it is left out" for c in recorded if c.needed]
        self._state = "training"
        try:
            self._learner.train(
                tuple(ready), on_progress=self._note_progress, on_end=self._end_training
            )
        except HarpiError:
            self._state = "idle"
            raise
        return f"Training {words.listed(ready)}."

    def _pause(self, _command: Pause, _at: float, _warnings: list[str]) -> str:
        self._learner.pause()
        self._state = "paused"
        return "Training rests."

    def _resume(self, _command: Resume, _at: float, _warnings: list[str]) -> str:
        self._learner.resume()
        self._state = "training"
        return "Training goes on."

    def _forget(self, command: Forget, at: float, _warnings: list[str]) -> str:
        label = command.label
        known = [count.label for count in self._takes.counts if count.takes or count.tests]
        if label is not None and label not in known:
            raise words.unknown_label(label, known)
        if command.confirmed:
            return words.forgotten(label, self._takes.forget(label))
        takes = len(self._takes.of(label))
        self._asking = (at + ASKING_SECONDS, label)
        self._wake.set()
        return words.ask_to_forget(label, takes, ASKING_SECONDS)

    def _confirm(self, _command: Confirm, _at: float, _warnings: list[str]) -> str:
        assert self._asking is not None  # noqa: S101 - else the command is refused
        _, label = self._asking
        return words.forgotten(label, self._takes.forget(label))

    def _use(self, command: Use, _at: float, _warnings: list[str]) -> str:
        return f"Head {self._learner.use(command.head)} is in use."

    def _mount(self, command: Mount, _at: float, _warnings: list[str]) -> str:
        session = self._takes.mount(command.position)
        return f"Session {session} begins; the sensor is worn at: {self._takes.position}."

    def _status(self, _command: Status, _at: float, warnings: list[str]) -> str:
        self._takes.look_again()
        warnings += self._takes.notices
        return words.summary(self._look())

    _handlers: Final[dict[type[Command], Callable[..., str]]] = {
        Record: _record,
        Stop: _stop,
        Undo: _undo,
        Relabel: _change,
        Delete: _change,
        Restore: _change,
        Cancel: _cancel,
        Train: _train,
        Pause: _pause,
        Resume: _resume,
        Forget: _forget,
        Confirm: _confirm,
        Use: _use,
        Mount: _mount,
        Status: _status,
    }

    # --- what commands and time have in common ----------------------------------------------

    def _end_take(self, at: float | None, warnings: list[str]) -> str:
        """End the take, whatever comes of it: the session is idle afterwards."""
        self._state = "idle"
        finished = self._takes.end(at)
        if finished.failure is not None:
            raise words.cut_short(finished)
        if finished.take is None:
            raise words.no_samples()
        warnings += words.doubts(finished, self._config)
        warnings += self._takes.notices
        counts = {count.label: count for count in self._takes.counts}
        return words.kept(finished, counts.get(finished.take.label))

    def _end_by_itself(self) -> None:
        """End a take that nobody stopped, and tell everybody how that went."""
        warnings: list[str] = []
        try:
            message, ok = self._end_take(None, warnings), True
        except HarpiError as error:
            message, ok = str(error), False
        self._emit("notice", ok=ok, message=message, warnings=warnings)

    def _drop(self, at: float) -> str:
        self._state = "idle"
        take = self._takes.drop(at)
        return words.dropped(take) if take else "The take was dropped; it was still empty."

    # --- called by the learner --------------------------------------------------------------

    def _note_progress(self, progress: Progress) -> None:
        with self._lock:
            if self._state in ("training", "paused"):
                self._progress = progress
                self._emit("progress", message=words.progress(progress))

    def _end_training(self, outcome: Outcome) -> None:
        with self._lock:
            self._state = "idle"
            self._progress = None
            ok = outcome.result != "failed"
            self._emit("notice", ok=ok, message=outcome.message, outcome=outcome)

    # --- telling ----------------------------------------------------------------------------

    def _look(self) -> Situation:
        takes = self._takes
        request = takes.request if takes.recorder is not None else None
        return Situation(
            state=self._state,
            session=takes.session,
            position=takes.position,
            label=request.label if request else None,
            since=takes.since if request else None,
            seconds=request.seconds if request else None,
            asking=self._asking is not None,
            progress=self._progress,
            labels=takes.counts,
            notices=takes.notices,
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
    ) -> None:
        self._situation = self._look()
        event = Event(
            kind=kind,
            time=datetime.now(UTC),
            source=source,
            ok=ok,
            message=message,
            situation=self._situation,
            warnings=tuple(warnings),
            outcome=outcome.result if outcome else None,
            advice=outcome.advice if outcome else (),
        )
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:  # noqa: BLE001 - one bad listener must not deafen the others
                _log.exception("a listener failed")

    def _run(self) -> None:
        while not self._ending:
            self.work()
            busy = self._takes.recorder is not None or self._asking is not None
            self._wake.wait(LOOK_SECONDS if busy else None)
            self._wake.clear()
