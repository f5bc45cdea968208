from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.evaluation import metrics
from harpi.evaluation.metrics import mcnemar, paired, spreads

Shares = list[tuple[int, int]]


def counts(
    rights: list[int], windows: int = 10
) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    return np.array([[right, windows] for right in rights], np.int64)


@given(st.integers(0, 7), st.integers(0, 7))
def test_mcnemar_is_the_share_of_all_fair_tosses_that_are_as_lopsided(
    won: int, lost: int
) -> None:
    lopsided = [abs(2 * sum(toss) - won - lost) for toss in product((0, 1), repeat=won + lost)]
    expected = np.mean([found >= abs(won - lost) for found in lopsided])
    assert mcnemar(won, lost) == pytest.approx(expected, abs=1e-9)


def test_mcnemar_holds_for_more_takes_than_a_float_can_count() -> None:
    assert 0 <= mcnemar(5000, 100) < 1e-300


@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10)), min_size=1, max_size=5))
def test_five_takes_never_make_sure(rights: Shares) -> None:
    first, second = zip(*rights, strict=True)
    assert not paired(counts(list(first)), counts(list(second))).sure


def test_six_takes_that_agree_do() -> None:
    result = paired(counts([9, 8, 9, 10, 9, 8]), counts([5, 4, 6, 5, 7, 3]))
    assert result.sure
    assert (result.won, result.lost, result.takes) == (6, 0, 6)
    assert result.chance == pytest.approx(2 / 2**6)
    assert result.spread is not None
    assert 0 < result.spread[0] < result.first - result.second < result.spread[1]


def test_takes_that_disagree_show_no_difference() -> None:
    result = paired(counts([10, 0, 10, 0, 9, 2, 8]), counts([0, 10, 0, 10, 2, 9, 2]))
    assert not result.sure
    assert not result.leaning


def test_many_windows_of_one_take_prove_no_more_than_few() -> None:
    few = paired(counts([6, 3, 7], 10), counts([5, 4, 5], 10))
    many = paired(counts([600, 300, 700], 1000), counts([500, 400, 500], 1000))
    assert few.chance == many.chance
    assert few.spread == pytest.approx(many.spread)


@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10)), min_size=1, max_size=12))
def test_who_comes_first_only_turns_the_sign(rights: Shares) -> None:
    first, second = (counts(list(side)) for side in zip(*rights, strict=True))
    one, other = paired(first, second), paired(second, first)
    assert (one.won, one.chance, one.sure) == (other.lost, other.chance, other.sure)
    if one.spread is not None and other.spread is not None:
        assert one.spread == pytest.approx((-other.spread[1], -other.spread[0]))


def test_the_same_answers_are_alike() -> None:
    same = counts([3, 4, 5, 6, 7, 8, 9])
    result = paired(same, same)
    assert result.alike
    assert not result.leaning


def test_intervals_are_the_same_each_time_and_hold_the_figure() -> None:
    rng = np.random.default_rng(3)
    by_take = rng.integers(0, 9, (12, 3, 4))
    figures = {"accuracy": metrics.accuracy, "macro_f1": metrics.macro_f1}
    first, second = spreads(by_take, figures), spreads(by_take, figures)
    assert first == second
    for name, figure in figures.items():
        low, high = first[name] or (1, 0)
        assert low < figure(by_take.sum(axis=0)) < high


def test_an_interval_of_the_mean_is_as_wide_as_theory_says() -> None:
    rights = np.random.default_rng(0).binomial(100, 0.7, 60)
    by_take = np.array([[[right, 100 - right, 0], [0, 0, 0]] for right in rights])
    low, high = spreads(by_take, {"accuracy": metrics.accuracy})["accuracy"] or (0, 1)
    expected = 2 * 1.96 * (rights / 100).std(ddof=1) / np.sqrt(60)
    assert high - low == pytest.approx(expected, rel=0.1)


def test_one_take_has_no_interval() -> None:
    one = np.array([[[5, 1, 0], [0, 4, 0]]])
    assert spreads(one, {"accuracy": metrics.accuracy}) == {"accuracy": None}
    assert paired(counts([9]), counts([1])).spread is None


def test_a_figure_that_some_draws_lack_still_has_an_interval() -> None:
    """The last take has no window of a label the model knows, so some draws are empty."""
    takes = [[[5, 1, 0], [0, 4, 0]], [[2, 3, 0], [0, 5, 0]], np.zeros((2, 3))]
    by_take = np.array(takes).astype(np.int64)
    low, high = spreads(by_take, {"accuracy": metrics.accuracy})["accuracy"] or (0, 0)
    assert (low, high) == (0.7, 0.9)


def test_takes_that_are_all_alike_cannot_tell_how_sure_a_figure_is() -> None:
    """Four takes without a mistake do not show that there never is one."""
    by_take = np.array([[[10, 0, 0], [0, 0, 0]]] * 4)
    assert spreads(by_take, {"accuracy": metrics.accuracy}) == {"accuracy": None}
