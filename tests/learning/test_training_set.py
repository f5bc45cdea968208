from __future__ import annotations

import numpy as np
import pytest

from harpi.learning.training_set import MOST_WINDOWS, Preparation, TakeFeatures, TrainingSet
from harpi.recognition.head import SIGNAL_FEATURES
from harpi.recognition.interpreter import Interpreter
from harpi.signal.features import features as signal_features
from harpi.store.takes import Take
from harpi.types import Samples
from tests.support.models import tiny_base
from tests.support.recorded import RATE, Recorded, motion

HOP = 16
LENGTH = 64
ALL_FEATURES = tiny_base().metadata.features + SIGNAL_FEATURES


@pytest.fixture
def preparation() -> Preparation:
    return Preparation(tiny_base(), hop=HOP, copies=3, degrees=20, seed=1)


@pytest.fixture
def take() -> Take:
    source = Recorded()
    source.add("slow")
    return source.takes()[0]


def test_windows_never_span_a_gap(preparation: Preparation, take: Take) -> None:
    values = motion("slow", 8.0)
    whole = Samples(values, np.arange(200) / RATE)
    halves = [
        Samples(values[:100], np.arange(100) / RATE),
        Samples(values[100:], np.arange(100) / RATE + 60, gap=True),
    ]

    assert len(preparation.windows(take, [whole])) == (200 - LENGTH) // HOP + 1
    assert len(preparation.windows(take, halves)) == 2 * ((100 - LENGTH) // HOP + 1)
    assert preparation.windows(take, []).shape == (0, LENGTH, 6)


def test_a_take_has_the_same_features_every_time(preparation: Preparation, take: Take) -> None:
    windows = preparation.windows(take, [Samples(motion("slow", 8.0), np.arange(200) / RATE)])

    once, again = (preparation.features(take, windows) for _ in range(2))

    assert once.turned.shape == (len(windows), 3, ALL_FEATURES)
    np.testing.assert_array_equal(once.features, again.features)
    np.testing.assert_array_equal(once.turned, again.turned)
    assert np.abs(once.turned - once.features[:, None]).max() > 0.01


def test_the_features_of_the_base_come_first_then_those_of_the_signal(
    preparation: Preparation, take: Take
) -> None:
    windows = preparation.windows(take, [Samples(motion("slow", 8.0), np.arange(200) / RATE)])
    material = TrainingSet.of([preparation.features(take, windows)])
    length = tiny_base().metadata.features

    of_base = Interpreter(tiny_base()).run("bottleneck", {"window": windows})["features"]

    plain = material.of_base(length)
    np.testing.assert_allclose(plain.features, of_base, rtol=1e-5)
    np.testing.assert_array_equal(plain.turned, material.turned[..., :length])
    np.testing.assert_array_equal(material.features[:, length:], signal_features(windows, RATE))


def test_without_copies_there_are_none(take: Take) -> None:
    preparation = Preparation(tiny_base(), hop=HOP, copies=0, degrees=20, seed=1)

    features = preparation.features(take, np.zeros((4, LENGTH, 6), np.float32))

    assert features.turned.shape == (4, 0, ALL_FEATURES)


def test_the_gap_is_what_keeps_windows_from_sharing_signal(preparation: Preparation) -> None:
    assert (preparation.gap + 1) * HOP >= LENGTH > preparation.gap * HOP
    assert preparation.seconds_per_window == HOP / RATE


def part_of(source: Recorded, label: str, windows: int) -> TakeFeatures:
    number = source.add(label)
    take = next(take for take in source.takes() if take.id == number)
    rows = np.full((windows, 2), number, np.float32)
    return TakeFeatures(take, rows, rows[:, None])


def test_takes_are_joined_in_order() -> None:
    source = Recorded()

    material = TrainingSet.of(
        [part_of(source, "still", 3), part_of(source, "slow", 2), part_of(source, "still", 1)]
    )

    assert material.labels == ("still", "slow")
    assert material.targets.tolist() == [0, 0, 0, 1, 1, 0]
    assert material.sources.tolist() == [0, 0, 0, 1, 1, 2]
    assert material.features[:, 0].tolist() == [1, 1, 1, 2, 2, 3]
    assert material.counts == {"still": 4, "slow": 2}


def test_of_too_many_windows_the_newest_are_learnt() -> None:
    source = Recorded()
    old, new = part_of(source, "still", 100), part_of(source, "still", MOST_WINDOWS - 40)

    material = TrainingSet.of(
        [part_of(source, "still", 9), old, new, part_of(source, "slow", 2)]
    )

    assert material.counts == {"still": MOST_WINDOWS, "slow": 2}
    assert np.bincount(material.sources).tolist() == [40, MOST_WINDOWS - 40, 2]
    assert material.takes[0] is old.take
