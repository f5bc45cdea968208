"""The state machine: every command in every state, and what ends by itself."""

from __future__ import annotations

import random
import re
import threading
from datetime import date
from pathlib import Path
from typing import get_args

import pytest

from harpi.commands import (
    COMMANDS,
    Answer,
    Cancel,
    Command,
    Confirm,
    Correct,
    Delete,
    Discard,
    Erase,
    Evaluate,
    Event,
    Forget,
    Guide,
    Import,
    Mount,
    Pause,
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
from harpi.errors import ModelError, StoreError
from harpi.session import handlers
from harpi.session.handlers import ASKING_SECONDS
from tests.support.wearer import Wearer

COMMAND_LIST: dict[str, Command] = {
    "record": Record(label="sitting"),
    "stop": Stop(),
    "correct": Correct(label="sitting"),
    "correct, a bout": Correct(label="sitting", bout=1),
    "erase": Erase(day=date(2026, 5, 1)),
    "undo": Undo(),
    "redo": Redo(),
    "relabel": Relabel(takes=(1,), label="sitting"),
    "trim": Trim(take=1, start=1.0),
    "import": Import(takes=(9,)),
    "purge": Purge(takes=(1,)),
    "delete": Delete(takes=(1,)),
    "restore": Restore(takes=(1,)),
    "train": Train(),
    "pause": Pause(),
    "resume": Resume(),
    "cancel": Cancel(),
    "forget": Forget(),
    "forget, confirmed": Forget(confirmed=True),
    "confirm": Confirm(),
    "use": Use(),
    "discard": Discard(head=2),
    "evaluate": Evaluate(),
    "mount": Mount(),
    "guide": Guide(labels=("walking", "sitting")),
    "guide, ended": Guide(),
    "status": Status(),
}

BEFORE = ("idle", "asking", "recording", "testing", "training", "paused")
"""The states; `asking` is idle with the question whether to forget."""

NO = "refused"

AFTER: dict[str, tuple[str, ...]] = {
    "record": ("recording", "recording", NO, NO, NO, NO),
    "stop": (NO, NO, "idle", "idle", NO, NO),
    "correct": (NO, NO, NO, NO, NO, NO),  # nothing has come since the take; see test_takes.py
    "correct, a bout": ("idle", "idle", "recording", "testing", "training", "paused"),
    "erase": ("idle", "idle", "recording", "testing", "training", "paused"),
    "undo": ("idle", "idle", "idle", "idle", NO, NO),
    "redo": (NO, NO, NO, NO, NO, NO),  # nothing was undone; see test_takes.py
    "relabel": ("idle", "idle", NO, NO, NO, NO),
    "trim": ("idle", "idle", NO, NO, NO, NO),
    "import": (NO, NO, NO, NO, NO, NO),  # none waits; see test_takes.py
    "purge": (NO, NO, NO, NO, NO, NO),  # not confirmed; see test_takes.py
    "delete": ("idle", "idle", NO, NO, NO, NO),
    "restore": ("idle", "idle", NO, NO, NO, NO),
    "train": (NO, NO, NO, NO, NO, NO),  # one label is not enough; see below
    "pause": (NO, NO, NO, NO, "paused", NO),
    "resume": (NO, NO, NO, NO, NO, "training"),
    "cancel": (NO, "idle", "idle", "idle", "training", "paused"),  # the learner ends it
    "forget": ("asking", "asking", NO, NO, NO, NO),
    "forget, confirmed": ("idle", "idle", NO, NO, NO, NO),
    "confirm": (NO, "idle", NO, NO, NO, NO),
    "use": ("idle", "idle", NO, NO, NO, NO),
    "discard": ("idle", "idle", NO, NO, "training", "paused"),
    "evaluate": (NO, NO, NO, NO, NO, NO),  # no test takes; see test_examination.py
    "mount": ("idle", "idle", NO, NO, "training", "paused"),
    "guide": ("idle", "idle", NO, NO, NO, NO),
    "guide, ended": ("idle", "idle", "recording", "testing", "training", "paused"),
    "status": BEFORE,
}
"""The state after each command, for each of `BEFORE`."""


def state_of(situation: Situation) -> str:
    return "asking" if situation.asking else situation.state


def test_the_table_is_complete() -> None:
    assert {type(command) for command in COMMAND_LIST.values()} == set(COMMANDS.values())
    assert AFTER.keys() == COMMAND_LIST.keys()
    assert set(BEFORE) - {"asking"} == set(get_args(State))


def test_the_table_in_the_documentation_has_the_same_rows() -> None:
    rows = re.findall(
        r"^([a-z]+(?:, (?:confirmed|a bout|ended))?) {2,}\S",
        handlers.__doc__ or "",
        re.MULTILINE,
    )
    assert set(rows) - {"command"} == set(AFTER)


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("name", AFTER)
def test_each_command_in_each_state(wearer: Wearer, name: str, before: str) -> None:
    wearer.gets_into(before)
    takes, waiting = wearer.store.takes(), state_of(wearer.session.situation)
    expected = AFTER[name][BEFORE.index(before)]

    answer = wearer.say(COMMAND_LIST[name])

    assert answer.ok == (expected != NO)
    assert state_of(answer.situation) == (waiting if expected == NO else expected)
    assert answer.situation == wearer.session.situation
    assert re.fullmatch(r"[A-Za-z].*[.!?]", answer.message)
    if expected == NO:
        assert wearer.store.takes() == takes
        assert wearer.learner.log == []
    if name != "status":
        (event,) = wearer.events
        assert (event.kind, event.source, event.ok) == ("answer", "test", answer.ok)
        assert (event.message, event.situation) == (answer.message, answer.situation)
    else:
        assert wearer.events == []


def test_training_begins_with_two_labels_and_ends_when_the_learner_says(
    wearer: Wearer,
) -> None:
    wearer.records("walking")
    wearer.records("sitting")
    answer = wearer.say(Train())
    assert answer.ok
    assert answer.situation.state == "training"
    assert wearer.learner.labels == ("walking", "sitting")

    wearer.events.clear()
    wearer.learner.learns(3, 0.5, 0.75)
    assert wearer.session.situation.progress is not None
    assert wearer.session.situation.progress.epoch == 3
    wearer.learner.ends("taken", "record more of standing")

    kinds = [(event.kind, event.source, event.outcome) for event in wearer.events]
    assert kinds == [("progress", "session", None), ("notice", "session", "taken")]
    assert wearer.events[1].advice == ("record more of standing",)
    assert wearer.session.situation.state == "idle"
    assert wearer.session.situation.progress is None


def test_a_label_that_is_short_of_windows_is_left_out_of_training_and_named(
    wearer: Wearer,
) -> None:
    wearer.records("walking")
    wearer.records("sitting")
    wearer.records("standing", 5)
    answer = wearer.say(Train())
    assert wearer.learner.labels == ("walking", "sitting")
    assert answer.warnings == ("standing: 4 more windows needed, so it is left out",)


def test_training_too_little_says_how_much_is_missing(wearer: Wearer) -> None:
    wearer.records("walking", 5)
    answer = wearer.say(Train())
    assert not answer.ok
    for part in (
        "walking: 4 more windows needed",
        "sitting: 5 more windows needed",
        "standing: 5 more windows needed",
    ):
        assert part in answer.message


def test_a_training_that_cannot_begin_leaves_the_session_idle(wearer: Wearer) -> None:
    wearer.records("walking")
    wearer.records("sitting")
    wearer.learner.refuses = ModelError("the base model is damaged", where="generic.tflite")
    answer = wearer.say(Train())
    assert not answer.ok
    assert "damaged" in answer.message
    assert answer.situation.state == "idle"


def test_cancelled_training_ends_with_a_notice(wearer: Wearer) -> None:
    wearer.gets_into("training")
    assert wearer.say(Cancel()).ok
    wearer.learner.ends("cancelled")
    assert wearer.session.situation.state == "idle"
    assert wearer.events[-1].outcome == "cancelled"


def test_forgetting_is_asked_first_and_takes_everything_back(wearer: Wearer) -> None:
    wearer.records("walking")
    wearer.records("sitting", test=True)
    question = wearer.say(Forget())
    assert "2 takes" in question.message
    assert len(wearer.store.takes()) == 2

    assert wearer.say(Confirm()).ok
    assert wearer.store.takes() == []
    assert "forget all" in wearer.learner.log
    assert wearer.say(Undo()).ok
    assert len(wearer.store.takes()) == 2


def test_the_question_whether_to_forget_runs_out(wearer: Wearer) -> None:
    wearer.gets_into("asking")
    wearer.time.advance(ASKING_SECONDS)
    wearer.session.work()
    assert not wearer.session.situation.asking
    assert [event.message for event in wearer.events] == ["Nothing was forgotten."]
    assert not wearer.say(Confirm()).ok
    assert len(wearer.store.takes()) == 1


def test_another_command_withdraws_the_question(wearer: Wearer) -> None:
    wearer.gets_into("asking")
    wearer.say(Record(label="walking"))
    wearer.moves("walking", 8)
    wearer.say(Stop())
    assert not wearer.say(Confirm()).ok
    assert len(wearer.store.takes()) == 2


def test_one_label_can_be_forgotten(wearer: Wearer) -> None:
    wearer.records("walking")
    wearer.records("sitting")
    assert wearer.say(Forget(label="walking", confirmed=True)).ok
    assert [take.label for take in wearer.store.takes()] == ["sitting"]
    assert "forget walking" in wearer.learner.log


def test_forgetting_an_unknown_label_suggests_a_near_one(wearer: Wearer) -> None:
    wearer.records("walking")
    answer = wearer.say(Forget(label="wlaking", confirmed=True))
    assert not answer.ok
    assert "Did you mean 'walking'" in answer.message


def test_what_was_learnt_and_cannot_be_forgotten_is_said_and_the_takes_stay(
    wearer: Wearer,
) -> None:
    wearer.records("walking")
    wearer.learner.refuses = StoreError("the disk is read-only", where="heads")
    answer = wearer.say(Forget(confirmed=True))
    assert not answer.ok
    assert "read-only" in answer.message
    assert len(wearer.store.takes()) == 1
    assert wearer.counts()["walking"][0] == 1


def test_without_a_store_everything_that_needs_one_says_why(tmp_path: Path) -> None:
    wearer = Wearer(tmp_path, store=StoreError("the store is damaged", where="takes.db"))
    for command in (
        Record(label="walking"),
        Undo(),
        Mount(),
        Forget(),
        Forget(confirmed=True),
    ):
        answer = wearer.say(command)
        assert not answer.ok
        assert "takes.db: the store is damaged" in answer.message
    status = wearer.say(Status())
    assert status.ok
    assert status.warnings == ("takes.db: the store is damaged.",)
    assert not wearer.say(Train()).ok
    wearer.moves("walking", 2)
    wearer.store.close()


def test_ending_keeps_the_take_that_is_being_recorded(wearer: Wearer) -> None:
    wearer.session.start()
    wearer.gets_into("recording")
    wearer.session.stop()
    (take,) = wearer.store.takes()
    assert take.seconds == pytest.approx(8, abs=0.4)
    assert not wearer.say(Record(label="walking")).ok
    assert wearer.say(Status()).ok


def test_ending_breaks_training_off(wearer: Wearer) -> None:
    wearer.gets_into("training")
    wearer.session.stop()
    assert wearer.learner.log == ["cancel"]


def test_a_listener_that_fails_does_not_deafen_the_others(
    wearer: Wearer, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Event] = []

    def bad(_event: object) -> None:
        raise RuntimeError("oh")

    wearer.session.subscribe(bad)
    wearer.session.subscribe(heard.append)
    assert not wearer.say(Stop()).ok
    assert len(heard) == 1
    assert "RuntimeError: oh" in caplog.text
    wearer.session.unsubscribe(heard.append)
    wearer.say(Stop())
    assert len(heard) == 1


def test_commands_from_many_threads_are_done_one_at_a_time(wearer: Wearer) -> None:
    """Whoever wins each race, what was answered is what is there."""
    commands: list[Command] = [
        Record(label="walking"),
        Stop(),
        Cancel(),
        Mount(),
        Status(),
        Pause(),
        Undo(),
    ]
    answers: list[tuple[Command, Answer]] = []

    def press(seed: int) -> None:
        choices = random.Random(seed).choices(commands, k=40)
        answers.extend((command, wearer.say(command)) for command in choices)

    def moved() -> None:
        while any(thread.is_alive() for thread in threads):
            wearer.moves("walking", 0.4)

    threads = [threading.Thread(target=press, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    moved()
    for thread in threads:
        thread.join()

    assert len(answers) == 160
    begun = sum(answer.ok for command, answer in answers if isinstance(command, Record))
    ended = [
        event.message
        for event in wearer.events
        if re.match(
            r"Take \d+ of|Cancelled take|.*there is no take\.|.*was discarded", event.message
        )
    ]
    going_on = wearer.session.situation.state == "recording"
    assert begun == len(ended) + going_on
    assert len(wearer.events) == sum(not isinstance(c, Status) for c, _ in answers)
    if going_on:
        wearer.say(Stop())
    stored = wearer.store.takes(deleted=None)
    assert {take.label for take in stored} <= {"walking"}
    assert all(take.state == "kept" for take in stored)
