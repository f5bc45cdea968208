from __future__ import annotations

import subprocess

import pytest

from harpi import shipped
from harpi_models.errors import WorkshopError
from harpi_models.study.costs import cost_of, measure
from harpi_models.study.lesson import Answer, Lesson, lesson_of
from tests.models.study.paces import course, same

BASE = shipped.path("models/generic.tflite")
REFERENCE = shipped.path("models/knn_reference.safetensors")


def test_a_contestant_is_measured_in_a_process_of_its_own() -> None:
    cost = cost_of("personal, prototypes", lesson_of(course()).first(2), BASE, REFERENCE)
    assert 0 < cost.seconds < 60
    assert cost.loaded is not None
    assert 10 < cost.loaded < 500
    assert cost.megabytes is not None
    assert cost.megabytes < 100


def test_memory_that_is_used_while_learning_is_seen() -> None:
    whole = lesson_of(course()).first(5)
    learnt: list[Lesson] = []

    def greedy(lesson: Lesson) -> Answer:
        learnt.append(lesson)
        room = bytearray(60_000_000) if same(lesson, whole) else bytearray(1)
        room[::4096] = b"x" * len(room[::4096])
        return lambda asked: asked.windows[:, 0, 0].astype(int)

    cost = measure(greedy, whole)
    assert cost.megabytes is not None
    assert cost.megabytes > 40
    assert len(learnt[0].windows) == 3, "one window of each class comes first"


def test_a_process_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def failed(*words: object, **more: object) -> object:
        return subprocess.CompletedProcess([], 1, "", "Traceback\nMemoryError: full")

    monkeypatch.setattr(subprocess, "run", failed)
    with pytest.raises(WorkshopError, match=r"what kNN costs failed: .*"):
        cost_of("kNN", lesson_of(course()).first(2), BASE, REFERENCE)
