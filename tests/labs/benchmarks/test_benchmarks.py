"""Every benchmark that needs no real time runs, with as little as it can."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from tests.labs.benchmarks import cuts, instructions, libraries
from tests.labs.benchmarks.effort import Effort
from tests.labs.benchmarks.register import BENCHMARKS
from tests.labs.benchmarks.table import Cell, Spread, Table

LEAST = Effort(share=0.01)
QUICK = ("features", "runtimes", "heads", "package")


@pytest.mark.parametrize("name", QUICK)
def test_it_runs(name: str) -> None:
    for table in BENCHMARKS[name].measure(LEAST):
        assert table.rows
        assert all(_is_positive(cell) for row in table.rows for cell in row.values())


def _is_positive(cell: Cell) -> bool:
    if isinstance(cell, Spread):
        return 0 < cell.low <= cell.median <= cell.high
    return isinstance(cell, str) or cell >= 0


def rows_of(table: Table, first: str) -> dict[str, dict[str, Cell]]:
    return {str(row[first]): row for row in table.rows}


def test_what_was_cut_gives_the_same_as_before() -> None:
    for what, old, new in cuts.pairs(LEAST):
        assert np.array_equal(np.asarray(old()), np.asarray(new())), what


def test_no_sample_is_lost_by_the_fifo_and_the_bus_is_near_its_bound() -> None:
    (table,) = BENCHMARKS["bus"].measure(LEAST)
    rows = rows_of(table, "driver")
    for rate in (50, 200, 1000):
        mine = rows[f"{rate} Hz: harpi"]
        assert mine["lost"] == 0
        others = [row for name, row in rows.items() if name.startswith(f"{rate} Hz: ")]
        assert min(others, key=lambda row: float(str(row["x bound"]))) is mine


def test_a_library_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries.importlib.util, "find_spec", lambda name: None)
    for name in ("runtimes", "stages"):
        for table in BENCHMARKS[name].measure(LEAST):
            assert "is not installed" in table.note


def test_without_valgrind_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    (table,) = instructions.measure(LEAST)
    assert "valgrind is not installed" in table.note


def test_what_moved_is_told_from_the_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    baseline = json.loads(instructions.BASELINE.read_text())["instructions"]
    counts = {name: round(1.1 * count) for name, count in baseline.items()}
    same = next(iter(counts))
    counts[same] = baseline[same] + 1
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(instructions, "count", lambda: {**counts, "another": 5})
    (table,) = instructions.measure(LEAST)
    rows = rows_of(table, "path")
    assert rows.pop(same)["moved"] == "no"
    assert rows.pop("another")["moved"] == "new"
    assert {row["moved"] for row in rows.values()} == {"+10.0%"}
