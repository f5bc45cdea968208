from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as theirs
from sklearn.calibration import calibration_curve

from harpi.evaluation import metrics as ours

Codes = NDArray[np.int64]
CLOSE = 1e-9


@st.composite
def answered(draw: st.DrawFn) -> tuple[Codes, Codes, int]:
    """Truth and answers over some labels, of which any may be missing on either side."""
    labels = draw(st.integers(1, 7))
    count = draw(st.integers(1, 60))
    codes = st.lists(st.integers(0, labels - 1), min_size=count, max_size=count)
    return np.array(draw(codes)), np.array(draw(codes)), labels


@given(answered())
def test_all_figures_are_those_of_scikit_learn(case: tuple[Codes, Codes, int]) -> None:
    truth, answers, labels = case
    counts = ours.confusion(truth, answers, labels)
    every, present = range(labels), np.unique(truth)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of answers that never were true
        precision, recall, f1, support = theirs.precision_recall_fscore_support(
            truth, answers, labels=list(every), zero_division=0
        )
        balanced = theirs.balanced_accuracy_score(truth, answers)
        matrix = theirs.confusion_matrix(truth, answers, labels=list(every))
    assert (counts[:, :-1] == matrix).all()
    assert counts.sum(axis=1).tolist() == support.tolist()
    assert ours.precision(counts) == pytest.approx(precision, abs=CLOSE)
    assert ours.recall(counts) == pytest.approx(recall, abs=CLOSE)
    assert ours.f1(counts) == pytest.approx(f1, abs=CLOSE)
    assert ours.accuracy(counts) == pytest.approx(
        theirs.accuracy_score(truth, answers), abs=CLOSE
    )
    assert ours.balanced_accuracy(counts) == pytest.approx(balanced, abs=CLOSE)
    assert ours.macro_f1(counts) == pytest.approx(
        theirs.f1_score(truth, answers, labels=present, average="macro", zero_division=0),
        abs=CLOSE,
    )


@given(answered(), st.integers(0, 2**32 - 1))
def test_no_answer_counts_as_another_label_that_is_never_true(
    case: tuple[Codes, Codes, int], seed: int
) -> None:
    truth, answers, labels = case
    answers[np.random.default_rng(seed).random(len(answers)) < 0.3] = -1
    counts = ours.confusion(truth, answers, labels)
    said = np.where(answers < 0, labels, answers)
    assert ours.accuracy(counts) == pytest.approx(theirs.accuracy_score(truth, said), abs=CLOSE)
    assert ours.macro_f1(counts) == pytest.approx(
        theirs.f1_score(truth, said, labels=np.unique(truth), average="macro", zero_division=0),
        abs=CLOSE,
    )


@given(answered())
def test_many_matrices_go_through_at_once_as_they_do_alone(
    case: tuple[Codes, Codes, int],
) -> None:
    truth, answers, labels = case
    one = ours.confusion(truth, answers, labels)
    stack = np.stack([one, 3 * one, one[::-1]])
    for figure in (ours.accuracy, ours.balanced_accuracy, ours.macro_f1, ours.f1):
        assert figure(stack) == pytest.approx(np.stack([figure(part) for part in stack]))


def test_without_windows_there_is_no_accuracy() -> None:
    nothing = np.zeros((3, 4), np.int64)
    assert np.isnan(ours.accuracy(nothing))
    assert np.isnan(ours.balanced_accuracy(nothing))
    assert np.isnan(ours.macro_f1(nothing))
    assert np.isnan(ours.Reliability.of(np.empty(0), np.empty(0, np.bool_)).error)


@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=1, max_size=80))
def test_the_bins_of_reliability_are_those_of_scikit_learn(
    windows: list[tuple[float, bool]],
) -> None:
    confidence = np.array([sure for sure, _ in windows])
    right = np.array([right for _, right in windows])
    reliability = ours.Reliability.of(confidence, right)
    shares, means = calibration_curve(right, confidence, n_bins=ours.BINS)
    filled = reliability.windows > 0
    assert reliability.accuracy[filled] == pytest.approx(shares, abs=CLOSE)
    assert reliability.confidence[filled] == pytest.approx(means, abs=CLOSE)
    weights = reliability.windows[filled] / len(windows)
    assert reliability.error == pytest.approx(np.abs(shares - means) @ weights, abs=CLOSE)


def test_a_model_that_is_half_right_and_quite_sure_is_badly_calibrated() -> None:
    reliability = ours.Reliability.of(np.full(10, 0.95), np.arange(10) < 5)
    assert reliability.error == pytest.approx(0.45)
