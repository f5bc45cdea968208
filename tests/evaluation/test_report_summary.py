from __future__ import annotations

import msgspec
import pytest

from harpi.evaluation.measuring import Origin
from harpi.evaluation.report import summary_of
from tests.support.judgements import contest

KNOWS = {"knn": Origin("a file"), "generic": Origin("a file"), "personal": Origin("nothing")}


def test_it_has_the_figures_and_sentences_of_the_report() -> None:
    takes = [
        (label, {"knn": label, "generic": "walking"}) for label in ("walking", "sitting") * 3
    ]
    _, report = contest(takes, models=KNOWS)
    report = msgspec.structs.replace(report, number=7)
    short = summary_of(report)

    assert (short.run, short.takes, short.windows) == (7, 6, report.windows)
    assert short.scores.keys() == {"knn", "generic"}
    generic = report.model("generic")
    assert generic is not None
    assert generic.every is not None
    score = short.scores["generic"]
    assert (score.accuracy, short.scores["knn"].accuracy) == (0.5, 1.0)
    assert score.low == pytest.approx(generic.every.accuracy.low, abs=1e-4)
    assert score.high == pytest.approx(generic.every.accuracy.high, abs=1e-4)
    assert short.findings == tuple(one.sentence for one in report.comparisons)
    assert any("knn" in sentence.lower() for sentence in short.findings)


def test_one_take_has_no_interval() -> None:
    _, report = contest([("walking", {"knn": "walking"})], models={"knn": Origin("a file")})
    assert summary_of(report).scores["knn"].low is None
