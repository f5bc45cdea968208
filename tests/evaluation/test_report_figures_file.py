from __future__ import annotations

import csv
import io

import pytest

from harpi.evaluation.report import COLUMNS, to_csv
from tests.support.judgements import contest


def test_every_figure_has_a_line() -> None:
    takes = [(label, {"generic": "a, b", "personal": label}) for label in ("a, b", "c") * 3]
    _, report = contest(takes)
    rows = list(csv.DictReader(io.StringIO(to_csv(report))))
    assert tuple(rows[0]) == COLUMNS

    def value(**wanted: str) -> float:
        (row,) = (row for row in rows if wanted.items() <= row.items())
        return float(row["value"])

    assert value(model="generic", over="every", figure="accuracy") == 0.5
    assert value(model="personal", over="label", name="a, b", figure="recall") == 1
    assert value(model="generic", over="label", name="c", figure="taken for a, b") == 15
    assert value(model="generic", over="position", name="arm", figure="accuracy") == 0.5
    assert value(model="generic", over="take", name="take 1", figure="accuracy") == 0
    assert value(model="personal", over="comparison", figure="p_value") == pytest.approx(0.25)
    assert value(model="generic", over="every", figure="latency_median_ms") > 0
    assert value(model="generic", over="every", figure="calibration_error") == pytest.approx(
        0.25
    )
