"""A strap that was put on otherwise than when the head learnt."""

from __future__ import annotations

import pytest

from harpi.commands import Mount, Record, Status, Stop, Undo, Use
from tests.support.wearer import Wearer

TURNED = "The strap may be turned by about 90 degrees against session 1"


@pytest.fixture
def taught(wearer: Wearer) -> Wearer:
    """A wearer whose head has learnt what was recorded with the first mounting."""
    wearer.records("sitting")
    wearer.records("standing")
    wearer.learner.known = frozenset({1, 2})
    wearer.say(Mount())
    return wearer


def test_the_first_take_tells_that_it_is_turned(taught: Wearer) -> None:
    taught.turns_the_strap()
    answer = taught.records("sitting")
    assert answer.ok
    (warning,) = answer.warnings
    assert warning.startswith(TURNED)
    assert warning.endswith("record every activity again as it is worn now.")
    assert taught.events[-1].warnings == answer.warnings  # the lights blink at these
    assert answer.situation.notices == (warning,)


def test_it_stays_to_be_seen_and_is_not_said_with_every_take(taught: Wearer) -> None:
    taught.turns_the_strap()
    taught.records("sitting")
    again = taught.records("standing")
    assert again.warnings == ()
    assert taught.session.situation.notices[0].startswith(
        "The strap is turned by about 90 degrees"
    )
    assert taught.say(Status()).warnings == taught.session.situation.notices


def test_it_is_said_where_a_take_ends_by_itself(taught: Wearer) -> None:
    taught.turns_the_strap()
    taught.say(Record(label="sitting", seconds=6))
    taught.moves("sitting", 8)
    assert taught.events[-1].kind == "notice"
    assert taught.events[-1].warnings[0].startswith(TURNED)


def test_it_is_over_when_the_head_knows_the_strap_as_it_is(taught: Wearer) -> None:
    from harpi.commands import Train

    taught.turns_the_strap()
    taught.records("sitting")
    taught.records("standing")
    taught.say(Train())
    taught.learner.known = frozenset({1, 2, 3, 4})
    taught.learner.ends("taken")
    assert taught.session.situation.notices == ()
    taught.learner.known = frozenset({1, 2})
    assert taught.say(Use(head=1)).situation.notices != ()


def test_it_is_over_when_the_strap_was_put_back_and_the_take_dropped(taught: Wearer) -> None:
    taught.turns_the_strap()
    taught.records("sitting")
    assert taught.say(Undo()).situation.notices == ()
    taught.turns_the_strap()
    assert taught.records("sitting").warnings == ()


def test_a_new_mounting_may_be_said_again(taught: Wearer) -> None:
    taught.turns_the_strap()
    taught.records("sitting")
    taught.say(Mount())
    assert taught.records("sitting").warnings[0].startswith(TURNED)


def test_a_test_take_tells_it_too(taught: Wearer) -> None:
    taught.turns_the_strap()
    taught.say(Record(label="sitting", test=True))
    taught.moves("sitting", 8)
    assert taught.say(Stop()).warnings[0].startswith(TURNED)


def test_without_a_head_there_is_nothing_to_spoil(taught: Wearer) -> None:
    taught.learner.known = frozenset()
    taught.turns_the_strap()
    assert taught.records("sitting").warnings == ()


def test_a_strap_that_is_on_as_before_is_nothing_to_say(taught: Wearer) -> None:
    assert taught.records("sitting").warnings == ()
    assert taught.session.situation.notices == ()
