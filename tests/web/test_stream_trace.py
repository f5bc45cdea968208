"""Signal as the page draws it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.signal.ring import Ring
from harpi.types import Samples
from harpi.web.stream import POINTS, LiveTrace, Piece, envelope


def block(start: int, count: int, rate: float = 50.0, *, gap: bool = False) -> Samples:
    """Samples whose every value is their own number."""
    numbers = np.arange(start, start + count)
    values = np.repeat(numbers[:, None], 6, axis=1).astype(np.float32)
    return Samples(values, 100 + numbers / rate, gap=gap)


def first_axis(pieces: list[Piece]) -> list[float]:
    return [point[0] for piece in pieces for point in piece.values]


def times_of(pieces: list[Piece]) -> list[float]:
    return [piece.time + n * piece.step for piece in pieces for n in range(len(piece.values))]


def test_points_are_means_of_as_many_samples_as_the_eye_can_do_without() -> None:
    ring = Ring(10, 50)
    trace = LiveTrace(ring, 50)
    ring.append(block(0, 6))
    (piece,) = trace.news()
    assert first_axis([piece]) == [0.5, 2.5, 4.5]
    assert (piece.time, piece.step, piece.gap) == (100.0, 0.04, False)
    assert trace.news() == []


@given(st.lists(st.integers(1, 40), min_size=1, max_size=30), st.sampled_from([25, 50, 200]))
def test_it_is_the_same_however_the_samples_come(sizes: list[int], rate: int) -> None:
    ring, whole = Ring(60, rate), Ring(60, rate)
    trace, at_once = LiveTrace(ring, rate), LiveTrace(whole, rate)
    start, points, times = 0, [], []
    for size in sizes:
        ring.append(block(start, size, rate))
        whole.append(block(start, size, rate))
        start += size
        pieces = trace.news()
        points += first_axis(pieces)
        times += [
            piece.time + n * piece.step for piece in pieces for n in range(len(piece.values))
        ]
    expected = at_once.news()
    assert points == first_axis(expected)
    if expected:
        (piece,) = expected
        wanted = [piece.time + n * piece.step for n in range(len(piece.values))]
        assert times == pytest.approx(wanted, abs=2e-3)


def test_nothing_is_drawn_across_a_gap() -> None:
    ring = Ring(10, 50)
    trace = LiveTrace(ring, 50)
    ring.append(block(0, 5))
    ring.append(block(100, 4, gap=True))
    before, after = trace.news()
    assert first_axis([before]) == [0.5, 2.5]
    assert first_axis([after]) == [100.5, 102.5]
    assert (before.gap, after.gap) == (False, True)


def test_a_new_viewer_gets_the_last_seconds_and_one_that_was_away_no_old_ones() -> None:
    ring = Ring(20, 50)
    trace = LiveTrace(ring, 50)
    ring.append(block(0, 800))
    assert len(first_axis(trace.recent())) == 200
    trace.skip()
    assert trace.news() == []
    ring.append(block(800, 2))
    assert first_axis(trace.news()) == [800.5]


def test_the_envelope_of_a_take_holds_its_peaks_and_its_holes() -> None:
    values = np.zeros((500, 6), np.float32)
    values[123, 1] = 3.5
    values[400, 2] = -2.25
    times = np.arange(500) / 50
    runs = [
        Samples(values[:200], times[:200]),
        Samples(values[300:], times[300:], gap=True),
    ]
    drawn = envelope(runs, 10.0)
    assert [len(axis) for axis in (*drawn.low, *drawn.high)] == [POINTS] * 6
    assert max(value for value in drawn.high[1] if value is not None) == 3.5
    assert min(value for value in drawn.low[2] if value is not None) == -2.25
    holes = [place for place, value in enumerate(drawn.low[0]) if value is None]
    assert holes == list(range(48, 72))
    assert drawn.high[1].index(3.5) == int(123 / 500 * POINTS)
