from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harpi.types import FloatArray
from harpi_models.augmentation import Augmentation
from harpi_models.classifier import Lesson, Teaching, fit, is_later, lesson, teach
from harpi_models.datasets.catalogue import CORE, DIFRONZO, HAPT, UMAFALL
from harpi_models.datasets.motion_capture import VirtualWalkers, read_clips
from harpi_models.errors import DataRefused
from harpi_models.examples import Examples, read_examples
from harpi_models.mixture import POSTURES, WALKING
from tests.models.captured import write_capture
from tests.models.synthetic import write

BRIEF = Teaching(windows=400, steps=60)


def embed(windows: FloatArray) -> FloatArray:
    """Mean and spread of every axis, in place of a network."""
    parts = [windows.mean(axis=1), windows.std(axis=1)]
    return np.concatenate(parts, axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    folder = tmp_path_factory.mktemp("sets")
    write(folder, HAPT, ("walking", "upstairs", "sitting"), positions=("waist_phone",))
    write(folder, UMAFALL, ("walking", "jogging", "stairs_up"), positions=("ankle",))
    write(folder, DIFRONZO, ("walking", "sitting"), positions=("front_pocket",))
    return read_examples(folder, [HAPT, UMAFALL, DIFRONZO], hop=32, length=80)


@pytest.fixture(scope="module")
def walkers(tmp_path_factory: pytest.TempPathFactory) -> VirtualWalkers:
    folder = tmp_path_factory.mktemp("capture")
    write_capture(folder)
    return VirtualWalkers(read_clips(folder), 80)


def two_heaps(count: int = 300) -> Lesson:
    rng = np.random.default_rng(0)
    walks = rng.random(count) < 0.5
    features = rng.normal(size=(count, 3)).astype(np.float32)
    features[:, 0] += np.where(walks, 4.0, -4.0)
    may = np.zeros((count, len(CORE)), np.float32)
    may[walks, WALKING] = 1
    may[~walks, CORE.index("stairs_up")] = may[~walks, CORE.index("stairs_down")] = 1
    return Lesson(features, may, np.full(count, 1 / count, np.float32))


def test_tells_heaps_apart_and_leaves_open_what_the_labels_leave_open() -> None:
    learnt = two_heaps()
    kernel, bias = fit(learnt, Teaching())
    logits = learnt.features @ kernel + bias
    found = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.mean((found * learnt.may).sum(axis=1) > 0.7) > 0.99
    up, down = (found[:, CORE.index(name)] for name in ("stairs_up", "stairs_down"))
    np.testing.assert_allclose(up, down, atol=1e-2)


def test_units_of_the_features_make_no_difference() -> None:
    learnt = two_heaps()
    larger = replace(learnt, features=learnt.features * np.float32(1000) + 50)
    answers = [
        one.features @ kernel + bias
        for one in (learnt, larger)
        for kernel, bias in [fit(one, Teaching())]
    ]
    np.testing.assert_allclose(answers[0], answers[1], atol=0.05)


def test_each_kind_of_window_has_its_share(examples: Examples, walkers: VirtualWalkers) -> None:
    learnt = lesson(examples, embed, BRIEF, Augmentation(), walkers)
    assert len(learnt.features) == 400 + 200 + 80
    shares = [
        learnt.weight[part].sum() for part in (slice(400), slice(400, 600), slice(600, 680))
    ]
    np.testing.assert_allclose(shares, [1 - 0.17, 0.12, 0.05], atol=1e-5)
    assert (learnt.may[600:].argmax(axis=1) == WALKING).all()
    alone = lesson(examples.where(~is_later(examples)), embed, BRIEF, Augmentation())
    assert alone.weight.sum() == pytest.approx(1, abs=1e-5)


def test_postures_are_learnt_from_the_first_sets_alone(examples: Examples) -> None:
    learnt = lesson(examples, embed, BRIEF, Augmentation())
    assert learnt.may[:400, POSTURES].any()
    assert not learnt.may[400:, POSTURES].any()


def test_the_same_seed_gives_the_same_classifier(examples: Examples) -> None:
    first, second = (teach(examples, embed, BRIEF, Augmentation())[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    other, _ = teach(examples, embed, replace(BRIEF, seed=2), Augmentation())
    assert np.abs(first - other).max() > 0


def test_windows_without_a_label_teach_nothing(tmp_path: Path) -> None:
    write(tmp_path, HAPT, ("stand_to_sit",), positions=("waist_phone",))
    unknown = read_examples(tmp_path, [HAPT], hop=32, length=80)
    with pytest.raises(DataRefused, match="no window has a label"):
        teach(unknown, embed, BRIEF, Augmentation())
