from __future__ import annotations

import numpy as np

from harpi.learning.checks import (
    ask_for_more,
    missing_windows,
    repeat_single_takes,
    resolve_confusions,
)

LABELS = ("walking", "sitting", "squats", "stairs")


def test_only_labels_that_lack_windows_are_asked_for() -> None:
    missing = missing_windows({"walking": 5, "squats": 2, "sitting": 4}, minimum=5)

    assert missing == {"squats": 3, "sitting": 1}
    assert [point.sentence for point in ask_for_more(missing, seconds_per_window=0.64)] == [
        "squats: 3 more windows needed (about 2 s)",
        "sitting: 1 more window needed (about 1 s)",
    ]


def test_the_worst_confusions_come_first_and_name_both_labels() -> None:
    confusion = np.diag([10, 10, 10, 10])
    confusion[0] = [6, 0, 0, 4]
    confusion[2] = [0, 2, 8, 0]

    points = resolve_confusions(LABELS, confusion)

    assert [point.labels for point in points] == [("walking", "stairs"), ("squats", "sitting")]
    assert points[0].sentence.startswith(
        "walking is taken for stairs in 4 of 10 held-out windows: record both"
    )


def test_a_single_wrong_window_and_a_rare_mistake_are_no_advice() -> None:
    confusion = np.diag([4, 60, 10, 10])
    confusion[0, 1] = 1
    confusion[1, 2] = 3

    assert resolve_confusions(LABELS, confusion) == []


def test_at_most_three_confusions_are_named() -> None:
    assert len(resolve_confusions(LABELS, np.full((4, 4), 5))) == 3


def test_labels_that_were_never_judged_confuse_nobody() -> None:
    assert resolve_confusions(LABELS, np.zeros((4, 4), np.int64)) == []


def test_single_takes_are_asked_for_again() -> None:
    some = repeat_single_takes(LABELS, ("takes", "blocks", "none", "takes"))
    every = repeat_single_takes(LABELS, ("blocks",) * 4)

    assert [point.sentence.split(":")[0] for point in (*some, *every)] == [
        "each of sitting and squats has one take only, so its figures are too good",
        "every label has one take only, so its figures are too good",
    ]
    assert repeat_single_takes(LABELS, ("takes",) * 4) == []
