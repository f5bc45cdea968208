from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harpi.learning.trainer import Comparison, compare, notes
from harpi.learning.training_set import TakeFeatures, TrainingSet
from harpi.learning.validation import HeldOut, divide
from harpi.recognition.head import Head, LearntTake
from harpi.types import FloatArray
from tests.support.models import tiny_head
from tests.support.recorded import Recorded

WINDOWS = 10


def material_of(*labels: str) -> TrainingSet:
    """One take of ten windows for each label; a window's feature is its take's number."""
    source = Recorded()
    for label in labels:
        source.add(label)
    return TrainingSet.of(
        TakeFeatures(
            take,
            np.full((WINDOWS, 1), take.id, np.float32),
            np.empty((WINDOWS, 0, 1), np.float32),
        )
        for take in source.takes()
    )


def noted(number: int, label: str, right: float | None, *, whole: bool = True) -> LearntTake:
    return LearntTake(number=number, label=label, right=right, whole=whole)


def old_head(*takes: LearntTake) -> Head:
    """Knows `still` and `fast`."""
    return replace(tiny_head(), takes=takes)


def answers_fast(head: Head, features: FloatArray) -> FloatArray:
    return np.tile(np.array([0, 1], np.float32), (len(features), 1))


def never(head: Head, features: FloatArray) -> FloatArray:
    raise AssertionError("a take that was learnt is not judged again")


def test_each_take_is_noted_with_its_held_out_share() -> None:
    material = material_of("still", "still", "fast")
    division = divide(material.targets, material.sources, gap=0)
    logits = np.tile(np.array([1, 0], np.float32), (30, 1))
    logits[:4] = [0, 1]

    found = notes(material, division, HeldOut(material.targets, material.sources, logits))

    assert found == (
        noted(1, "still", 0.6),
        noted(2, "still", 1.0),
        noted(3, "fast", 0.0, whole=False),
    )
    assert notes(material, division, None)[0].right is None


def test_takes_that_the_old_head_never_learnt_are_judged_by_it_now() -> None:
    material = material_of("still", "fast")

    found = compare(
        material, (noted(1, "still", 0.9), noted(2, "fast", 0.8)), old_head(), answers_fast
    )

    assert found.takes == 2
    assert [found.old, found.new] == pytest.approx([0.5, 0.85])
    assert found.keeps_up


def test_takes_that_it_learnt_count_as_they_were_held_out_from_it() -> None:
    material = material_of("still", "fast")
    old = old_head(noted(1, "still", 0.9), noted(2, "fast", 0.9))

    found = compare(material, (noted(1, "still", 0.8), noted(2, "fast", 0.9)), old, never)

    assert found.takes == 2
    assert [found.old, found.new] == pytest.approx([0.9, 0.85])
    assert not found.keeps_up


def test_a_take_held_out_in_blocks_is_not_compared_with_one_held_out_whole() -> None:
    material = material_of("still", "fast")
    old = old_head(noted(1, "still", 1.0, whole=False))

    found = compare(
        material, (noted(1, "still", 0.2), noted(2, "fast", 0.7)), old, answers_fast
    )

    assert found.takes == 1
    assert [found.old, found.new] == pytest.approx([1.0, 0.7])


def test_a_take_that_has_another_label_now_was_not_learnt_as_such() -> None:
    material = material_of("fast", "still")
    old = old_head(noted(1, "still", 1.0))

    found = compare(
        material, (noted(1, "fast", 0.5), noted(2, "still", 0.5)), old, answers_fast
    )

    assert found.old == 0.5


def test_a_label_that_the_old_head_lacks_counts_against_it() -> None:
    material = material_of("fast", "jumping")

    found = compare(
        material, (noted(1, "fast", 0.6), noted(2, "jumping", 0.6)), old_head(), answers_fast
    )

    assert [found.old, found.new] == pytest.approx([0.5, 0.6])


@pytest.mark.parametrize(("new", "keeps_up"), [(0.9, True), (0.895, True), (0.88, False)])
def test_a_difference_that_chance_explains_is_none(new: float, keeps_up: bool) -> None:
    assert Comparison(10, old=0.9, new=new).keeps_up == keeps_up


def test_where_nothing_compares_the_new_head_keeps_up() -> None:
    material = material_of("still", "fast")

    found = compare(
        material, (noted(1, "still", None), noted(2, "fast", None)), old_head(), never
    )

    assert found.takes == 0
    assert found.keeps_up


def test_nothing_right_is_no_improvement_on_nothing_right() -> None:
    assert not Comparison(3, old=0.0, new=0.0).keeps_up
    assert not Comparison(3, old=0.01, new=0.0).keeps_up
    assert Comparison(3, old=0.0, new=0.2).keeps_up
