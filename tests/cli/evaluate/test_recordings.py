"""Recordings given as files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harpi.recording import Recording, write_together
from harpi.store.store import Store
from tests.support.examined import Harpi, add, record


def test_where_nothing_was_learnt_half_of_a_recording_teaches(
    harpi: Harpi, tmp_path: Path
) -> None:
    said = harpi("evaluate", "--recording", record(tmp_path / "gym.npz"), "--json")
    report = json.loads(said.out)
    assert (
        "were trained in memory on the first half of each label (3 stretches)"
        in report["notices"][0]
    )
    assert len(report["takes"]) == 3
    assert set(report["models"][2]["labels"]) == {"fast", "still", "slow"}


@pytest.mark.usefixtures("tested")
def test_what_the_device_learnt_is_tested_unless_the_recording_is_to_teach(
    harpi: Harpi, tmp_path: Path
) -> None:
    path = record(tmp_path / "gym.npz")
    own = json.loads(harpi("evaluate", "--recording", path, "--json").out)
    assert (len(own["takes"]), set(own["models"][2]["labels"])) == (6, {"still", "fast"})
    taught = json.loads(harpi("evaluate", "--recording", path, "--learn", "8", "--json").out)
    assert len(taught["takes"]) == 3
    assert set(taught["models"][2]["labels"]) == {"fast", "still", "slow"}


def test_nothing_is_taught_where_that_is_asked_for(harpi: Harpi, tmp_path: Path) -> None:
    said = harpi(
        "evaluate", "--recording", record(tmp_path / "g.npz"), "--learn", "0", "--json"
    )
    assert json.loads(said.out)["models"][2]["every"] is None


def test_each_wearer_teaches_models_of_their_own(harpi: Harpi, tmp_path: Path) -> None:
    parts = [
        Recording.read(record(tmp_path / f"{who}.npz", (*kinds, "still") * 2, subject=who))
        for who, kinds in (("ann", ("fast",)), ("ben", ("slow",)))
    ]
    write_together(tmp_path / "both.npz", parts)
    words = ("evaluate", "--recording", tmp_path / "both.npz", "--json")
    report = json.loads(harpi(*words).out)
    assert {part["name"] for part in report["parts"]} >= {"both ann", "both ben"}
    alone = json.loads(harpi(*words, "--subject", "ben").out)
    assert alone["labels"] == ["still", "slow"]


def test_a_label_with_one_stretch_is_learnt_at_its_beginning_and_tested_at_its_end(
    harpi: Harpi, tmp_path: Path
) -> None:
    path = record(tmp_path / "gym.npz", ("fast", "still", "fast", "still", "slow"))
    said = harpi("evaluate", "--recording", path, "--json")
    assert "slow" in json.loads(said.out)["labels"]


def test_what_is_too_little_for_personal_is_said(harpi: Harpi, tmp_path: Path) -> None:
    path = record(tmp_path / "gym.npz", ("fast", "still"))
    said = harpi("evaluate", "--recording", path)
    assert said.code == 0
    assert "personal was not trained: training needs" in said.out.replace("\n", " ")
    assert "personal  untrained" in said.out


@pytest.mark.parametrize(("rate", "lost"), [(50.0, ""), (20.0, "no motion faster than 10 Hz")])
def test_another_rate_is_resampled_and_said(
    harpi: Harpi, tmp_path: Path, rate: float, lost: str
) -> None:
    said = harpi("evaluate", "--recording", record(tmp_path / "gym.csv", rate=rate))
    assert said.code == 0
    assert f"recorded at {rate:g} Hz is resampled to 25 Hz{'; it' if lost else '.'}" in said.out
    assert lost in said.out.replace("\n", " ")


def test_another_spelling_is_refused_until_it_is_corrected(
    harpi: Harpi, tmp_path: Path
) -> None:
    path = record(tmp_path / "gym.npz", names={"slow": "Slow"})
    said = harpi("evaluate", "--recording", path)
    assert said.code == 2
    assert "the label 'Slow' is spelt 'slow' by the models" in said.err
    assert "--rename 'Slow=slow'" in said.err
    assert harpi("evaluate", "--recording", path, "--rename", "Slow=slow").code == 0
    assert harpi("evaluate", "--recording", path, "--rename", "Slow=Slow").code == 0


def test_another_spelling_of_a_test_take_is_refused(harpi: Harpi, tested: Store) -> None:
    add(tested, "Still", "test", kind="still")
    said = harpi("evaluate")
    assert said.code == 2
    assert "harpi takes relabel" in said.err
