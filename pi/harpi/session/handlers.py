"""What each command does, and in which state it may.

=================  ===================  =================  =================  ================
command            idle                 recording,         training           paused
                                        testing
=================  ===================  =================  =================  ================
record             begins a take        refused            refused            refused
stop               refused              keeps the take     refused            refused
correct            keeps the last       refused            refused            refused
                   seconds as a take
correct, a bout    corrects the diary   corrects the       corrects the       corrects the
                                        diary              diary              diary
erase              deletes a day of     deletes a day of   deletes a day of   deletes a day of
                   the diary            the diary          the diary          the diary
undo               takes back what was  drops the take     refused            refused
                   done last
redo               does it again        refused            refused            refused
relabel            renames takes        refused            refused            refused
trim               uses a part          refused            refused            refused
import             adds takes           refused            refused            refused
delete             deletes takes        refused            refused            refused
restore            brings takes back    refused            refused            refused
purge              removes them         refused            refused            refused
train              begins to train      refused            refused            refused
pause              refused              refused            pauses             refused
resume             refused              refused            refused            goes on
cancel             refused, or no to    drops the take     breaks off         breaks off
                   "forget?", or
                   breaks off the
                   evaluation
forget             asks                 refused            refused            refused
forget, confirmed  forgets              refused            refused            refused
confirm            refused, or yes to   refused            refused            refused
                   "forget?"
use                another head         refused            refused            refused
discard            deletes a head       refused            deletes a head     deletes a head
evaluate           begins to test       refused            begins to test     begins to test
mount              begins a session     refused            begins a session   begins a session
guide              asks for the first   refused            refused            refused
                   step
guide, ended       asks no more         asks no more       asks no more       asks no more
status             tells                tells              tells              tells
=================  ===================  =================  =================  ================

By themselves end: a take after its seconds, training and an evaluation when they are done,
the question whether to forget after `harpi.session.handlers.ASKING_SECONDS` or with the next
command that does something. An evaluation goes on beside everything; a second one is refused
meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from harpi.commands import (
    Cancel,
    Command,
    Confirm,
    Correct,
    Delete,
    Discard,
    Erase,
    Evaluate,
    Forget,
    Guide,
    Import,
    Mount,
    Pause,
    Progress,
    Purge,
    Record,
    Redo,
    Relabel,
    Restore,
    Resume,
    Situation,
    State,
    Status,
    Stop,
    Train,
    Trim,
    Undo,
    Use,
)
from harpi.config.schema import Config
from harpi.errors import CommandRefused, HarpiError, UsageError
from harpi.learning.trainer import Outcome
from harpi.session import messages
from harpi.session.guide import Guide as FirstRun
from harpi.session.ports import DiaryKeeper, Examiner, Learner
from harpi.session.recorder import Finished
from harpi.session.takes import Change, Takes


class CommandHandlers:
    """Does commands, one at a time, and says in words what came of each.

    Args:
        config: labels, margins, minimums.
        takes: what is recorded, and what has been.
        training: what is learnt from it.
        examination: how the models are tested.
        question: whether to forget.
        guide: knows the next step of a first run.
        look: tells how things stand.
        diary: what the wearer did; None where none is kept.
    """

    def __init__(
        self,
        config: Config,
        takes: Takes,
        training: Training,
        examination: Examination,
        question: Question,
        guide: FirstRun,
        look: Callable[[], Situation],
        diary: DiaryKeeper | None = None,
    ) -> None:
        self._config = config
        self._takes = takes
        self._training = training
        self._examination = examination
        self._question = question
        self._first_run = guide
        self._look = look
        self._diary = diary

    def do(self, command: Command, at: float, warnings: list[str]) -> str:
        """Do a command.

        Args:
            command: what to do.
            at: monotonic time of the press that it stands for.
            warnings: gets what is doubtful although it was done.

        Returns:
            One or two sentences.

        Raises:
            HarpiError: it cannot be done; says why.
        """
        return self._by_command[type(command)](self, command, at, warnings)

    def end_take(self, at: float | None, warnings: list[str]) -> str:
        """End the take; whatever comes of it, none is recorded afterwards.

        Args:
            at: monotonic time of the press that ended it; None where it ended by itself.
            warnings: gets what is doubtful.

        Raises:
            HarpiError: there is no take, or only a part of it.
        """
        return self._kept(self._takes.end(at), warnings)

    def _kept(self, finished: Finished, warnings: list[str]) -> str:
        """Say what a take came to.

        Raises:
            HarpiError: there is no take, or only a part of it.
        """
        if finished.failure is not None:
            raise messages.cut_short(finished)
        if finished.take is None:
            raise messages.no_samples()
        warnings += messages.doubts(finished, self._config)
        warnings += self._takes.warnings()
        counts = {count.label: count for count in self._takes.counts}
        return messages.kept(finished, counts.get(finished.take.label))

    # --- takes ------------------------------------------------------------------------------

    def _record(self, command: Record, at: float, warnings: list[str]) -> str:
        request = msgspec.structs.replace(command, label=messages.checked_label(command.label))
        known = [count.label for count in self._takes.counts]
        resembled = messages.resembling(request.label, known)
        self._takes.begin(request, at)
        if resembled and not request.new:
            warnings.append(messages.did_you_mean(request.label, resembled))
        warnings += self._takes.warnings()
        return messages.recording(request)

    def _correct(self, command: Correct, at: float, warnings: list[str]) -> str:
        label = messages.checked_label(command.label)
        known = [count.label for count in self._takes.counts]
        resembled = messages.resembling(label, known)
        if command.bout is not None:
            before = self._kept_diary().correct(command.bout, label)
            if resembled and not command.new:
                warnings.append(messages.did_you_mean(label, resembled))
            told = messages.corrected(before, label)
            moments = self._kept_diary().moments(before)
            if moments is None or self._look().state != "idle":
                return told
            kept = self._takes.keep(label, *moments)
            return told if kept is None else f"{told} {self._kept(kept, warnings)}"
        finished = self._takes.correct(label, command.seconds, at)
        if finished is None:
            raise messages.nothing_to_correct()
        if resembled and not command.new:
            warnings.append(messages.did_you_mean(label, resembled))
        return self._kept(finished, warnings)

    def _erase(self, command: Erase, _at: float, _warnings: list[str]) -> str:
        return messages.erased(command.day, self._kept_diary().delete_day(command.day))

    def _kept_diary(self) -> DiaryKeeper:
        if self._diary is None:
            raise CommandRefused("no diary is kept", remedy="Set diary.enabled = true")
        return self._diary

    def _stop(self, _command: Stop, at: float, warnings: list[str]) -> str:
        return self.end_take(at, warnings)

    def _undo(self, command: Undo, at: float, _warnings: list[str]) -> str:
        if self._takes.recorder is not None:
            return self._drop(at)
        undone = self._takes.undo(whole=command.whole)
        if undone is None:
            raise CommandRefused("there is nothing to undo", remedy="Record something first")
        action, takes = undone
        return messages.undone(action.kind, takes, by_deleting=command.whole)

    def _redo(self, _command: Redo, _at: float, _warnings: list[str]) -> str:
        action = self._takes.redo()
        if action is None:
            raise CommandRefused("there is nothing to redo")
        return messages.done_again(action)

    def _change(self, command: Change, _at: float, warnings: list[str]) -> str:
        if isinstance(command, Relabel):
            if command.label is None and command.position is None:
                raise UsageError("nothing to correct", remedy="Give a label or a position")
            if command.label is not None:
                label = messages.checked_label(command.label)
                command = msgspec.structs.replace(command, label=label)
                known = [count.label for count in self._takes.counts]
                if resembled := messages.resembling(label, known):
                    warnings.append(messages.did_you_mean(label, resembled))
        return messages.changed(command, self._takes.change(command))

    def _purge(self, command: Purge, _at: float, _warnings: list[str]) -> str:
        if not command.confirmed:
            raise CommandRefused("a purge cannot be undone", remedy="Send it with confirmed")
        return messages.purged(self._takes.purge(command.takes))

    def _mount(self, command: Mount, _at: float, _warnings: list[str]) -> str:
        session = self._takes.mount(command.position)
        return f"Session {session} begins; the sensor is worn at: {self._takes.position}."

    def _guide(self, command: Guide, _at: float, warnings: list[str]) -> str:
        if not command.labels:
            self._first_run.end()
            return "The guide has ended; what was recorded is kept."
        labels = [messages.checked_label(label) for label in command.labels]
        labels = list(dict.fromkeys(labels))
        if len(labels) < 2:
            raise UsageError(
                "one activity cannot be told from another", remedy="Name two or more"
            )
        for label in labels:
            others = [count.label for count in self._takes.counts] + labels
            if resembled := messages.resembling(label, [one for one in others if one != label]):
                warnings.append(messages.did_you_mean(label, resembled))
        if command.position is not None and command.position != self._takes.position:
            self._takes.mount(command.position)
        self._first_run.begin(labels, self._takes.counts)
        return f"First run with {messages.listed(labels)}."

    def _drop(self, at: float) -> str:
        take = self._takes.drop(at)
        return messages.dropped(take) if take else "The take was discarded; it was still empty."

    # --- learning ---------------------------------------------------------------------------

    def _train(self, _command: Train, _at: float, warnings: list[str]) -> str:
        recorded = [count for count in self._takes.counts if count.takes]
        ready = [count.label for count in recorded if not count.needed]
        if len(ready) < 2:
            minimum = self._config.learning.minimum_windows
            raise messages.too_little(self._takes.counts, minimum)
        warnings += [f"{messages.needed(c)}, so it is left out" for c in recorded if c.needed]
        self._training.begin(tuple(ready))
        return f"Training {messages.listed(ready)}."

    def _pause(self, _command: Pause, _at: float, _warnings: list[str]) -> str:
        self._training.pause()
        return "Training is paused."

    def _resume(self, _command: Resume, _at: float, _warnings: list[str]) -> str:
        self._training.resume()
        return "Training is running again."

    def _use(self, command: Use, _at: float, _warnings: list[str]) -> str:
        number = self._training.use(command.head)
        self._takes.look_again()  # it may know the strap as it is on
        return f"Head {number} is in use."

    def _discard(self, command: Discard, _at: float, _warnings: list[str]) -> str:
        self._training.discard(command.head)
        return f"Head {command.head} is deleted."

    def _evaluate(self, _command: Evaluate, _at: float, _warnings: list[str]) -> str:
        tests = sum(count.tests for count in self._takes.counts)
        self._examination.begin(tests)
        return messages.evaluating(tests)

    # --- breaking off, forgetting, telling --------------------------------------------------

    def _cancel(self, _command: Cancel, at: float, _warnings: list[str]) -> str:
        if self._question.asked is not None:
            return "Nothing was forgotten."
        if self._takes.recorder is not None:
            return self._drop(at)
        if self._training.state is not None:
            self._training.cancel()
            return "Training is cancelled; the models stay as they were."
        self._examination.cancel()
        return "The evaluation is cancelled."

    def _forget(self, command: Forget, at: float, _warnings: list[str]) -> str:
        label = command.label
        known = [count.label for count in self._takes.counts if count.takes or count.tests]
        if label is not None and label not in known:
            raise messages.unknown_label(label, known)
        if command.confirmed:
            return messages.forgotten(label, self._takes.forget(label))
        takes = len(self._takes.of(label))
        self._question.ask(label, at)
        return messages.ask_to_forget(label, takes, ASKING_SECONDS)

    def _confirm(self, _command: Confirm, _at: float, _warnings: list[str]) -> str:
        asked = self._question.asked
        assert asked is not None  # noqa: S101 - else the command is refused
        return messages.forgotten(asked.label, self._takes.forget(asked.label))

    def _status(self, _command: Status, _at: float, warnings: list[str]) -> str:
        self._takes.look_again()
        warnings += self._takes.notices
        return messages.summary(self._look())

    _by_command: Final[dict[type[Command], Callable[..., str]]] = {
        Record: _record,
        Stop: _stop,
        Correct: _correct,
        Erase: _erase,
        Undo: _undo,
        Redo: _redo,
        Relabel: _change,
        Trim: _change,
        Import: _change,
        Delete: _change,
        Restore: _change,
        Purge: _purge,
        Cancel: _cancel,
        Guide: _guide,
        Train: _train,
        Pause: _pause,
        Resume: _resume,
        Forget: _forget,
        Confirm: _confirm,
        Use: _use,
        Discard: _discard,
        Evaluate: _evaluate,
        Mount: _mount,
        Status: _status,
    }


ASKING_SECONDS: Final = 6.0
"""How long it waits for an answer."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A question that was asked.

    Attributes:
        label: what would be forgotten; None for everything.
        until: monotonic time at which it runs out.
    """

    label: str | None
    until: float


class Question:
    """Whether to forget, for as long as that waits for an answer.

    Attributes:
        asked: what was asked; None where nothing waits.
    """

    def __init__(self) -> None:
        self.asked: Asked | None = None

    def ask(self, label: str | None, at: float) -> None:
        """Ask, in place of what was asked before."""
        self.asked = Asked(label, at + ASKING_SECONDS)

    def withdraw(self) -> None:
        """Ask no more."""
        self.asked = None

    def ran_out(self, now: float) -> bool:
        """Tell whether it was not answered in time; then it is withdrawn."""
        if self.asked is None or now < self.asked.until:
            return False
        self.withdraw()
        return True


class Training:
    """The training that goes on, where one does.

    Args:
        learner: who learns.
        on_progress: is told how far it is, on the learner's thread.
        on_end: is told how it ended, likewise.

    Attributes:
        state: `paused` is training at rest; None where nothing is trained.
        progress: how far it is; None before the first step.
    """

    def __init__(
        self,
        learner: Learner,
        on_progress: Callable[[Progress], None],
        on_end: Callable[[Outcome], None],
    ) -> None:
        self._learner = learner
        self._on_progress = on_progress
        self._on_end = on_end
        self.state: Literal["training", "paused"] | None = None
        self.progress: Progress | None = None

    def begin(self, labels: tuple[str, ...]) -> None:
        """Begin to learn these labels.

        Raises:
            HarpiError: training cannot begin.
        """
        self.state = "training"
        try:
            self._learner.train(labels, on_progress=self._on_progress, on_end=self._on_end)
        except HarpiError:
            self.state = None
            raise

    def pause(self) -> None:
        """Let it rest."""
        self._learner.pause()
        self.state = "paused"

    def resume(self) -> None:
        """Go on with it."""
        self._learner.resume()
        self.state = "training"

    def cancel(self) -> None:
        """Break it off; it goes on until the learner says how it ended."""
        self._learner.cancel()

    def note(self, progress: Progress) -> bool:
        """Note how far it is; False where it has ended meanwhile."""
        if self.state is None:
            return False
        self.progress = progress
        return True

    def end(self) -> None:
        """Note that it has ended."""
        self.state, self.progress = None, None

    def use(self, head: int | None) -> int:
        """Predict with a kept head from now on, or with the one before; give its number.

        Raises:
            HarpiError: there is no such head, or it cannot be used.
        """
        return self._learner.use(head)

    def discard(self, head: int) -> None:
        """Delete a kept head for good.

        Raises:
            HarpiError: there is no such head, or it is in use.
        """
        self._learner.discard(head)


class Examination:
    """The evaluation that goes on, where one does.

    Args:
        examiner: who tests the models.
        on_end: is told, in another thread, that it has ended, and what went wrong or None.

    Attributes:
        going_on: one goes on.
        cancelled: it was broken off.
    """

    def __init__(self, examiner: Examiner, on_end: Callable[[str | None], None]) -> None:
        self._examiner = examiner
        self._on_end = on_end
        self.going_on = False
        self.cancelled = False

    def begin(self, tests: int) -> None:
        """Begin to test the models.

        Args:
            tests: how many test takes there are.

        Raises:
            HarpiError: one goes on already, or it cannot begin.
        """
        if self.going_on:
            raise CommandRefused(
                "an evaluation is running already", remedy="Wait until it is done"
            )
        if not tests:
            raise CommandRefused(
                "there are no test takes", remedy="Record some with `harpi record LABEL --test`"
            )
        self._examiner.begin(self._on_end)
        self.going_on, self.cancelled = True, False

    def cancel(self) -> None:
        """Break it off; it goes on until the examiner says that it has ended."""
        self.cancelled = True
        self._examiner.cancel()

    def end(self) -> None:
        """Note that it has ended."""
        self.going_on = False


_STATES: Final[dict[type[Command], tuple[State, ...]]] = {
    Record: ("idle",),
    Stop: ("recording", "testing"),
    Correct: ("idle",),
    Erase: ("idle", "recording", "testing", "training", "paused"),
    Undo: ("idle", "recording", "testing"),
    Redo: ("idle",),
    Relabel: ("idle",),
    Trim: ("idle",),
    Import: ("idle",),
    Delete: ("idle",),
    Restore: ("idle",),
    Purge: ("idle",),
    Train: ("idle",),
    Pause: ("training",),
    Resume: ("paused",),
    Cancel: ("recording", "testing", "training", "paused"),
    Forget: ("idle",),
    Confirm: (),
    Use: ("idle",),
    Discard: ("idle", "training", "paused"),
    Evaluate: ("idle", "training", "paused"),
    Mount: ("idle", "training", "paused"),
    Guide: ("idle",),
    Status: ("idle", "recording", "testing", "training", "paused"),
}


def allowed(command: Command, situation: Situation) -> bool:
    """Tell whether a command is done as things stand; where not, it is refused."""
    match command:
        case Confirm() if situation.asking:
            return True
        case Correct(bout=int()) | Guide(labels=()):
            return True
        case Cancel() if situation.asking or situation.evaluating:
            return True
    return situation.state in _STATES[type(command)]
