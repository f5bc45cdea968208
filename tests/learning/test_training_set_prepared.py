from __future__ import annotations

import pytest

from harpi.learning import training_set as prepared_module
from harpi.learning.training_set import FeatureCache, Preparation
from harpi.types import Samples
from tests.support.models import tiny_base
from tests.support.recorded import Recorded


class Counting(Recorded):
    """Counts how often signal is read."""

    reads = 0

    def stream(self, number: int) -> list[Samples]:
        self.reads += 1
        return super().stream(number)


@pytest.fixture
def source() -> Counting:
    source = Counting()
    for label in ("still", "slow", "fast"):
        source.add(label)
    return source


@pytest.fixture
def prepared() -> FeatureCache:
    return FeatureCache(Preparation(tiny_base(), hop=16, copies=1, degrees=10, seed=1))


def test_a_take_is_read_once(prepared: FeatureCache, source: Counting) -> None:
    take = source.takes()[0]

    features = prepared.features(source, take)

    assert prepared.features(source, take) is features
    assert source.reads == 1


def test_windows_alone_are_not_kept(prepared: FeatureCache, source: Counting) -> None:
    take = source.takes()[0]

    windows = list(prepared.windows(source, take))

    assert sum(map(len, windows)) == len(prepared.features(source, take).features)
    assert source.reads == 2


def test_a_take_that_was_relabelled_is_made_again(
    prepared: FeatureCache, source: Counting
) -> None:
    prepared.features(source, source.takes()[0])

    source.relabel(1, "lying")
    features = prepared.features(source, source.takes()[0])

    assert features.take.label == "lying"
    assert source.reads == 2


def test_what_does_not_count_any_more_is_dropped(
    prepared: FeatureCache, source: Counting
) -> None:
    for take in source.takes():
        prepared.features(source, take)

    prepared.keep_only({1})
    for take in source.takes():
        prepared.features(source, take)

    assert source.reads == 3 + 2


def test_memory_is_bounded(
    prepared: FeatureCache, source: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared_module, "MOST_PREPARED", 30)  # two takes of 15 windows

    for take in source.takes():
        prepared.features(source, take)
    for take in reversed(source.takes()):
        prepared.features(source, take)

    assert source.reads == 3 + 1
