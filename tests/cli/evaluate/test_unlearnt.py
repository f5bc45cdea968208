"""What was learnt is never tested, whatever name it goes by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harpi.learning.heads import HeadRegistry
from harpi.recognition.head import LearntTake
from harpi.recording import Recording, write_together
from harpi.store.export import export
from harpi.store.store import Store
from tests.support.examined import Harpi, record
from tests.support.models import tiny_head


def test_a_test_take_that_the_head_learnt_is_refused(
    harpi: Harpi, tested: Store, tmp_path: Path
) -> None:
    number = tested.takes(split="test")[0].id
    learnt = (LearntTake(number=number, label="fast"),)
    HeadRegistry(tmp_path / "state" / "heads").add(replace(tiny_head(), takes=learnt))
    said = harpi("evaluate")
    assert said.code == 2
    assert f"take {number}: its signal was trained on" in said.err


def test_a_train_take_that_comes_back_as_a_file_is_refused(
    harpi: Harpi, tested: Store, tmp_path: Path
) -> None:
    export(tested, tested.takes(split="train"), tmp_path / "back.csv", kind="csv")
    said = harpi("evaluate", "--recording", tmp_path / "back.csv")
    assert said.code == 2
    assert "was trained on, as part of take " in said.err


def test_a_test_take_may_come_back_as_a_file(
    harpi: Harpi, tested: Store, tmp_path: Path
) -> None:
    export(tested, tested.takes(split="test"), tmp_path / "back.npz")
    assert harpi("evaluate", "--recording", tmp_path / "back.npz").code == 0


def test_what_a_recording_repeats_counts_once(harpi: Harpi, tmp_path: Path) -> None:
    one = Recording.read(record(tmp_path / "one.npz", ("fast", "still")))
    write_together(tmp_path / "twice.npz", [one, one])
    said = harpi("evaluate", "--recording", tmp_path / "twice.npz")
    assert said.code == 0
    assert "Copies count once. Left out: twice" in said.out
