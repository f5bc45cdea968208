"""Test takes of the device, judged by what it has learnt."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

from harpi.store.store import Store
from harpi.types import Samples
from tests.support.examined import Harpi, add
from tests.support.recorded import RATE, motion
from tests.support.takes import take_of


@pytest.mark.usefixtures("tested")
def test_test_takes_are_judged_by_what_was_learnt(harpi: Harpi, polite: list[str]) -> None:
    said = harpi("evaluate", "--json")
    assert (said.code, said.err) == (0, "")
    report = json.loads(said.out)
    assert [take["name"] for take in report["takes"]] == [
        f"take {n}" for n in (2, 3, 4, 6, 7, 8)
    ]
    models = {model["model"]: model for model in report["models"]}
    assert set(models) == {"knn", "generic", "personal", "answer"}
    assert set(models["personal"]["labels"]) == {"still", "fast"}
    assert "fast" in models["knn"]["labels"]
    assert models["knn"]["source"] == "reference.safetensors and 2 takes"
    assert models["personal"]["source"].startswith("head 1 of ")
    assert all(len(models[one]["digest"]) == 64 for one in ("knn", "generic", "personal"))
    assert models["personal"]["every"]["accuracy"]["value"] > 0.9
    assert report["configuration"]["signal"]["length"] == 64
    assert polite == ["yielded"]


@pytest.mark.usefixtures("tested")
@pytest.mark.parametrize(
    ("conditions", "takes"),
    [
        (("--position", "leg"), 4),
        (("--since", "2024-05-01T13:30"), 2),
        (("--position", "leg", "--since", "2024-05-01T13:30"), 2),
    ],
)
def test_conditions_choose_among_test_takes(
    harpi: Harpi, conditions: tuple[str, ...], takes: int
) -> None:
    report = json.loads(harpi("evaluate", *conditions, "--json").out)
    assert len(report["takes"]) == takes


def test_a_session_can_be_chosen(harpi: Harpi, store: Store) -> None:
    session = store.new_session()
    for label in ("fast", "still"):
        add(store, label, "test", session=session)
        add(store, label, "test")
    report = json.loads(harpi("evaluate", "--session", str(session), "--json").out)
    assert {take["session"] for take in report["takes"]} == {str(session)}


@pytest.mark.usefixtures("tested")
def test_the_table_is_for_80_columns_and_says_what_counts(harpi: Harpi) -> None:
    said = harpi("evaluate")
    lines = said.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("6 test takes: 2 labels, ")
    assert any(line.startswith("position ") for line in lines)
    assert "This is run 1 in the log." in lines


@pytest.mark.usefixtures("tested")
def test_csv_is_for_other_programs(harpi: Harpi) -> None:
    rows = list(csv.DictReader(io.StringIO(harpi("evaluate", "--csv").out)))
    assert {row["model"] for row in rows} == {"knn", "generic", "personal", "answer"}


def test_evaluating_changes_no_take_and_waits_for_nobody(harpi: Harpi, tested: Store) -> None:
    before = tested.takes(deleted=None)
    writer = tested.begin(take_of("fast", before[0].session, split="test", rate=RATE))
    writer.append(Samples(motion("fast", 3.0), np.arange(75) / RATE))
    assert harpi("evaluate").code == 0
    writer.finish()
    assert tested.takes(deleted=None)[: len(before)] == before


def test_without_a_head_personal_is_untrained(harpi: Harpi, store: Store) -> None:
    for label in ("fast", "still"):
        add(store, label, "test")
    assert "personal  untrained" in harpi("evaluate").out


def test_a_label_that_personal_lacks_is_counted_both_ways(harpi: Harpi, tested: Store) -> None:
    add(tested, "slow", "test")
    models = json.loads(harpi("evaluate", "--json").out)["models"]
    personal = next(model for model in models if model["model"] == "personal")
    assert personal["known"]["windows"] < personal["every"]["windows"]
    assert personal["known"]["accuracy"]["value"] > personal["every"]["accuracy"]["value"]


def test_a_take_that_is_too_short_is_left_out_and_said(harpi: Harpi, tested: Store) -> None:
    number = add(tested, "fast", "test", seconds=1.0)
    said = harpi("evaluate")
    assert f"Left out, because too short for one window: take {number}." in said.out
    assert said.out.startswith("7 test takes")
