"""The score of the demo counts what people would count."""

from __future__ import annotations

import numpy as np

from harpi.demo.runner import SceneScore
from harpi.types import Prediction, Verdict, Window

LABELS = ("sitting", "walking")


def said(answer: str | None, *, unknown: bool = False) -> Prediction:
    if answer is None:
        return Prediction.untrained("personal")
    shares = np.array([0.9, 0.1] if answer == "sitting" else [0.1, 0.9], np.float32)
    return Prediction("personal", LABELS, shares, unknown=unknown)


def verdict(prediction: Prediction) -> Verdict:
    window = Window(np.zeros((64, 6), np.float32), 0.0, 2.52)
    return Verdict(window, {"personal": prediction}, {"personal": 0.0})


def test_unknown_is_an_answer_that_is_not_right() -> None:
    score = SceneScore()
    for prediction in (said("walking"), said("walking", unknown=True), said("sitting")):
        score.add("scene", "walking", verdict(prediction))
    assert score.accuracy("scene", "personal") == 1 / 3
    assert score.windows("scene") == 3


def test_a_model_that_has_learnt_nothing_has_no_accuracy() -> None:
    score = SceneScore()
    score.add("scene", "walking", verdict(said(None)))
    assert score.accuracy("scene", "personal") is None
    assert score.accuracy("never played", "personal") is None


def test_a_model_that_answers_unknown_alone_is_never_right() -> None:
    score = SceneScore()
    score.add("scene", "walking", verdict(said("walking", unknown=True)))
    assert score.accuracy("scene", "personal") == 0.0
