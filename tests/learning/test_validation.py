from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.learning.validation import HeldOut, balanced_mean, divide

takes_of_labels = st.lists(
    st.tuples(st.integers(0, 3), st.integers(1, 30)), min_size=1, max_size=12
)
"""For each take its label and its number of windows."""


@given(takes_of_labels, st.integers(0, 4))
def test_no_fold_judges_what_it_learnt_or_what_overlaps_it(
    recorded: list[tuple[int, int]], gap: int
) -> None:
    labels = sorted({label for label, _ in recorded})
    targets = np.concatenate([[labels.index(label)] * count for label, count in recorded])
    takes = np.repeat(np.arange(len(recorded)), [count for _, count in recorded])

    division = divide(targets, takes, gap=gap)

    judged = np.zeros(len(targets), int)
    for fold in division.folds:
        judged[fold.judge] += 1
        assert set(targets[fold.learn]) == set(targets), "every label is learnt"
        for row in fold.judge:
            same = fold.learn[takes[fold.learn] == takes[row]]
            if division.basis[targets[row]] == "takes":
                assert len(same) == 0
            else:
                assert all(abs(same - row) > gap)
    by_label = [set(judged[targets == label]) for label in range(len(labels))]
    assert by_label == [{0} if basis == "none" else {1} for basis in division.basis]


def test_labels_are_held_out_by_take_by_block_or_not_at_all() -> None:
    targets = np.repeat([0, 0, 1, 2], [5, 5, 12, 2])
    takes = np.repeat([0, 1, 2, 3], [5, 5, 12, 2])

    division = divide(targets, takes, gap=3)

    assert division.basis == ("takes", "blocks", "none")
    assert not division.whole_takes


def test_many_takes_are_dealt_evenly() -> None:
    targets = np.zeros(80, int)
    takes = np.repeat(np.arange(8), 10)

    division = divide(targets, takes, gap=3, folds=4)

    assert [len(fold.judge) for fold in division.folds] == [20] * 4
    assert division.whole_takes


def test_one_window_cannot_be_held_out() -> None:
    division = divide(np.array([0, 1]), np.array([0, 1]), gap=3)

    assert division.folds == ()
    assert division.basis == ("none", "none")


@pytest.fixture
def held_out() -> HeldOut:
    """Two windows of one label, of which one is wrong, and four of another, all right."""
    logits = np.array([[2, 0], [0, 2], [0, 2], [0, 2], [0, 2], [0, 2]], np.float32)
    return HeldOut(np.array([0, 0, 1, 1, 1, 1]), np.array([7, 7, 8, 8, 9, 9]), logits)


def test_every_label_counts_the_same_in_the_accuracy(held_out: HeldOut) -> None:
    assert held_out.accuracy == pytest.approx(0.75)
    assert held_out.confusion.tolist() == [[1, 1], [0, 4]]
    assert held_out.by_take() == {7: 0.5, 8: 1.0, 9: 1.0}


def test_the_loss_is_the_mean_log_loss_of_the_labels(held_out: HeldOut) -> None:
    sure, wrong = np.log1p(np.exp(-2)), np.log1p(np.exp(2))

    assert held_out.loss == pytest.approx(((sure + wrong) / 2 + sure) / 2)


def test_parts_are_gathered_in_order(held_out: HeldOut) -> None:
    twice = HeldOut.gathered([held_out, held_out])

    assert len(twice) == 12
    assert twice.accuracy == held_out.accuracy


def test_nothing_judged_is_nothing_right() -> None:
    assert balanced_mean(np.array([]), np.array([], int)) == 0
