"""What proves nothing is refused in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harpi.store.store import Store
from tests.support.examined import Harpi, add, record


def empty(path: Path) -> Path:
    path.touch()
    return path


def unlabelled(path: Path) -> Path:
    return record(path, (None, None))


def too_short(path: Path) -> Path:
    return record(path, ("fast", "still"), seconds=1.0)


def one_label(path: Path) -> Path:
    return record(path, ("fast", None, "fast"))


@pytest.mark.parametrize(
    ("make", "code", "problem"),
    [
        (empty, 4, "gym.npz"),
        (unlabelled, 4, "nothing in it has a label"),
        (lambda path: path, 4, "gym.npz"),
        (too_short, 2, "long enough for a window of 2.6 s"),
        (one_label, 2, "a model that always says that is right"),
    ],
)
def test_a_recording_that_proves_nothing(
    harpi: Harpi, tmp_path: Path, make: Callable[[Path], Path], code: int, problem: str
) -> None:
    said = harpi("evaluate", "--recording", make(tmp_path / "gym.npz"))
    assert (said.code, said.out) == (code, "")
    assert problem in said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / "state" / "evaluations.jsonl").exists()


def test_no_test_takes(harpi: Harpi, store: Store) -> None:
    add(store, "fast", "train")
    said = harpi("evaluate", "--position", "leg")
    assert said.code == 2
    assert "there are no test takes at leg. Record some with `harpi record" in said.err


def test_a_device_without_any_takes(harpi: Harpi) -> None:
    said = harpi("evaluate")
    assert said.code == 2
    assert "there are no test takes." in said.err


def test_test_takes_of_one_label(harpi: Harpi, store: Store) -> None:
    for _ in range(2):
        add(store, "fast", "test")
    said = harpi("evaluate")
    assert said.code == 2
    assert "all that is tested is fast" in said.err


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--json", "--csv"), "exclude each other"),
        (("--learn", "3"), "about recordings"),
        (("--subject", "ann"), "about recordings"),
        (("--recording", "--session", "3"), "not within recordings"),
        (("--since", "yesterday"), "is not a time"),
        (("--recording", "--rename", "walking"), "is not a renaming"),
        (("--recording", "--rename", "a=b"), "no label 'a'"),
        (("--html", "/nowhere/page.html"), "no such folder"),
    ],
)
def test_words_that_do_not_go_together(
    harpi: Harpi, words: tuple[str, ...], problem: str
) -> None:
    said = harpi("evaluate", *words)
    assert (said.code, said.out) == (2, "")
    assert problem in said.err
