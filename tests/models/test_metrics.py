from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, roc_auc_score

from harpi_models.metrics import Figure, auroc, macro_f1, over_people, paired


@given(st.integers(2, 6), st.integers(0, 10_000))
def test_macro_f1_is_that_of_scikit_learn_over_the_classes_that_occur(
    n: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    truth, answers = rng.integers(0, n, 50), rng.integers(0, n, 50)
    labels = np.unique(truth)
    expected = f1_score(truth, answers, labels=labels, average="macro")
    assert macro_f1(truth, answers) == pytest.approx(expected)


@given(st.integers(0, 10_000))
def test_auroc_is_that_of_scikit_learn_also_with_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    known, unknown = rng.integers(0, 8, 30) * 1.0, rng.integers(2, 10, 20) * 1.0
    truth = np.repeat([0, 1], [30, 20])
    expected = roc_auc_score(truth, np.concatenate([known, unknown]))
    assert auroc(known, unknown) == pytest.approx(expected)


def test_the_interval_is_over_people() -> None:
    few, many = over_people([0.5, 0.9]), over_people([0.5, 0.9] * 50)
    assert few.mean == pytest.approx(0.7)
    assert many.mean == pytest.approx(0.7)
    assert (few.low, few.high) == (0.5, 0.9)
    assert many.high - many.low < 0.1
    assert str(Figure(0.7, 0.65, 0.75, 9)) == "0.700 [0.65, 0.75]"
    assert over_people([0.5, 0.9]) == few, "seeded"


def test_a_difference_is_sure_when_everybody_gains() -> None:
    first = [0.9, 0.8, 0.95, 0.85, 0.9, 0.7, 0.88]
    gain = paired(first, [score - 0.1 + 0.01 * i for i, score in enumerate(first)])
    assert gain.mean == pytest.approx(0.07)
    assert gain.low > 0
    assert gain.p_value == pytest.approx(2 / 2**7, abs=0.01)
    assert gain.sure
    loss = paired([0.5] * 7, first)
    assert loss.sure
    assert loss.high < 0


@pytest.mark.parametrize("people", [1, 3])
def test_few_people_never_make_a_difference_sure(people: int) -> None:
    assert not paired([0.9] * people, [0.1] * people).sure


def test_gains_and_losses_are_no_difference() -> None:
    rng = np.random.default_rng(0)
    changes = rng.normal(0, 0.1, 40)
    result = paired(0.5 + changes - changes.mean(), [0.5] * 40)
    assert not result.sure
    assert result.p_value > 0.5
    assert paired([0.5] * 5, [0.5] * 5).p_value == 1.0


def test_chance_alone_is_rarely_taken_for_a_difference() -> None:
    rng = np.random.default_rng(0)
    sure = [paired(rng.normal(0, 1, 20), np.zeros(20)).sure for _ in range(100)]
    assert np.mean(sure) < 0.1
