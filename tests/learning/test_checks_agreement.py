"""Whether the motion of a take agrees with itself, on made-up and on recorded motion."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harpi.learning.checks import CHUNK_SECONDS, agreement
from harpi.types import FloatArray, Samples
from tests.support.device import recording
from tests.support.wearer import motion

RATE = 50.0
ACTIVITIES = ("walking", "sitting", "standing")
ROUNDS = range(4)


def take(values: FloatArray, rate: float = RATE) -> list[Samples]:
    return [Samples(values, 1000 + np.arange(len(values)) / rate)]


def made_up(*parts: tuple[str, float], rate: float = RATE) -> FloatArray:
    """Activities one after the other, each with its seconds."""
    return np.concatenate([motion(name, np.arange(s * rate) / rate) for name, s in parts])


def recorded(label: str, round_: int, occasion: int, seconds: float) -> FloatArray:
    """What the recorded person did, from its third second on."""
    whole = recording()
    rows = np.flatnonzero(
        (whole.segment == round_) & (whole.label == whole.labels.index(label))
    )
    run = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)[occasion]
    begin = round(3 * RATE)
    return whole.values[run[begin : begin + round(seconds * RATE)]]


@pytest.mark.parametrize("name", ["walking", "sitting", "standing"])
@pytest.mark.parametrize("seconds", [5, 15, 60, 600])
def test_one_activity_agrees_with_itself(name: str, seconds: float) -> None:
    assert not agreement(take(made_up((name, seconds))), RATE).doubtful


@pytest.mark.parametrize("rate", [25.0, 50.0, 1000.0])
def test_half_sitting_half_walking_does_not_and_the_part_is_found(rate: float) -> None:
    values = made_up(("sitting", 10), ("walking", 5), rate=rate)
    judged = agreement(take(values, rate), rate)
    assert judged.doubtful
    assert judged.start == pytest.approx(1010, abs=CHUNK_SECONDS)
    assert judged.end == pytest.approx(1015, abs=CHUNK_SECONDS)


def test_a_change_of_posture_alone_is_noticed() -> None:
    assert agreement(take(made_up(("sitting", 8), ("standing", 8))), RATE).doubtful


def test_a_foreign_part_in_the_middle_is_found() -> None:
    judged = agreement(take(made_up(("walking", 8), ("sitting", 5), ("walking", 8))), RATE)
    assert judged.doubtful
    assert judged.start == pytest.approx(1008, abs=CHUNK_SECONDS)


def test_a_gap_does_not_join_what_is_on_its_sides() -> None:
    first, second = take(made_up(("walking", 8)))[0], take(made_up(("walking", 8)))[0]
    later = Samples(second.values, second.times + 20, gap=True)
    assert not agreement([first, later], RATE).doubtful
    sitting = Samples(made_up(("sitting", 8)), second.times + 20, gap=True)
    judged = agreement([first, sitting], RATE)
    assert judged.doubtful
    assert (judged.start, judged.end) in [(1000, 1008), (1020, 1028)]


@pytest.mark.parametrize("seconds", [0, 0.5, 3.5])
def test_too_little_to_be_divided_agrees(seconds: float) -> None:
    assert agreement(take(made_up(("walking", seconds))), RATE).score == 0
    assert agreement([], RATE).score == 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 900), st.integers(0, 5), st.data())
def test_how_a_take_is_cut_into_blocks_does_not_matter(
    count: int, seed: int, data: st.DataObject
) -> None:
    values = np.random.default_rng(seed).normal(0, 1, (count, 6)).astype(np.float32)
    (whole,) = take(values)
    cuts = sorted(data.draw(st.lists(st.integers(0, count), max_size=5)))
    pieces = [
        Samples(whole.values[a:b], whole.times[a:b]) for a, b in pairwise([0, *cuts, count])
    ]
    assert agreement(pieces, RATE) == agreement([whole], RATE)


@pytest.mark.parametrize("round_", ROUNDS)
@pytest.mark.parametrize("label", ACTIVITIES)
def test_recorded_takes_agree_with_themselves(label: str, round_: int) -> None:
    for occasion in (0, 1):
        values = recorded(label, round_, occasion, 15)
        assert not agreement(take(values), RATE).doubtful


def test_a_person_who_turns_over_while_lying_is_noticed() -> None:
    assert agreement(take(recorded("lying", 0, 0, 15)), RATE).doubtful


@pytest.mark.parametrize("round_", ROUNDS)
@pytest.mark.parametrize("still", ["sitting", "standing", "lying"])
def test_recorded_rest_and_walking_spliced_together_do_not(still: str, round_: int) -> None:
    for seconds in (5, 10):
        values = np.concatenate(
            [recorded(still, round_, 0, seconds), recorded("walking", round_, 0, 15 - seconds)]
        )
        assert agreement(take(values), RATE).doubtful
