from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harpi.errors import ModelError
from harpi.recognition.knn_memory import KnnMemory
from harpi.signal.features import FEATURE_NAMES


def rows(count: int, first: int = 0) -> np.ndarray:
    numbers = np.arange(first, first + count, dtype=np.float32)
    return np.repeat(numbers[:, None], len(FEATURE_NAMES), axis=1)


def filled(**counts: int) -> KnnMemory:
    memory = KnnMemory.empty()
    for label, count in counts.items():
        memory = memory.added(rows(count, len(memory)), label, f"take of {label}")
    return memory


def test_labels_and_takes_are_forgotten_alone() -> None:
    memory = filled(walking=3, sitting=2).added(rows(2, 5), "walking", "second")
    assert memory.counts == {"walking": 5, "sitting": 2}
    assert memory.without_take("second").counts == {"walking": 3, "sitting": 2}
    assert memory.without_label("walking").counts == {"sitting": 2}
    assert memory.without_label("walking").features[:, 0].tolist() == [3, 4]
    assert memory.without_label("flying").counts == memory.counts


def test_a_renamed_label_joins_the_one_of_that_name() -> None:
    assert filled(walk=3, walking=2).renamed("walk", "walking").counts == {"walking": 5}


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=5), st.integers(5, 60))
def test_a_full_memory_keeps_an_even_share_of_each_label(
    counts: list[int], capacity: int
) -> None:
    memory = filled(**{f"label {i}": count for i, count in enumerate(counts)})
    thinned = memory.thinned(capacity, np.random.default_rng(0))
    assert len(thinned) == min(capacity, sum(counts))
    forgot = [before - thinned.counts.get(label, 0) for label, before in memory.counts.items()]
    most_left = max(thinned.counts.values(), default=0)
    for label, lost in zip(memory.counts, forgot, strict=True):
        if lost:
            assert thinned.counts[label] >= most_left - 1
    # What is left still belongs together.
    for row, label in zip(thinned.features[:, 0], thinned.labels, strict=True):
        assert memory.labels[int(row)] == label


def test_forgetting_is_spread_over_the_past() -> None:
    kept = filled(walking=1000).thinned(500, np.random.default_rng(0)).features[:, 0]
    assert 200 < (kept < 500).sum() < 300


def test_a_memory_survives_its_file(tmp_path: Path) -> None:
    memory = filled(walking=3, sitting=2)
    memory.write(tmp_path / "memory", rate=25, length=64)
    again = KnnMemory.read(tmp_path / "memory", rate=25, length=64)
    assert again.labels == memory.labels
    assert again.takes == memory.takes
    assert np.array_equal(again.features, memory.features)


def test_an_empty_memory_survives_its_file(tmp_path: Path) -> None:
    KnnMemory.empty().write(tmp_path / "memory", rate=25, length=64)
    assert len(KnnMemory.read(tmp_path / "memory", rate=25, length=64)) == 0


def test_a_memory_of_other_windows_is_refused(tmp_path: Path) -> None:
    filled(walking=1).write(tmp_path / "memory", rate=25, length=64)
    with pytest.raises(ModelError, match=r"64 samples at 25 .*not of 128 at 50"):
        KnnMemory.read(tmp_path / "memory", rate=50, length=128)


def test_a_memory_whose_parts_do_not_match_is_refused(tmp_path: Path) -> None:
    memory = KnnMemory(rows(3), ("walking",) * 2, ("one",) * 2)
    memory.write(tmp_path / "memory", rate=25, length=64)
    with pytest.raises(ModelError, match="unexpected format"):
        KnnMemory.read(tmp_path / "memory", rate=25, length=64)
