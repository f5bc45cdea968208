from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harpi.learning.checks import Advice
from harpi.learning.fitting import Fitted
from harpi.learning.trainer import Comparison, Trained, outcome_of
from harpi.learning.validation import Division, HeldOut
from harpi.recognition.head_trainer import HeadState
from tests.support.models import tiny_head


@pytest.fixture
def trained() -> Trained:
    """Nine of ten held-out windows right, no head before."""
    logits = np.zeros((10, 2), np.float32)
    logits[:9, 0] = 1
    logits[9, 1] = 1
    held_out = HeldOut(np.zeros(10, np.int64), np.zeros(10, np.int64), logits)
    return Trained(
        head=tiny_head(),
        fitted=Fitted("closed_form", HeadState(("still", "fast"), {}, {}), held_out),
        division=Division((), ("takes", "takes")),
        comparison=None,
        advice=(Advice("one_take", ("still",), "still has one take only"),),
    )


def test_the_first_head_is_taken_and_its_figure_explained(trained: Trained) -> None:
    outcome = outcome_of(trained, [])

    assert outcome.result == "taken"
    assert outcome.message == (
        "The new head for 2 labels is in use: 90% correct on unseen takes."
    )
    assert outcome.advice == ("still has one take only.",)


def test_a_flattering_figure_is_called_so(trained: Trained) -> None:
    blocks = replace(trained, division=Division((), ("takes", "blocks")))

    assert outcome_of(blocks, []).message.endswith(
        "some of them from takes that it was trained on."
    )


def test_no_figure_is_said_where_nothing_was_held_out(trained: Trained) -> None:
    blind = replace(trained, fitted=replace(trained.fitted, held_out=None))

    assert "too little data to say" in outcome_of(blind, []).message


def test_a_better_head_is_compared_in_words(trained: Trained) -> None:
    outcome = outcome_of(replace(trained, comparison=Comparison(1, old=0.5, new=0.75)), [])

    assert outcome.result == "taken"
    assert outcome.message.endswith("on 1 take that neither has seen: new 75%, old 50%.")


def test_a_worse_head_is_not_taken_and_the_wearer_is_told(trained: Trained) -> None:
    outcome = outcome_of(replace(trained, comparison=Comparison(4, old=0.9, new=0.8)), ["x"])

    assert outcome.result == "kept"
    assert outcome.message.startswith(
        "The old head stays: on unseen windows of 4 takes it is 90% correct"
    )
    assert outcome.advice[0] == "x"


def test_a_take_that_contradicts_itself_replaces_no_head_unasked(trained: Trained) -> None:
    outcome = outcome_of(replace(trained, doubtful=(12,)), [])

    assert outcome.result == "kept"
    assert "take 12 contains different motions" in outcome.message


def test_two_heads_that_know_nothing_are_no_progress(trained: Trained) -> None:
    outcome = outcome_of(replace(trained, comparison=Comparison(2, old=0.0, new=0.0)), [])

    assert outcome.result == "kept"
    assert "on unseen windows of 2 takes neither head was ever correct" in outcome.message
