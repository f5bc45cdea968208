from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.commands import Progress
from harpi.config.schema import LearningSection
from harpi.learning.fitting import (
    BLIND_EPOCHS,
    Fitted,
    Method,
    can_be_bettered,
    choose,
    fit_closed_form,
    fit_gradient,
    luck,
)
from harpi.learning.training_set import Material, Preparation
from harpi.learning.validation import Division, HeldOut, divide
from harpi.recognition.head_trainer import HeadState, HeadTrainer
from tests.support.models import tiny_base
from tests.support.recorded import Recorded

SETTINGS = LearningSection(epochs=500, patience=3, learning_rate=0.05)


def learnt(seconds: float = 12.0, takes: int = 2) -> tuple[Material, Division]:
    source = Recorded()
    for _ in range(takes):
        for label in ("still", "slow", "fast"):
            source.add(label, seconds)
    preparation = Preparation(tiny_base(), hop=16, copies=2, degrees=10, seed=1)
    material = Material.of(
        preparation.features(take, preparation.windows(take, source.samples(take.id)))
        for take in source.takes()
    )
    material = material.of_base(tiny_base().metadata.features)
    return material, divide(material.targets, material.sources, gap=preparation.gap)


def right(fitted: Fitted, material: Material) -> float:
    probabilities = HeadTrainer(tiny_base()).probabilities(fitted.state, material.features)
    return float(np.mean(probabilities.argmax(axis=1) == material.targets))


def test_the_closed_form_learns_from_one_take_each() -> None:
    material, division = learnt(takes=1)

    fitted = fit_closed_form(material, division, joined=False)

    assert right(fitted, material) == 1
    assert fitted.held_out is not None
    assert len(fitted.held_out) == len(material)
    assert fitted.held_out.accuracy > 0.9


def test_the_closed_form_learns_from_one_window_each() -> None:
    material, division = learnt(seconds=2.6, takes=1)

    fitted = fit_closed_form(material, division, joined=False)

    assert len(material) == 3
    assert fitted.held_out is None
    assert right(fitted, material) == 1


def test_gradient_steps_tell_of_each_epoch_and_stop_early() -> None:
    material, division = learnt()
    told: list[Progress] = []

    fitted = fit_gradient(
        HeadTrainer(tiny_base()), material, division, SETTINGS, start=None, on_epoch=told.append
    )

    searching = [progress for progress in told if progress.epochs == SETTINGS.epochs]
    learning = told[len(searching) :]
    assert [progress.epoch for progress in searching] == list(range(1, len(searching) + 1))
    assert fitted.epochs == len(learning) == learning[-1].epochs
    assert len(searching) in (fitted.epochs + SETTINGS.patience, SETTINGS.epochs)
    assert searching[-1].loss < searching[0].loss
    assert fitted.held_out is not None
    assert learning[-1].accuracy == fitted.held_out.accuracy > 0.9
    assert right(fitted, material) > 0.9


def test_where_nothing_can_be_held_out_gradient_steps_are_few() -> None:
    material, division = learnt(seconds=2.6, takes=1)
    told: list[Progress] = []

    fitted = fit_gradient(
        HeadTrainer(tiny_base()), material, division, SETTINGS, start=None, on_epoch=told.append
    )

    assert fitted.held_out is None
    assert len(told) == min(BLIND_EPOCHS, SETTINGS.epochs)
    assert {progress.accuracy for progress in told} == {None}


def judged(right: list[bool]) -> HeldOut:
    count = len(right)
    logits = np.stack([right, np.invert(right)], axis=1).astype(np.float32)
    return HeldOut(np.zeros(count, np.int64), np.arange(count), logits)


def candidate(right_of_hundred: int | None, method: Method = "closed_form") -> Fitted:
    held_out = None
    if right_of_hundred is not None:
        held_out = judged([place < right_of_hundred for place in range(100)])
    return Fitted(method, HeadState(("a", "b"), {}, {}), held_out)


def test_another_must_be_clearly_better_and_not_by_luck() -> None:
    first = candidate(80)
    clearly = candidate(90, "gradient")

    assert choose([first, clearly]) is clearly
    for right in (70, 80, 81, 85):
        assert choose([first, candidate(right, "gradient")]) is first


@given(st.lists(st.booleans(), min_size=1, max_size=12), st.data())
def test_luck_is_the_share_of_fair_tosses_that_favour_the_first_as_much(
    ours: list[bool], data: st.DataObject
) -> None:
    theirs = data.draw(st.lists(st.booleans(), min_size=len(ours), max_size=len(ours)))
    apart = [mine for mine, other in zip(ours, theirs, strict=True) if mine != other]
    tosses = [sum(toss) >= sum(apart) for toss in product((False, True), repeat=len(apart))]

    assert luck(judged(ours), judged(theirs)) == pytest.approx(np.mean(tosses))


def test_without_held_out_windows_the_first_is_chosen() -> None:
    first = candidate(None)

    assert choose([first, candidate(None)]) is first
    assert not can_be_bettered(first)


def test_what_is_nearly_always_right_cannot_be_clearly_bettered() -> None:
    assert can_be_bettered(candidate(90))
    assert not can_be_bettered(candidate(99))
