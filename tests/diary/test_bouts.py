"""Bouts of made-up answers: what is kept, what is merged, and what always holds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.diary.bouts import (
    CHANGE_SECONDS,
    LAG_SECONDS,
    MOST_PENDING,
    PAUSE_SECONDS,
    Bout,
    BoutMaker,
    Hop,
)
from tests.support.verdicts import verdict

HOP = 0.64
WINDOW = 2.52
BEGIN = 1_000_000.0

Said = Sequence[tuple[str, float]]
"""What harpi says, and for how long; `?` is unknown, `-` not worn."""

stretches = st.lists(
    st.tuples(st.sampled_from("abc?-"), st.floats(0.64, 20.0)), min_size=1, max_size=10
)


def hops(said: Said, begin: float = BEGIN) -> list[Hop]:
    made, end = [], begin + WINDOW
    for name, seconds in said:
        for _ in range(max(1, round(seconds / HOP))):
            made.append(hop(name, end - WINDOW, end))
            end += HOP
    return made


def hop(name: str, start: float, end: float) -> Hop:
    if name == "?":
        return Hop(start, end, "unknown")
    return (
        Hop(start, end, "not_worn") if name == "-" else Hop(start, end, "activity", name, 0.8)
    )


def bouts(hops: Sequence[Hop], lag: float = LAG_SECONDS, every: int = 8) -> list[Bout]:
    maker, made = BoutMaker(lag=lag), []
    for number, one in enumerate(hops):
        maker.push(one)
        if number % every == 0:
            made += maker.settled()
    maker.finish()
    return made + maker.settled()


def names(bouts: Sequence[Bout]) -> str:
    marks = {"unknown": "?", "not_worn": "-"}
    return "".join(bout.activity or marks[bout.kind] for bout in bouts)


def test_one_activity_is_one_bout_with_all_its_time() -> None:
    said = hops([("a", 60)])
    (bout,) = bouts(said)
    assert (bout.activity, bout.start, bout.end) == ("a", BEGIN, said[-1].end)
    assert bout.confidence == pytest.approx(0.8)
    assert bout.interruptions == 0


def test_to_be_unknown_and_not_to_be_worn_are_bouts() -> None:
    assert names(bouts(hops([("a", 60), ("?", 60), ("-", 60)]))) == "a?-"


def test_a_moment_of_another_activity_is_an_interruption() -> None:
    (bout,) = bouts(hops([("a", 60), ("b", 5), ("a", 60), ("?", 3), ("a", 30)]))
    assert bout.interruptions == 2


def test_what_lasts_is_no_interruption() -> None:
    assert names(bouts(hops([("a", 60), ("b", 2.5 * CHANGE_SECONDS), ("a", 60)]))) == "aba"


def test_what_shows_at_a_change_alone_belongs_to_a_neighbour() -> None:
    assert names(bouts(hops([("a", 60), ("c", CHANGE_SECONDS / 2), ("b", 60)]))) == "ab"


def test_a_bout_begins_when_the_activity_did_not_when_the_answer_followed() -> None:
    _, second = bouts(hops([("a", 64), ("b", 64)]))
    assert second.start == pytest.approx(BEGIN + WINDOW + 64 - HOP - LAG_SECONDS, abs=HOP)


def test_without_signal_there_is_no_bout() -> None:
    before = hops([("a", 60)])
    after = hops([("a", 60)], begin=before[-1].end + PAUSE_SECONDS + 1)
    first, second = bouts([*before, *after])
    assert (first.end, second.start) == (before[-1].end, after[0].start)


def test_a_short_pause_is_within_a_bout() -> None:
    before = hops([("a", 60)])
    after = hops([("a", 60)], begin=before[-1].end + PAUSE_SECONDS - 1)
    assert len(bouts([*before, *after])) == 1


def test_what_goes_on_is_known_at_once() -> None:
    maker = BoutMaker()
    (first,) = hops([("a", 0.1)])
    maker.push(first)
    (bout,) = maker.pending()
    assert (bout.activity, bout.start, bout.end) == ("a", first.start, first.end)


def test_hours_of_one_activity_are_kept_in_little_room() -> None:
    maker = BoutMaker()
    for one in hops([("a", 3600)]):
        maker.push(one)
        maker.settled()
    assert len(maker._hops) < 50


def test_what_flickers_for_hours_is_decided_in_the_end() -> None:
    maker = BoutMaker()
    for one in hops([("a", HOP), ("b", HOP)] * 3000):
        maker.push(one)
    assert len(maker._hops) <= MOST_PENDING


def test_a_hop_that_comes_twice_counts_once() -> None:
    said = hops([("a", 60)])
    assert bouts([*said, *said[-3:]]) == bouts(said)


def test_a_verdict_becomes_a_hop() -> None:
    seen = Hop.of(verdict({"walking": 0.7, "sitting": 0.3}, end=50.0), 1000.0, "right_arm", "x")
    assert (seen.kind, seen.activity, seen.end) == ("activity", "walking", 1050.0)
    assert seen.confidence == pytest.approx(0.7)
    assert Hop.of(verdict(unknown=True), 0.0).kind == "unknown"
    assert Hop.of(verdict(worn=False), 0.0).kind == "not_worn"


@given(stretches)
def test_bouts_cover_the_time_in_order_and_never_overlap(said: Said) -> None:
    seen = hops(said)
    made = bouts(seen)
    assert made[0].start == seen[0].start
    assert made[-1].end == seen[-1].end
    for before, after in pairwise(made):
        assert before.end == after.start
        assert (before.kind, before.activity) != (after.kind, after.activity)
    assert all(bout.seconds > 0 for bout in made)


@given(stretches)
def test_bouts_that_are_made_into_bouts_stay_as_they_are(said: Said) -> None:
    made = bouts(hops(said))
    again = [hop(n, b.start, b.end) for n, b in zip(names(made), made, strict=True)]
    once_more = bouts(again, lag=0)
    assert [(b.kind, b.activity, b.start, b.end) for b in once_more] == [
        (b.kind, b.activity, b.start, b.end) for b in made
    ]


@given(stretches, st.integers(1, 40))
def test_it_does_not_matter_how_often_one_looks(said: Said, every: int) -> None:
    assert bouts(hops(said), every=every) == bouts(hops(said), every=1)


@given(stretches, st.integers(1, 200))
def test_what_is_known_at_any_moment_is_whole(said: Said, moment: int) -> None:
    maker, seen = BoutMaker(), hops(said)[:moment]
    for one in seen:
        maker.push(one)
    known = maker.settled() + maker.pending()
    assert (known[0].start, known[-1].end) == (seen[0].start, seen[-1].end)
    assert all(a.end == b.start for a, b in pairwise(known))


@given(stretches, st.floats(-1e5, 1e5), st.integers(1, 100))
def test_bouts_move_with_the_clock(said: Said, step: float, moment: int) -> None:
    seen = hops(said)
    maker = BoutMaker()
    for one in seen[:moment]:
        maker.push(one)
    maker.shift(step)
    for one in hops(said, begin=BEGIN + step)[moment:]:
        maker.push(one)
    maker.finish()
    moved = maker.settled()
    for there, here in zip(moved, bouts(seen, every=10**6), strict=True):
        assert there.start == pytest.approx(here.start + step, abs=1e-3)
        assert there.activity == here.activity
