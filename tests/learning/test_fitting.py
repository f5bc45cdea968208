from __future__ import annotations

import numpy as np
import pytest

from harpi.commands import Progress
from harpi.config.schema import LearningSection
from harpi.learning.closed_form import logits
from harpi.learning.fitting import (
    BLIND_EPOCHS,
    Fitted,
    fit_closed_form,
    fit_gradient,
)
from harpi.learning.training_set import Preparation, TrainingSet
from harpi.learning.validation import Division, divide
from harpi.recognition.head import softmax
from harpi.recognition.head_trainer import HeadTrainer
from tests.support.models import tiny_base
from tests.support.recorded import Recorded

SETTINGS = LearningSection(epochs=500, patience=3, learning_rate=0.05)


def learnt(
    seconds: float = 12.0, takes: int = 2, *, joined: bool = False
) -> tuple[TrainingSet, Division]:
    source = Recorded()
    for _ in range(takes):
        for label in ("still", "slow", "fast"):
            source.add(label, seconds)
    preparation = Preparation(tiny_base(), hop=16, copies=2, degrees=10, seed=1)
    material = TrainingSet.of(
        preparation.features(take, preparation.windows(take, source.samples(take.id)))
        for take in source.takes()
    )
    if not joined:
        material = material.of_base(tiny_base().metadata.features)
    return material, divide(material.targets, material.sources, gap=preparation.gap)


def right(fitted: Fitted, material: TrainingSet) -> float:
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


def test_labels_that_the_base_lacks_are_told_apart_by_the_signal_too() -> None:
    material, division = learnt(joined=True)

    known = fit_closed_form(material, division, joined=True, lacking=0.5).state.parameters
    lacking = fit_closed_form(material, division, joined=True, lacking=1.0).state.parameters

    plain = fit_closed_form(material, division, joined=True).state.parameters
    np.testing.assert_array_equal(known["w0"], plain["w0"])
    assert (lacking["w0"] != plain["w0"]).any()
    for head in (known, lacking):
        best = logits(material.features, head["w0"], head["b0"]).argmax(axis=1)
        assert (best == material.targets).all()


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


def test_the_figures_of_held_out_windows_are_those_of_the_head_that_is_used() -> None:
    material, division = learnt()

    fitted = fit_closed_form(material, division, joined=False)

    own = HeadTrainer(tiny_base()).probabilities(fitted.state, material.features).max(axis=1)
    assert fitted.held_out is not None
    held_out = softmax(fitted.held_out.logits).max(axis=1)
    assert held_out.mean() == pytest.approx(own.mean(), abs=0.05)
