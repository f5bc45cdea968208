from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.evaluation.trials import GAP_SECONDS, Trial, check_unlearnt, signals_of, split
from tests.support.judgements import trial_of


def timeline(*stretches: tuple[str, float], pause: float = 20.0) -> list[Trial]:
    """Stretches one after the other in one recording."""
    trials, begin = [], 0.0
    for number, (label, seconds) in enumerate(stretches):
        trials.append(trial_of(label, seconds, seed=number, begin=begin))
        begin += seconds + pause
    return trials


recordings = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from([0.5, 3.0, 8.0, 30.0])),
    min_size=1,
    max_size=10,
)


@given(
    recordings,
    st.sampled_from([0.0, 5.0, 20.0]),
    st.none() | st.floats(0, 60),
)
def test_what_is_learnt_is_not_tested(
    stretches: list[tuple[str, float]], pause: float, seconds: float | None
) -> None:
    trials = timeline(*stretches, pause=pause)
    parts = split(trials, seconds)
    check_unlearnt(parts.test, (one for trial in parts.learn for one in signals_of(trial)))
    for label in {trial.label for trial in trials}:
        learnt = [trial for trial in parts.learn if trial.label == label]
        tested = [trial for trial in parts.test if trial.label == label]
        assert tested
        if learnt:
            assert all(trial.begin >= learnt[-1].end + GAP_SECONDS for trial in tested)
            assert label not in parts.single
        else:
            assert label in parts.single
        if seconds is not None:
            assert sum(trial.seconds for trial in learnt) <= seconds + 0.02
    assert all(one.begin < other.begin for one, other in pairwise(parts.test))


def test_half_of_the_stretches_of_each_label_is_learnt() -> None:
    parts = split(timeline(*[("a", 9), ("b", 9)] * 3, ("b", 9)))
    assert [trial.label for trial in parts.learn] == ["a", "b", "b"]
    assert [trial.label for trial in parts.test] == ["a", "a", "b", "b"]


def test_so_many_seconds_are_cut_from_the_beginning() -> None:
    parts = split(timeline(("a", 8), ("a", 8), ("a", 8)), 10.0)
    assert [trial.seconds for trial in parts.learn] == [8, 2]
    assert parts.learn[1].begin == 28
    assert [trial.begin for trial in parts.test] == [56]


def test_the_last_stretch_of_a_label_is_always_tested() -> None:
    parts = split(timeline(("a", 8), ("a", 8), ("b", 8)), 1000.0)
    assert [trial.label for trial in parts.test] == ["a", "b"]
    assert parts.single == ("b",)


@pytest.mark.parametrize(("pause", "parts"), [(9.9, (1, 1)), (10.1, (1, 2))])
def test_a_stretch_right_after_a_learnt_one_is_in_neither(
    pause: float, parts: tuple[int, int]
) -> None:
    found = split(timeline(("a", 8), ("a", 8), ("a", 8), pause=pause))
    assert (len(found.learn), len(found.test)) == parts


def test_one_long_stretch_is_learnt_at_its_beginning_and_tested_at_its_end() -> None:
    parts = split(timeline(("a", 60), ("b", 12)))
    (learnt,), (first, second) = parts.learn, parts.test
    assert (learnt.label, learnt.seconds) == ("a", 25)
    assert (first.label, first.begin) == ("a", pytest.approx(35, abs=0.1))
    assert (second.label, second.seconds) == ("b", 12)
    assert parts.single == ("b",)


def test_short_stretches_without_a_gap_between_are_cut_by_time() -> None:
    parts = split(timeline(("a", 15), ("a", 15), pause=0))
    assert [trial.seconds for trial in parts.learn] == [10]
    assert [trial.begin for trial in parts.test] == [pytest.approx(20, abs=0.1)]


def test_the_gap_is_within_one_recording_only() -> None:
    first = trial_of("a", 8, seed=1, source="one.npz")
    second = trial_of("a", 8, seed=2, source="two.npz")
    assert split([first, second]).test == (second,)
