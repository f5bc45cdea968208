"""Four ways to a figure that is not true: each is planted, the score changes, and what the
study really does is shown to be free of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from harpi.recognition.knn import KnnClassifier
from harpi.types import FloatArray
from harpi_models.datasets.catalogue import SPAR
from harpi_models.datasets.layout import LENGTH, RATE
from harpi_models.examples import Examples, read_examples
from harpi_models.metrics import macro_f1
from harpi_models.protocol import Course, courses
from tests.models.synthetic import arrays

LEARNT = 6
"""Windows of each label that are kept for learning."""
Motion = Callable[[int, np.random.Generator], FloatArray]
"""Acceleration ``[n, 3]`` in g of a label, for one stretch of it."""


def recorded(
    folder: Path,
    motion: Motion,
    *,
    labels: tuple[str, ...] = ("a", "b", "c"),
    stretches: int = 1,
    seconds: float = 60.0,
) -> dict[str, Any]:
    """One person who does every label for some stretches; 25 samples a second."""
    made = arrays(SPAR, labels, subjects=(1,), positions=("wrist",), seconds=seconds, rate=RATE)
    parts = []
    rng = np.random.default_rng(0)
    for stretch in range(stretches):
        for c in range(len(labels)):
            mine = {
                name: part[made["label"] == c] for name, part in made.items() if is_column(part)
            }
            count = len(mine["acc"])
            moved = motion(c, rng)[:count] + rng.normal(0, 0.01, (count, 3))
            mine["acc"] = (moved * 4096).astype(np.int16)
            mine["gyro"] = (rng.normal(0, 1, (count, 3)) * 32.8).astype(np.int16)
            mine["segment"] = mine["segment"] + stretch * len(labels)
            mine["recording"] = mine["segment"]
            parts.append(mine)
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    np.savez(folder / "spar_seglearn.npz", **{**made, **joined})
    return {**made, **joined}


def is_column(part: Any) -> bool:
    return part.ndim > 0 and part.dtype.kind != "U"


def course_of(folder: Path) -> Course:
    found = read_examples(folder, [SPAR], hop=LENGTH, length=LENGTH)
    return next(iter(courses(found, test_after=LEARNT)))


def score(learnt: FloatArray, classes: Any, asked: FloatArray, truth: Any) -> float:
    """Macro F1 of the device's kNN, when it knows nothing but these windows."""
    knn = KnnClassifier(rate=RATE, length=LENGTH)
    for c in np.unique(classes):
        knn.add(learnt[classes == c], str(c))
    return macro_f1(truth, np.array([int(str(said.best)) for said in knn.predict(asked)]))


def honest(course: Course) -> float:
    classes = np.repeat(np.arange(len(course.learnt)), [len(part) for part in course.learnt])
    return score(np.concatenate(course.learnt), classes, course.asked, course.truth)


# --- axes scrambled by a reshape ------------------------------------------------------------


def direction(label: int, rng: np.random.Generator) -> FloatArray:
    """The same swing, along another axis for each label."""
    times = np.arange(int(60 * RATE)) / RATE
    swing = 0.3 * np.sin(2 * np.pi * 1.5 * times + rng.uniform(0, 6))
    return np.asarray(swing[:, None] * np.eye(3)[label] + [0.6, 0.5, 0.6], np.float32)


def scrambled(windows: FloatArray) -> FloatArray:
    """Windows whose axes came first in memory, brought into shape without a transpose."""
    return np.ascontiguousarray(windows.transpose(0, 2, 1)).reshape(windows.shape)


def test_scrambled_axes_cost_the_score_and_windows_keep_theirs(tmp_path: Path) -> None:
    made = recorded(tmp_path, direction)
    course = course_of(tmp_path)
    planted = score(
        scrambled(np.concatenate(course.learnt)),
        np.repeat([0, 1, 2], LEARNT),
        scrambled(course.asked),
        course.truth,
    )
    assert honest(course) > 0.9
    assert planted < 0.7
    whole = np.concatenate([made["acc"] / 4096, made["gyro"] / 32.8], axis=1)
    for c, learnt in enumerate(course.learnt):
        expected = whole[made["label"] == c][: LEARNT * LENGTH].reshape(LEARNT, LENGTH, 6)
        np.testing.assert_allclose(learnt, expected, atol=1e-4)


# --- windows that cross activities ----------------------------------------------------------


def pace(label: int, rng: np.random.Generator) -> FloatArray:
    """A swing whose pace tells the label."""
    times = np.arange(int(60 * RATE)) / RATE
    swing = np.sin(2 * np.pi * (0.8 + 0.7 * label) * times + rng.uniform(0, 6))
    return np.asarray(swing[:, None] * [0.2, 0.4, 0.1] + [0, 0, 1], np.float32)


def test_windows_across_activities_cost_the_score_and_none_is_cut(tmp_path: Path) -> None:
    made = recorded(tmp_path, pace, stretches=14, seconds=4.0)
    course = course_of(tmp_path)
    whole = np.concatenate([made["acc"] / 4096, made["gyro"] / 32.8], axis=1)
    count = len(whole) // LENGTH
    across = whole[: count * LENGTH].reshape(count, LENGTH, 6).astype(np.float32)
    labels = made["label"][: count * LENGTH].reshape(count, LENGTH)
    named = labels[:, 0].astype(np.int64)
    half = count // 2
    planted = score(across[:half], named[:half], across[half:], named[half:])
    assert honest(course) > 0.9
    assert planted < 0.8
    # Of the signal, a window is one stretch in a row: one label, one segment.
    acceleration = whole[:, :3].astype(np.float32)
    places = {row.tobytes(): i for i, row in enumerate(acceleration)}
    for learnt in (*course.learnt, course.asked):
        for window in learnt:
            begin = places[window[0, :3].tobytes()]
            rows = slice(begin, begin + LENGTH)
            np.testing.assert_allclose(window, whole[rows], atol=1e-4)
            assert len(np.unique(made["segment"][rows])) == 1
            assert len(np.unique(made["label"][rows])) == 1


# --- scaling fitted on what is asked --------------------------------------------------------


def vigour(label: int, rng: np.random.Generator) -> FloatArray:
    """The same swing, more vigorous for each label."""
    times = np.arange(int(60 * RATE)) / RATE
    swing = (0.05 + 0.15 * label) * np.sin(2 * np.pi * 1.5 * times + rng.uniform(0, 6))
    return np.asarray(swing[:, None] * [0.2, 0.9, 0.1] + [0, 0, 1], np.float32)


def by_its_own_maximum(windows: FloatArray) -> FloatArray:
    """The scaling of a notebook: every axis of every set by its own largest value."""
    moving = windows - windows.mean(axis=1, keepdims=True)
    return np.asarray(moving / np.abs(moving).max(axis=(0, 1)), np.float32)


def test_scaling_by_what_is_asked_changes_the_score(tmp_path: Path) -> None:
    recorded(tmp_path, vigour)
    course = course_of(tmp_path)
    classes = np.repeat([0, 1, 2], LEARNT)
    learnt = np.concatenate(course.learnt)
    # The person does nothing but the gentlest of the three for a while.
    alone = course.truth == 0
    planted = score(
        by_its_own_maximum(learnt),
        classes,
        by_its_own_maximum(course.asked[alone]),
        course.truth[alone],
    )
    assert score(learnt, classes, course.asked[alone], course.truth[alone]) > 0.9
    assert planted < 0.5


def test_an_answer_does_not_depend_on_what_else_is_asked(tmp_path: Path) -> None:
    """For the nearest neighbours; `test_contestants` asks the same of every contestant."""
    recorded(tmp_path, vigour)
    course = course_of(tmp_path)
    knn = KnnClassifier(rate=RATE, length=LENGTH)
    for c, learnt in enumerate(course.learnt):
        knn.add(learnt, str(c))
    together = knn.predict(course.asked)
    for place in (0, 7, len(course.asked) - 1):
        (alone,) = knn.predict(course.asked[place : place + 1])
        np.testing.assert_array_equal(alone.probabilities, together[place].probabilities)


# --- overlapping windows on both sides ------------------------------------------------------


def wandering(label: int, rng: np.random.Generator) -> FloatArray:
    """Motion that says nothing of the label, and never is the same again."""
    steps = rng.normal(0, 0.05, (int(60 * RATE), 3))
    values = np.cumsum(steps, axis=0)
    return np.asarray(values - 0.9 * values.mean(axis=0) + [0, 0, 1], np.float32).clip(-7, 7)


def overlapping(folder: Path) -> Examples:
    return read_examples(folder, [SPAR], hop=LENGTH // 8, length=LENGTH)


def prints_of(windows: FloatArray) -> set[bytes]:
    """Every sixteen samples in a row, to tell whether any are shared."""
    return {
        window[begin : begin + 16].tobytes()
        for window in np.ascontiguousarray(windows)
        for begin in range(len(window) - 15)
    }


def test_overlapping_windows_on_both_sides_flatter_and_none_are(tmp_path: Path) -> None:
    recorded(tmp_path, wandering)
    course = course_of(tmp_path)
    found = overlapping(tmp_path)
    shuffled = np.random.default_rng(0).permutation(len(found))
    learn, ask = shuffled[: len(found) // 2], shuffled[len(found) // 2 :]
    planted = score(found.values[learn], found.own[learn], found.values[ask], found.own[ask])
    assert planted > honest(course) + 0.3
    assert prints_of(found.values[learn]) & prints_of(found.values[ask])
    assert not prints_of(np.concatenate(course.learnt)) & prints_of(course.asked)


def test_sixteen_samples_show_a_single_shared_stretch() -> None:
    """What the test above rests on."""
    signal = np.random.default_rng(0).normal(size=(200, 6)).astype(np.float32)
    windows = sliding_window_view(signal, LENGTH, axis=0)[::40].transpose(0, 2, 1)
    assert prints_of(windows[:1]) & prints_of(windows[1:2])
    assert not prints_of(windows[:1]) & prints_of(windows[2:])
