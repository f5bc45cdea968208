import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

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
