from __future__ import annotations

import numpy as np

from harpi.imu.health import FreezeWatch


def still(count: int, value: float = 1.0) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.full((count, 6), value, np.float32)


def test_a_run_is_counted_over_blocks() -> None:
    watch = FreezeWatch(limit=20)
    assert not watch.is_frozen(still(10))
    assert not watch.is_frozen(still(9))
    assert watch.is_frozen(still(1))


def test_the_least_change_of_one_value_ends_the_run() -> None:
    watch = FreezeWatch(limit=20)
    moved = still(19)
    moved[7, 4] = np.nextafter(np.float32(1), np.float32(2))
    assert not watch.is_frozen(moved)
    assert not watch.is_frozen(still(19))
    assert watch.is_frozen(still(1))


def test_a_change_between_two_blocks_counts() -> None:
    watch = FreezeWatch(limit=4)
    for step in range(20):
        assert not watch.is_frozen(still(2, value=step))


def test_it_says_so_once_until_the_values_change() -> None:
    watch = FreezeWatch(limit=5)
    assert watch.is_frozen(still(5))
    watch.restart()
    assert not watch.is_frozen(still(50, value=0.0))
    assert not watch.is_frozen(np.arange(12, dtype=np.float32).reshape(2, 6))
    assert not watch.is_frozen(still(5, value=3.0))  # it has just changed
    assert watch.is_frozen(still(5, value=3.0))
