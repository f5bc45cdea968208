"""What each command does, once the rules allow it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from harpi.commands import (
    Cancel,
    Command,
    Confirm,
    Delete,
    Discard,
    Evaluate,
    Forget,
    Mount,
    Pause,
    Record,
    Relabel,
    Restore,
    Resume,
    Situation,
    Status,
    Stop,
    Train,
    Undo,
    Use,
)
from harpi.config.schema import Config
from harpi.errors import CommandRefused
from harpi.session import words
from harpi.session.examination import Examination
from harpi.session.question import ASKING_SECONDS, Question
from harpi.session.takes import Takes
from harpi.session.training import Training


class Deeds:
    """Does commands, one at a time, and says in words what came of each.

    Args:
        config: labels, margins, minimums.
        takes: what is recorded, and what has been.
        training: what is learnt from it.
        examination: how the models are tested.
        question: whether to forget.
        look: tells how things stand.
    """

    def __init__(
        self,
        config: Config,
        takes: Takes,
        training: Training,
        examination: Examination,
        question: Question,
        look: Callable[[], Situation],
    ) -> None:
        self._config = config
        self._takes = takes
        self._training = training
        self._examination = examination
        self._question = question
        self._look = look

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
        finished = self._takes.end(at)
        if finished.failure is not None:
            raise words.cut_short(finished)
        if finished.take is None:
            raise words.no_samples()
        warnings += words.doubts(finished, self._config)
        warnings += self._takes.warnings()
        counts = {count.label: count for count in self._takes.counts}
        return words.kept(finished, counts.get(finished.take.label))

    # --- takes ------------------------------------------------------------------------------

    def _record(self, command: Record, at: float, warnings: list[str]) -> str:
        request = msgspec.structs.replace(command, label=words.checked_label(command.label))
        known = [count.label for count in self._takes.counts]
        resembled = words.resembling(request.label, known)
        self._takes.begin(request, at)
        if resembled and not request.new:
            warnings.append(words.did_you_mean(request.label, resembled))
        warnings += self._takes.warnings()
        return words.recording(request)

    def _stop(self, _command: Stop, at: float, warnings: list[str]) -> str:
        return self.end_take(at, warnings)

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

    def _mount(self, command: Mount, _at: float, _warnings: list[str]) -> str:
        session = self._takes.mount(command.position)
        return f"Session {session} begins; the sensor is worn at: {self._takes.position}."

    def _drop(self, at: float) -> str:
        take = self._takes.drop(at)
        return words.dropped(take) if take else "The take was dropped; it was still empty."

    # --- learning ---------------------------------------------------------------------------

    def _train(self, _command: Train, _at: float, warnings: list[str]) -> str:
        self._takes.look_again()
        recorded = [count for count in self._takes.counts if count.takes]
        ready = [count.label for count in recorded if not count.needed]
        if len(ready) < 2:
            minimum = self._config.learning.minimum_windows
            raise words.too_little(self._takes.counts, minimum)
        warnings += [f"{words.needed(c)}, so it is left out" for c in recorded if c.needed]
        self._training.begin(tuple(ready))
        return f"Training {words.listed(ready)}."

    def _pause(self, _command: Pause, _at: float, _warnings: list[str]) -> str:
        self._training.pause()
        return "Training rests."

    def _resume(self, _command: Resume, _at: float, _warnings: list[str]) -> str:
        self._training.resume()
        return "Training goes on."

    def _use(self, command: Use, _at: float, _warnings: list[str]) -> str:
        number = self._training.use(command.head)
        self._takes.look_again()  # it may know the strap as it is on
        return f"Head {number} is in use."

    def _discard(self, command: Discard, _at: float, _warnings: list[str]) -> str:
        self._training.discard(command.head)
        return f"Head {command.head} is deleted."

    def _evaluate(self, _command: Evaluate, _at: float, _warnings: list[str]) -> str:
        self._takes.look_again()
        tests = sum(count.tests for count in self._takes.counts)
        self._examination.begin(tests)
        return words.evaluating(tests)

    # --- breaking off, forgetting, telling --------------------------------------------------

    def _cancel(self, _command: Cancel, at: float, _warnings: list[str]) -> str:
        if self._question.asked is not None:
            return "Nothing was forgotten."
        if self._takes.recorder is not None:
            return self._drop(at)
        if self._training.state is not None:
            self._training.cancel()
            return "Training is broken off; what was learnt before stays."
        self._examination.cancel()
        return "The evaluation is broken off."

    def _forget(self, command: Forget, at: float, _warnings: list[str]) -> str:
        label = command.label
        known = [count.label for count in self._takes.counts if count.takes or count.tests]
        if label is not None and label not in known:
            raise words.unknown_label(label, known)
        if command.confirmed:
            return words.forgotten(label, self._takes.forget(label))
        takes = len(self._takes.of(label))
        self._question.ask(label, at)
        return words.ask_to_forget(label, takes, ASKING_SECONDS)

    def _confirm(self, _command: Confirm, _at: float, _warnings: list[str]) -> str:
        asked = self._question.asked
        assert asked is not None  # noqa: S101 - else the command is refused
        return words.forgotten(asked.label, self._takes.forget(asked.label))

    def _status(self, _command: Status, _at: float, warnings: list[str]) -> str:
        self._takes.look_again()
        warnings += self._takes.notices
        return words.summary(self._look())

    _by_command: Final[dict[type[Command], Callable[..., str]]] = {
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
        Discard: _discard,
        Evaluate: _evaluate,
        Mount: _mount,
        Status: _status,
    }
