from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.errors import UsageError
from harpi.evaluation.trials import LENGTH, check_unlearnt
from harpi.types import FloatArray, Samples
from tests.support.judgements import trial_of
from tests.support.takes import counts_of_chip


def check(test: FloatArray, learnt: FloatArray) -> None:
    trial = trial_of(name="take 7")
    object.__setattr__(trial, "runs", (Samples(test, np.arange(len(test)) / 50),))
    check_unlearnt([trial], [("take 3", learnt)])


@given(
    seed=st.integers(0, 1000),
    begin=st.integers(0, 400),
    length=st.integers(2 * LENGTH, 100),
    place=st.integers(0, 300),
)
def test_a_planted_stretch_is_found_wherever_it_is(
    seed: int, begin: int, length: int, place: int
) -> None:
    learnt = counts_of_chip(500, seed)
    test = counts_of_chip(400, seed + 5000)
    test[place : place + length] = learnt[begin : begin + length]
    with pytest.raises(UsageError, match=r"take 7: .* learnt, as part of take 3"):
        check(test, learnt)


@given(st.integers(0, 1000))
def test_other_signal_is_not_taken_for_it(seed: int) -> None:
    check(counts_of_chip(3000, seed), counts_of_chip(3000, seed + 5000))


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
    check(counts_of_chip(LENGTH - 1), counts_of_chip(500))
    check(counts_of_chip(500), counts_of_chip(LENGTH - 1))
