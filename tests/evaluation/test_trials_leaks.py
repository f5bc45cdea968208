"""What was learnt is not tested, and what is there twice counts once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harpi.errors import UsageError
from harpi.evaluation.trials import Trial, check_unlearnt, independent
from harpi.signal.copies import HOP, SPAN, Signal
from harpi.types import FloatArray, Samples
from tests.support import files
from tests.support.judgements import trial_of
from tests.support.takes import counts_of_chip

RATE = 50.0
few = settings(max_examples=15, deadline=None)
Change = Callable[[FloatArray], tuple[FloatArray, float]]


def trial(values: FloatArray, rate: float = RATE, name: str = "take 7") -> Trial:
    made = trial_of(name=name)
    object.__setattr__(made, "runs", (Samples(values, np.arange(len(values)) / rate),))
    object.__setattr__(made, "rate", rate)
    return made


def check(test: FloatArray, learnt: FloatArray, rate: float = RATE) -> None:
    check_unlearnt([trial(test, rate)], [Signal("take 3", learnt, RATE)])


def real() -> FloatArray:
    return files.motion().astype(np.float32)


def on_counts(values: FloatArray) -> FloatArray:
    """As the store keeps what a chip at 8 g and 1000 deg/s gave."""
    per_unit = np.repeat([4096.0, 32.8], 3)
    snapped: FloatArray = (np.rint(values * per_unit) / per_unit).astype(np.float32)
    return snapped


def resampled(values: FloatArray, rate: float) -> FloatArray:
    at = np.arange(0.3, len(values) - 1, RATE / rate)
    place = np.arange(len(values))
    return np.column_stack([np.interp(at, place, axis) for axis in values.T]).astype(np.float32)


@few
@given(
    begin=st.integers(0, 2500),
    extra=st.integers(0, 300),
    decimals=st.integers(3, 9),
    rate=st.sampled_from([RATE, RATE, 25.0, 62.5, 100.0, 119.0]),
    snapped=st.booleans(),
)
def test_a_copy_is_found_whatever_its_cut_rounding_rate_and_container(
    begin: int, extra: int, decimals: int, rate: float, snapped: bool
) -> None:
    learnt = on_counts(real()) if snapped else real()
    # Interpolation bends the signal a little, so that not every probe agrees.
    least = round((SPAN + HOP) * RATE) + (10 if rate == RATE else 200)
    begin = min(begin, len(learnt) - least)
    cut = real()[begin : begin + least + extra]
    copy = np.round(cut if rate == RATE else resampled(cut, rate), decimals)
    with pytest.raises(UsageError, match=r"take 7: .* trained on, as part of take 3"):
        check(copy.astype(np.float32), learnt, rate)


@few
@given(seed=st.integers(0, 1000), begin=st.integers(0, 380), place=st.integers(0, 280))
@example(seed=0, begin=0, place=1)  # as far from the probes as it can be
@example(seed=7, begin=380, place=42)
def test_a_planted_stretch_is_found_wherever_it_is(seed: int, begin: int, place: int) -> None:
    learnt, test = counts_of_chip(500, seed), counts_of_chip(400, seed + 5000)
    test[place : place + 120] = learnt[begin : begin + 120]
    with pytest.raises(UsageError, match=r"take 7: .* trained on, as part of take 3"):
        check(test, learnt)


def test_bare_samples_that_were_given_another_rate_are_found() -> None:
    with pytest.raises(UsageError, match="was trained on"):
        check(real(), real(), rate=100.0)


@few
@given(st.integers(0, 1000))
def test_other_signal_is_not_taken_for_it(seed: int) -> None:
    check(counts_of_chip(3000, seed), counts_of_chip(3000, seed + 5000))


def test_other_steps_of_the_same_walk_are_not_taken_for_it() -> None:
    for begin in (0, 900, 1800):  # walking, sitting, standing
        part = real()[begin : begin + 900]
        check(part[450:], part[:450])


def test_a_sensor_that_lies_still_without_noise_is_no_leak() -> None:
    still = np.tile(np.array([0, 0, 1, 0, 0, 0], np.float32), (500, 1))
    check(still, still)


def test_the_same_rows_in_another_order_are_no_leak() -> None:
    learnt = counts_of_chip(500)
    check(learnt[::-1].copy(), learnt)


def test_a_signal_turned_in_place_is_other_signal() -> None:
    learnt = counts_of_chip(500)
    check(learnt[:, [1, 0, 2, 3, 4, 5]], learnt)


def test_what_is_too_short_to_tell_is_let_be() -> None:
    short = round(SPAN * RATE) - 1
    check(counts_of_chip(short), counts_of_chip(500))
    check(counts_of_chip(500), counts_of_chip(short))


# --- copies among what is tested ------------------------------------------------------------


def test_the_same_file_three_times_counts_once() -> None:
    trials = [trial(real(), name=f"f{k}") for k in range(3)]
    kept, copies = independent(trials)
    assert [one.name for one in kept] == ["f0"]
    assert copies == [("f1", "f0"), ("f2", "f0")]


@settings(max_examples=6, deadline=None)
@given(
    order=st.permutations(range(4)),
    decimals=st.integers(3, 9),
    begin=st.integers(0, 2000),
)
def test_copies_and_parts_count_once_in_any_order(
    order: list[int], decimals: int, begin: int
) -> None:
    whole = real()
    each = [
        trial(whole, name="whole"),
        trial(np.round(whole, decimals), name="rounded"),
        trial(whole[begin : begin + 400], name="part"),
        trial(resampled(whole, 100.0), rate=100.0, name="resampled"),
    ]
    kept, copies = independent([each[number] for number in order])
    assert len(kept) == 1
    assert len(kept[0].runs[0]) >= 2690
    assert len(copies) == 3


def test_what_is_independent_stays_in_its_order() -> None:
    trials = [trial(counts_of_chip(300, seed), name=f"f{seed}") for seed in range(5)]
    kept, copies = independent(trials)
    assert [one.name for one in kept] == [one.name for one in trials]
    assert not copies
