"""The page, the log, and two runs side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command import harpi as process
from tests.support.examined import Harpi


@pytest.mark.usefixtures("tested")
def test_the_page_is_of_the_run(harpi: Harpi, tmp_path: Path) -> None:
    said = harpi("evaluate", "--html", tmp_path / "page.html")
    assert f"the page is {tmp_path / 'page.html'}" in said.err
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "run 1 in the log" in page


@pytest.mark.usefixtures("tested")
def test_a_second_run_is_held_against_the_first(harpi: Harpi) -> None:
    harpi("evaluate")
    said = harpi("evaluate")
    assert "This is run 2 in the log.\nRun 2 compared with run 1, 6 takes in common" in said.out
    listed = harpi("evaluate", "runs").out.splitlines()
    assert [line.split()[0] for line in listed] == ["run", "1", "2"]


@pytest.mark.usefixtures("tested")
def test_two_runs_compare(harpi: Harpi) -> None:
    harpi("evaluate", "--position", "leg")
    harpi("evaluate")
    harpi("evaluate")
    said = harpi("evaluate", "compare", "1", "2")
    assert said.code == 0
    assert said.out.startswith("Run 2 compared with run 1, 4 takes in common\n")
    assert "* personal of run 2 and personal of run 1 did equally well on all" in said.out
    assert harpi("evaluate", "compare", "2", "1").out == said.out
    machine = json.loads(harpi("evaluate", "compare", "last-1", "--json").out)
    assert (machine["earlier"], machine["later"], machine["takes"]) == (2, 3, 6)
    assert [change["model"] for change in machine["models"]] == [
        "knn",
        "generic",
        "personal",
        "answer",
    ]


def test_a_run_that_is_not_there_does_not_compare(harpi: Harpi) -> None:
    said = harpi("evaluate", "compare", "3", "last")
    assert said.code == 2
    assert "there is no run 3" in said.err


@pytest.mark.usefixtures("tested")
def test_a_damaged_line_of_the_log_is_said(harpi: Harpi, tmp_path: Path) -> None:
    harpi("evaluate")
    with (tmp_path / "state" / "evaluations.jsonl").open("a") as file:
        file.write('{"format": 1, "num\n')
    said = harpi("evaluate")
    assert said.code == 0
    assert "line 2 is damaged and skipped" in said.err
    assert "Run 2 compared with run 1" in said.out


@pytest.mark.usefixtures("tested")
def test_a_log_that_cannot_be_kept_costs_the_exit_code_and_not_the_table(
    harpi: Harpi, tmp_path: Path
) -> None:
    (tmp_path / "state" / "evaluations.jsonl").mkdir()
    said = harpi("evaluate")
    assert said.code == 6
    assert "accuracy" in said.out
    assert "log of evaluations" in said.err


def test_the_shipped_recording_needs_nothing_else(tmp_path: Path) -> None:
    words = ("evaluate", "--recording", "--subject", "25", "--set", f"paths.state={tmp_path}")
    first = process(*words)
    assert (first.returncode, first.stderr) == (0, "")
    assert "14 stretches of hapt_25_26.npz: 6 labels" in first.stdout
    second = process("evaluate", *words[2:], "--recording")
    assert "Run 2 compared with run 1, 14 takes in common" in second.stdout
