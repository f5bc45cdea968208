"""Evaluations beside the session: begun by a command, or by another program."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from harpi.commands import Cancel, Evaluate, Evaluated, Record, Score, Status
from harpi.errors import StoreError
from tests.support.wearer import Wearer


def evaluated(run: int = 3, **accuracy: float) -> Evaluated:
    return Evaluated(
        run=run,
        time=datetime.now(UTC),
        takes=4,
        windows=120,
        scores={name: Score(accuracy=a, macro_f1=a) for name, a in accuracy.items()},
        findings=("personal is better than generic: 0.94 against 0.61, sure (12 takes).",),
    )


@pytest.fixture
def tested(wearer: Wearer) -> Wearer:
    """A wearer with a test take, whose session has been quiet since."""
    wearer.records("walking", test=True)
    wearer.events.clear()
    return wearer


def test_it_goes_on_beside_everything_and_is_told_when_it_is_done(tested: Wearer) -> None:
    answer = tested.say(Evaluate())
    assert answer.ok
    assert answer.message == "Testing the models on 1 test take; everything else continues."
    assert answer.situation.evaluating
    assert (answer.situation.state, tested.examiner.log) == ("idle", ["begin"])
    assert tested.records("sitting").ok

    tested.events.clear()
    found = evaluated(knn=0.87, generic=0.61, personal=0.94)
    tested.examiner.logged = [found]
    tested.examiner.ends()

    (event,) = tested.events
    assert (event.kind, event.source, event.ok) == ("notice", "session", True)
    assert event.message == "Run 3: kNN 87%, generic 61%, personal 94% of 120 windows correct."
    assert event.evaluation == found
    assert not event.situation.evaluating


@pytest.mark.parametrize("state", ["training", "paused"])
def test_it_begins_while_the_device_learns(wearer: Wearer, state: str) -> None:
    wearer.records("walking", test=True)
    wearer.gets_into(state)
    answer = wearer.say(Evaluate())
    assert answer.ok
    assert (answer.situation.state, answer.situation.evaluating) == (state, True)


def test_a_second_one_is_refused_meanwhile(tested: Wearer) -> None:
    tested.say(Evaluate())
    again = tested.say(Evaluate())
    assert not again.ok
    assert "is running already" in again.message
    tested.examiner.ends()
    assert tested.say(Evaluate()).ok


def test_without_test_takes_it_says_how_to_record_some(wearer: Wearer) -> None:
    wearer.records("walking")
    answer = wearer.say(Evaluate())
    assert not answer.ok
    assert "harpi record LABEL --test" in answer.message
    assert wearer.examiner.log == []


def test_why_it_failed_is_told(tested: Wearer) -> None:
    tested.say(Evaluate())
    tested.events.clear()
    tested.examiner.ends("takes.db: the file is damaged.")
    (event,) = tested.events
    assert (event.ok, event.message) == (False, "takes.db: the file is damaged.")
    assert not event.situation.evaluating


def test_its_end_is_told_even_where_its_result_was_told_before(tested: Wearer) -> None:
    tested.say(Evaluate())
    tested.examiner.logged = [evaluated(knn=0.5)]
    tested.session.look_at_runs()
    assert tested.events[-1].situation.evaluating
    tested.examiner.ends()
    assert tested.events[-1].message == "The evaluation has ended."
    assert not tested.events[-1].situation.evaluating


def test_it_can_be_broken_off(tested: Wearer) -> None:
    assert not tested.say(Cancel()).ok
    tested.say(Evaluate())
    assert tested.say(Cancel()).ok
    tested.events.clear()
    tested.examiner.ends("ended by signal 15")
    (event,) = tested.events
    assert (event.ok, event.message) == (True, "The evaluation was cancelled.")


def test_a_take_is_dropped_before_an_evaluation_is_broken_off(tested: Wearer) -> None:
    tested.say(Evaluate())
    tested.say(Record(label="walking"))
    assert tested.say(Cancel()).situation.evaluating
    assert tested.examiner.log == ["begin"]


def test_the_end_of_the_session_breaks_it_off(tested: Wearer) -> None:
    tested.say(Evaluate())
    tested.session.stop()
    assert tested.examiner.log == ["begin", "cancel"]


def test_one_that_cannot_begin_does_not_go_on(
    tested: Wearer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_on_end: Any) -> None:
        raise StoreError("no room", where="/tmp")

    monkeypatch.setattr(tested.examiner, "begin", refuse)
    answer = tested.say(Evaluate())
    assert not answer.ok
    assert not answer.situation.evaluating


def test_what_another_program_evaluated_is_told_too(wearer: Wearer) -> None:
    wearer.examiner.logged = [evaluated(1), evaluated(2, knn=0.5)]
    wearer.session.look_at_runs()
    assert [event.evaluation and event.evaluation.run for event in wearer.events] == [1, 2]
    assert wearer.events[0].message == "Run 1: no model is trained."
    wearer.session.look_at_runs()
    assert len(wearer.events) == 2


def test_a_log_that_cannot_be_read_is_said(
    wearer: Wearer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> list[Evaluated]:
        raise StoreError("the log of evaluations cannot be read", where="evaluations.jsonl")

    monkeypatch.setattr(wearer.examiner, "news", refuse)
    wearer.session.look_at_runs()
    (event,) = wearer.events
    assert not event.ok
    assert "cannot be read" in event.message


def test_status_tells_that_the_models_are_tested(tested: Wearer) -> None:
    tested.say(Evaluate())
    assert "The models are being tested." in tested.say(Status()).message
