import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harpi.signal.ring import Ring
from harpi.types import Samples


def numbered(first: int, count: int, gap: bool = False) -> Samples:
    """Samples whose values and times are their number."""
    numbers = np.arange(first, first + count)
    return Samples(np.repeat(numbers[:, None], 6, 1).astype(np.float32), numbers * 1.0, gap)


def numbers(blocks: list[Samples]) -> list[int]:
    return [int(time) for block in blocks for time in block.times]


@settings(deadline=None)
@given(st.lists(st.integers(0, 23), max_size=12), st.integers(1, 25))
def test_the_latest_samples_are_those_last_written(counts: list[int], asked: int) -> None:
    ring = Ring(seconds=1, rate=10)
    for first, count in zip(np.cumsum([0, *counts]), counts, strict=False):
        ring.append(numbered(int(first), count))
    total = sum(counts)
    expected = list(range(total))[-min(asked, ring.capacity) :]
    assert numbers(ring.latest(asked)) == expected
    assert ring.written == total


def test_a_reader_gets_every_sample_once() -> None:
    ring = Ring(seconds=1, rate=10)
    read, position = [], 0
    for first in range(0, 60, 6):
        ring.append(numbered(first, 6))
        blocks, position = ring.since(position)
        assert not any(block.gap for block in blocks)
        read += numbers(blocks)
    assert read == list(range(60))
    assert ring.since(position) == ([], 60)


def test_a_reader_that_was_lapped_is_told_so() -> None:
    ring = Ring(seconds=1, rate=10)
    ring.append(numbered(0, 4))
    _, position = ring.since(0)
    ring.append(numbered(4, 13))
    blocks, position = ring.since(position)
    assert blocks[0].gap
    assert numbers(blocks) == list(range(7, 17))
    assert position == 17


def test_gaps_split_what_is_read() -> None:
    ring = Ring(seconds=2, rate=10)
    ring.append(numbered(0, 3))
    ring.append(numbered(10, 2, gap=True))
    ring.append(numbered(12, 2))
    blocks, _ = ring.since(0)
    assert [(numbers([block]), block.gap) for block in blocks] == [
        ([0, 1, 2], False),
        ([10, 11, 12, 13], True),
    ]


def test_a_gap_without_samples_belongs_to_the_next_sample() -> None:
    ring = Ring(seconds=1, rate=10)
    ring.append(numbered(0, 2))
    ring.append(numbered(0, 0, gap=True))
    ring.append(numbered(5, 1))
    assert [block.gap for block in ring.latest(3)] == [False, True]


def test_readers_own_what_they_get() -> None:
    ring = Ring(seconds=1, rate=10)
    ring.append(numbered(0, 10))
    block = ring.latest(10)[0]
    ring.append(numbered(10, 10))
    assert numbers([block]) == list(range(10))
    block.values[:] = -1
    assert ring.latest(1)[0].values[0, 0] == 19


def test_reads_are_consistent_while_the_writer_goes_on() -> None:
    ring = Ring(seconds=1, rate=500)
    done = threading.Event()

    def write() -> None:
        for first in range(0, 70_000, 70):
            ring.append(numbered(first, 70))
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    position, read = 0, 0
    while not done.is_set():
        blocks, position = ring.since(position)
        for block in blocks:
            assert (np.diff(block.times) == 1).all()
            assert (block.values[:, 0] == block.times).all()
            read += len(block)
    writer.join()
    assert read > 0


def test_a_ring_needs_room() -> None:
    with pytest.raises(ValueError, match="no room"):
        Ring(seconds=0, rate=50)
