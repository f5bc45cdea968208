from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harpi_models.study.lesson import NO_CLASS, Asked, lesson_of, thinned
from tests.models.study.paces import course, windows


def test_labels_go_by_the_name_that_the_base_has_for_them() -> None:
    lesson = lesson_of(course(("walk_parking", "jumping", "rowing")))
    assert lesson.labels == ("walking", "jumping", "rowing")
    assert lesson.codes(["rowing", "walking", "cycling"]).tolist() == [2, 0, NO_CLASS]


def test_two_labels_that_mean_the_same_keep_their_own_names() -> None:
    lesson = lesson_of(course(("walk_parking", "walk_treadmill_flat")))
    assert lesson.labels == ("walk_parking", "walk_treadmill_flat")
    assert lesson.codes(["walking"]).tolist() == [NO_CLASS]


def test_either_direction_of_stairs_is_what_the_wearer_calls_stairs() -> None:
    watch = replace(course(("walking", "stairs")), person="wisdm_watch/1600")
    lesson = lesson_of(watch)
    assert lesson.labels == ("walking", "stairs")
    assert lesson.codes(["stairs_up", "stairs_down", "stairs"]).tolist() == [1, 1, 1]


def test_the_first_windows_of_each_class_are_the_first_in_time() -> None:
    made = course()
    first = lesson_of(made).first(3)
    assert first.classes.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    for c, learnt in enumerate(made.learnt):
        np.testing.assert_array_equal(first.windows[first.classes == c], learnt[:3])
    assert lesson_of(made).first(12).takes[:12].tolist() == [0] * 10 + [1] * 2


def test_what_is_asked_is_thinned_evenly_and_for_every_class() -> None:
    made = course(asked=40)
    few = thinned(made, 5)
    assert np.bincount(few.truth).tolist() == [5, 5, 5]
    for place, kept in zip((0, 10, 20, 29, 39), few.asked, strict=False):
        np.testing.assert_array_equal(made.asked[place], kept)
    np.testing.assert_array_equal(thinned(made, 100).asked, made.asked)


def test_what_contestants_look_at_is_made_once() -> None:
    calls = []
    asked = Asked(windows(1.0, 3, 0), lambda rows: calls.append(len(rows)) or rows[:, 0])
    assert asked.base is asked.base
    assert asked.signal is asked.signal
    assert calls == [3]
    with pytest.raises(ValueError, match="without a base"):
        _ = Asked(windows(1.0, 3, 0)).base
