from __future__ import annotations

import pytest

from harpi.evaluation.judging import Judgements
from harpi.evaluation.report import ModelReport, Report
from tests.support.judgements import Said, contest, judgements, report_of, trial_of

W, S, L = "walking", "sitting", "lunges"


def personal_knows_more() -> Judgements:
    """Two takes each of three labels; generic does not know lunges, personal is perfect."""
    said = [
        Said(
            trial_of(label, seed=i, position="arm" if i % 2 else "leg"),
            {"generic": [guess] * 4, "personal": [label] * 4},
        )
        for i, (label, guess) in enumerate([(W, W), (W, W), (S, W), (S, S), (L, W), (L, S)])
    ]
    return judgements(said, {"generic": (W, S), "personal": (W, S, L)})


def model(report: Report, name: str) -> ModelReport:
    found = report.model(name)
    assert found is not None
    return found


def test_a_label_that_a_model_does_not_know_counts_against_it_and_is_left_out() -> None:
    generic = model(report_of(personal_knows_more()), "generic")
    assert generic.every is not None
    assert generic.known is not None
    assert (generic.every.accuracy.value, generic.every.windows) == (0.5, 24)
    assert (generic.known.accuracy.value, generic.known.windows) == (0.75, 16)
    assert generic.every.balanced_accuracy.value == pytest.approx((1 + 0.5 + 0) / 3)
    assert generic.known.balanced_accuracy.value == pytest.approx((1 + 0.5) / 2)
    assert [row.known for row in generic.by_label] == [True, True, False]
    assert (generic.every.takes, generic.known.takes) == (6, 4)


def test_models_are_compared_on_everything_and_on_what_both_know() -> None:
    every, known = report_of(personal_knows_more()).comparisons
    assert (every.over, every.takes, every.second_accuracy) == ("every", 6, 0.5)
    assert (known.over, known.takes, known.second_accuracy) == ("known", 4, 0.75)
    assert "labels that both know" in known.sentence


def test_the_confusion_matrix_has_tested_rows_and_said_columns() -> None:
    judged, report = contest([(W, {"knn": W}), (S, {"knn": W}), (S, {"knn": S})], windows=3)
    confusion = model(report, "knn").confusion
    assert confusion is not None
    assert (confusion.labels, confusion.answers) == ((W, S), (W, S))
    assert confusion.counts == ((3, 0, 0), (3, 3, 0))
    assert len(judged) == 9


def test_unknown_buys_fewer_mistakes_for_fewer_answers() -> None:
    said = [
        Said(trial_of(W, seed=0), {"knn": [W, W, S, S]}),
        Said(trial_of(L, seed=1), {"knn": [S, S, W, W]}),
    ]
    flags = [False, False, True, False, True, True, True, False]
    judged = judgements(said, {"knn": (W, S)}, unknown={"knn": flags})
    unknown = model(report_of(judged), "knn").unknown
    assert unknown is not None
    assert unknown.coverage == 0.5
    assert unknown.error == 0.5
    assert unknown.strangers == 0.75
    assert [row.unknown for row in model(report_of(judged), "knn").by_label] == [1, 3]


def test_unknown_when_due_is_not_told_where_it_was_never_due() -> None:
    _, report = contest([(W, {"knn": W}), (S, {"knn": S})])
    unknown = model(report, "knn").unknown
    assert unknown is not None
    assert unknown.strangers is None


def test_calibration_is_of_labels_that_are_known() -> None:
    said = [
        Said(trial_of(W, seed=0), {"knn": [W, W, W, S]}),
        Said(trial_of(L, seed=1), {"knn": [W, W, W, W]}),
    ]
    judged = judgements(said, {"knn": (W, S)}, confidence=0.75)
    calibration = model(report_of(judged), "knn").calibration
    assert calibration is not None
    assert calibration.error == pytest.approx(0)
    assert sum(part.windows for part in calibration.bins) == 4


def test_who_learnt_nothing_has_no_figures_and_is_not_compared() -> None:
    said = [
        Said(trial_of(label, seed=i), {"generic": [W] * 3, "personal": [None] * 3})
        for i, label in enumerate([W, S])
    ]
    report = report_of(judgements(said, {"generic": (W, S), "personal": ()}))
    personal = model(report, "personal")
    assert not personal.trained
    assert personal.confusion is None
    assert personal.latency is None
    assert personal.unknown is None
    assert report.comparisons == ()
    assert all(set(part.accuracy) == {"generic"} for part in report.parts)
    assert all(set(take.right) == {"generic"} for take in report.takes)


def test_a_model_that_knows_none_of_the_labels_is_wrong_throughout() -> None:
    said = [Said(trial_of(L, seed=0), {"knn": [W]}), Said(trial_of("rowing"), {"knn": [S]})]
    knn = model(report_of(judgements(said, {"knn": (W, S)})), "knn")
    assert knn.every is not None
    assert knn.every.accuracy.value == 0
    assert knn.known is None
    assert knn.calibration is None


def test_each_position_and_session_has_a_row() -> None:
    parts = {(p.kind, p.name): p for p in report_of(personal_knows_more()).parts}
    assert set(parts) == {("position", "leg"), ("position", "arm"), ("session", "1")}
    leg = parts["position", "leg"]
    assert (leg.takes, leg.windows) == (3, 12)
    assert leg.accuracy["generic"].value == pytest.approx(1 / 3)
    assert leg.accuracy["personal"].value == 1


def test_latency_is_told_in_milliseconds() -> None:
    _, report = contest([(W, {"knn": W}), (S, {"knn": S})])
    latency = model(report, "knn").latency
    assert latency is not None
    assert latency.median_ms == pytest.approx(1.5)
    assert latency.p95_ms == pytest.approx(1.95)


def test_every_take_keeps_how_it_was_judged() -> None:
    judged, report = contest([(W, {"knn": S}), (S, {"knn": S})], windows=4)
    assert [(take.right["knn"], take.windows) for take in report.takes] == [(0, 4), (4, 4)]
    assert [take.digest for take in report.takes] == [t.digest for t in judged.trials]
