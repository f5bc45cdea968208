from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.recognition.classifiers import Classifiers, Smoothing
from harpi.signal.features import SharedFeatures
from harpi.types import FloatArray, Prediction, Window

HOP = 0.64
LENGTH = 2.52
LABELS = ("rest", "row")


def window(start: float) -> Window:
    return Window(np.zeros((64, 6), np.float32), start, start + LENGTH)


def said(
    row: float, *, unknown: bool = False, labels: tuple[str, ...] = LABELS
) -> dict[str, Prediction]:
    shares = np.array([1 - row, row], np.float32)
    return {"personal": Prediction("personal", labels, shares, unknown)}


def rows(
    smoothing: Smoothing, starts: list[float], answers: list[dict[str, Prediction]]
) -> list[float]:
    return [
        float(smoothing.smooth(window(start), answer)["personal"].probabilities[1])
        for start, answer in zip(starts, answers, strict=True)
    ]


def test_an_answer_is_the_mean_over_the_last_windows() -> None:
    found = rows(
        Smoothing(3), [HOP * i for i in range(5)], [said(x) for x in (0, 0, 0.9, 1, 1)]
    )
    np.testing.assert_allclose(found, [0, 0, 0.3, 1.9 / 3, 2.9 / 3], atol=1e-6)


@pytest.mark.parametrize(
    ("start", "mean"),
    [
        pytest.param(HOP, 0.5, id="overlapping"),
        pytest.param(LENGTH + 0.04, 0.5, id="side by side"),
        pytest.param(LENGTH + 0.12, 1.0, id="after a gap"),
        pytest.param(0.0, 1.0, id="the same window again"),
        pytest.param(-HOP, 1.0, id="back in time"),
    ],
)
def test_what_does_not_continue_begins_anew(start: float, mean: float) -> None:
    assert rows(Smoothing(2), [0.0, start], [said(0), said(1)])[1] == pytest.approx(mean)


def test_a_new_head_begins_anew() -> None:
    answers = [said(0), said(1, labels=("rest", "run")), said(0, labels=("rest", "run"))]
    assert rows(Smoothing(3), [0, HOP, 2 * HOP], answers) == pytest.approx([0, 1, 0.5])


def test_a_model_without_an_answer_stays_without_one() -> None:
    smoothing = Smoothing(3)
    for i in range(3):
        untrained = {"personal": Prediction.untrained("personal")}
        found = smoothing.smooth(window(i * HOP), untrained)["personal"]
        assert not found.trained
        assert found.answer is None


def test_unknown_is_what_most_windows_are() -> None:
    smoothing = Smoothing(3)
    flags = [True, False, True, True, False, False]
    found = [
        smoothing.smooth(window(i * HOP), said(1, unknown=flag))["personal"].unknown
        for i, flag in enumerate(flags)
    ]
    assert found == [True, False, True, True, True, False]


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=12), st.integers(1, 5))
def test_shares_stay_shares_and_one_window_changes_nothing(
    answers: list[float], width: int
) -> None:
    starts = [HOP * i for i in range(len(answers))]
    found = rows(Smoothing(width), starts, [said(x) for x in answers])
    assert min(answers) - 1e-6 <= min(found) <= max(found) <= max(answers) + 1e-6
    if width == 1:
        np.testing.assert_allclose(found, answers, atol=1e-6)


class Fickle:
    """Says something else of every other window."""

    name = "generic"
    labels = LABELS

    def predict(
        self, windows: FloatArray, shared: SharedFeatures | None = None
    ) -> list[Prediction]:
        shares = np.stack([windows[:, 0, 0], 1 - windows[:, 0, 0]], axis=1)
        return [Prediction(self.name, LABELS, row) for row in shares]


def test_a_panel_smooths_alike_one_by_one_and_in_one_go() -> None:
    stream = []
    for i in range(6):
        values = np.full((64, 6), [0.0, 0.8][i % 2], np.float32)
        stream.append(Window(values, i * HOP, i * HOP + LENGTH))
    live = Classifiers([Fickle()], smooth_windows=2)
    one_by_one = [live.judge(w).predictions["generic"].probabilities for w in stream]
    in_one_go = [
        v.predictions["generic"].probabilities
        for v in Classifiers([Fickle()], smooth_windows=2).judge_all(stream)
    ]
    np.testing.assert_array_equal(one_by_one, in_one_go)
    np.testing.assert_allclose(one_by_one[1:], [[0.4, 0.6]] * 5, atol=1e-6)
