from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from harpi.config.schema import SignalSection
from harpi.evaluation.judging import BATCH, TIMED, Contest, judge, windows_of_trial
from harpi.evaluation.trials import Trial
from harpi.names import ANSWER
from harpi.recognition.classifiers import Classifiers, GenericClassifier, PersonalClassifier
from harpi.recognition.head import Head
from harpi.recognition.knn import KnnClassifier
from harpi.signal.windows import windows_of
from harpi.types import FloatArray, Samples, Window
from tests.support.models import tiny_base, tiny_head, tiny_reference
from tests.support.recorded import motion

SIGNAL = SignalSection(rate=25, length=64, hop=16)
RATE = 25.0


def panel(head: Head | None = None) -> Classifiers:
    return Classifiers(
        [
            KnnClassifier(rate=25, length=64, reference=tiny_reference()),
            GenericClassifier(tiny_base()),
            PersonalClassifier(tiny_base(), head),
        ]
    )


def trial(label: str, seconds: float = 8.0, *, gap: float | None = None) -> Trial:
    values = motion(label, seconds, seed=1)
    times = np.arange(len(values)) / RATE
    cut = len(values) if gap is None else round(gap * RATE)
    runs = [Samples(values[:cut], times[:cut])]
    if cut < len(values):
        runs.append(Samples(values[cut:], times[cut:] + 100, gap=True))
    return Trial(
        name=f"take of {label}",
        label=label,
        position="arm",
        session="1",
        rate=RATE,
        runs=tuple(runs),
        source="here",
    )


class Listening(Classifiers):
    """A panel that notes what it is asked."""

    def __init__(self, inner: Classifiers) -> None:
        super().__init__(inner.recognisers)
        self.asked: list[FloatArray] = []

    def judge_all(self, windows: list[Window]) -> list[object]:  # type: ignore[override]
        self.asked += [window.values for window in windows]
        return super().judge_all(windows)  # type: ignore[return-value]


@cache
def trials() -> tuple[Trial, ...]:
    return tuple(trial(label) for label in ("fast", "slow", "still"))


def test_all_models_are_asked_on_the_windows_of_the_daemons_path() -> None:
    listening = Listening(panel(tiny_head()))
    judged = judge([Contest(listening, trials())], SIGNAL)
    expected = np.concatenate(
        [windows_of(one.runs[0].values, RATE, rate=25, length=64, hop=16) for one in trials()]
    )
    assert len(judged) == len(expected)
    assert (np.stack(listening.asked[: len(expected)]) == expected).all()
    assert list(judged.answers) == [*(one.name for one in listening.recognisers), ANSWER]
    for recogniser in listening.recognisers:
        best = [prediction.best for prediction in recogniser.predict(expected)]
        said = [judged.labels[code] for code in judged.answers[recogniser.name].best]
        assert said == best


def test_no_window_spans_a_gap_or_two_takes() -> None:
    broken = trial("fast", 8.0, gap=4.0)
    windows = windows_of_trial(broken, SIGNAL)
    assert windows
    assert all(window.end - window.start < 2.6 for window in windows)
    whole = windows_of_trial(trial("fast", 8.0), SIGNAL)
    assert len(windows) < len(whole)


def test_answers_are_put_in_the_order_of_the_models_labels() -> None:
    judged = judge([Contest(panel(tiny_head()), trials())], SIGNAL)
    assert judged.labels[:3] == ("still", "slow", "fast")
    assert [judged.labels[code] for code in judged.truth[[0, -1]]] == ["fast", "still"]
    assert not judged.answers["personal"].knows[judged.truth == 1].any()
    assert judged.answers["personal"].knows[judged.truth != 1].all()


def test_who_learnt_nothing_answers_nothing() -> None:
    judged = judge([Contest(panel(), trials())], SIGNAL)
    personal = judged.answers["personal"]
    assert not personal.trained
    assert (personal.best == -1).all()
    assert not personal.knows.any()


def test_what_is_too_short_for_a_window_is_set_apart() -> None:
    short = trial("fast", 1.0)
    judged = judge([Contest(panel(), (short, *trials()))], SIGNAL)
    assert judged.too_short == (short,)
    assert judged.trials == trials()
    assert set(judged.trial) == {0, 1, 2}


def test_nothing_but_short_takes_gives_no_window() -> None:
    judged = judge([Contest(panel(), (trial("fast", 1.0),))], SIGNAL)
    assert (len(judged), judged.trials, dict(judged.answers)) == (0, (), {})


def test_time_is_taken_for_single_windows_and_not_for_all() -> None:
    listening = Listening(panel())
    long = trial("fast", 100.0)
    judged = judge([Contest(listening, (long,))], SIGNAL)
    assert len(judged) > BATCH
    assert len(judged.answers["knn"].latencies) == TIMED
    assert len(listening.asked) == len(judged) + TIMED + 1
    assert (judged.answers["generic"].latencies > 0).all()


def test_two_contests_are_judged_by_their_own_models() -> None:
    first, second = trials()[0], replace(trials()[0], name="again")
    judged = judge([Contest(panel(tiny_head()), (first,)), Contest(panel(), (second,))], SIGNAL)
    half = len(judged) // 2
    personal = judged.answers["personal"]
    assert personal.knows[:half].all()
    assert not personal.knows[half:].any()
    assert (personal.best[half:] == -1).all()


def test_progress_goes_to_the_end() -> None:
    shares: list[float] = []
    judge([Contest(panel(), trials())], SIGNAL, shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
