from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.models.support import TENSORFLOW
from tests.models.test_training import SETS, folder_of_sets

if TENSORFLOW:
    from harpi_models.pipeline import Data
    from harpi_models.recipes import Entry
    from harpi_models.search import report, search
    from harpi_models.training import Recipe

pytestmark = pytest.mark.models


def test_what_was_tried_is_written_and_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harpi_models.pipeline.TRAINED_ON", SETS)
    data = Data.read(folder_of_sets(tmp_path, seconds=90))
    recipe = replace(Recipe(), epochs=1, epoch_windows=256, batch=128, widths=(8, 8))
    recipe = replace(recipe, strides=(2, 2), expansion=0)
    first, second = Entry("first", "to begin with", recipe), Entry("second", "why not", recipe)
    told: list[str] = []
    search(data, [first], tmp_path, tell=told.append)
    seconds = json.loads((tmp_path / "search.json").read_text())["first"]["seconds"]
    known = search(data, [first, second], tmp_path, tell=told.append)
    assert [line.partition(":")[0] for line in told] == ["first", "first", "second"]
    assert known["first"]["seconds"] == seconds
    assert known["first"]["figures"] == known["second"]["figures"], "the same seed"
    assert {"as recorded, all", "strap turned, legs", "personal, n=1", "new, n=5"} <= set(
        known["first"]["figures"]
    )
    assert all(0 <= figure <= 1 for figure in known["first"]["figures"].values())
    table = (tmp_path / "search.md").read_text()
    assert "| second | why not |" in table

    search(data, [replace(first, recipe=replace(recipe, seed=2))], tmp_path, tell=told.append)
    again = json.loads((tmp_path / "search.json").read_text())
    assert again["first"]["recipe"] != known["second"]["recipe"], "another recipe, tried anew"


def test_a_column_that_an_entry_lacks_stays_empty() -> None:
    entry = {"why": "w", "recipe": "r", "weights": 1, "seconds": 1}
    lines = report(
        {
            "both": entry | {"figures": {"as recorded, all": 0.5, "as recorded, legs": 0.4}},
            "one": entry | {"figures": {"as recorded, all": 0.6}},
        }
    ).splitlines()
    assert lines[-1].split("|")[-2].strip() == ""
    assert np.isclose(float(lines[-2].split("|")[-2]), 0.4)
