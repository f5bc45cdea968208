import numpy as np
import pytest

from harpi.names import ANSWER
from harpi.recognition.classifiers import Classifiers
from harpi.signal.features import SharedFeatures, features
from harpi.types import FloatArray, Prediction, Window
from tests.support.motions import windows_of_motion


class Counter:
    """Answers with the number of windows that it was given at once."""

    labels = ("few", "many")

    def __init__(self, name: str) -> None:
        self.name = name

    def predict(
        self, windows: FloatArray, shared: SharedFeatures | None = None
    ) -> list[Prediction]:
        sure = np.array([1, 0] if len(windows) == 1 else [0, 1], np.float32)
        return [Prediction(self.name, self.labels, sure) for _ in windows]


WINDOWS = [
    Window(values, start=i, end=i + 2.52)
    for i, values in enumerate(windows_of_motion("slow", 4))
]
PANEL = Classifiers([Counter("knn"), Counter("personal")])


def test_a_verdict_holds_what_each_says_in_their_order() -> None:
    verdict = PANEL.judge(WINDOWS[0])
    assert verdict.window is WINDOWS[0]
    assert list(verdict.predictions) == ["knn", "personal"]
    assert list(verdict.latencies) == ["knn", "personal", ANSWER]
    assert verdict.answer.answer == "few"
    assert verdict.predictions["knn"].answer == "few"
    assert all(latency >= 0 for latency in verdict.latencies.values())


def test_many_windows_are_judged_in_one_go() -> None:
    verdicts = PANEL.judge_all(WINDOWS)
    assert [verdict.window for verdict in verdicts] == WINDOWS
    assert {v.predictions["personal"].answer for v in verdicts} == {"many"}


@pytest.mark.parametrize("panel", [PANEL, Classifiers([])])
def test_no_windows_give_no_verdicts(panel: Classifiers) -> None:
    assert panel.judge_all([]) == []


def test_nobody_on_the_panel_says_nothing() -> None:
    assert Classifiers([]).judge(WINDOWS[0]).predictions == {}


class Looker:
    """Looks at the features of the signal."""

    labels = ("same",)

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen: list[FloatArray] = []

    def predict(
        self, windows: FloatArray, shared: SharedFeatures | None = None
    ) -> list[Prediction]:
        assert shared is not None
        self.seen.append(shared.at(25.0))
        return [Prediction(self.name, self.labels, np.ones(1, np.float32)) for _ in windows]


def test_features_are_computed_once_and_are_in_the_time_of_all_that_look_at_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, blind, second = Looker("knn"), Counter("generic"), Looker("personal")
    clock = iter(range(100))
    monkeypatch.setattr("time.perf_counter", lambda: float(next(clock)))
    verdict = Classifiers([first, blind, second]).judge(WINDOWS[0])
    (one,), (other,) = first.seen, second.seen
    assert one is other
    np.testing.assert_array_equal(one, features(WINDOWS[0].values[None], 25.0))
    # A look at the clock is a second: one between begin and end, three with features inside.
    taken = verdict.latencies
    assert (taken["knn"], taken["generic"], taken["personal"]) == (3, 1, 2)
