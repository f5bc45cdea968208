from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harpi.signal.windows import WindowMaker, windows_of
from harpi.types import Samples

RNG = np.random.default_rng(3)
SIGNAL = RNG.normal(0, 1, (1500, 6)).astype(np.float32)


def block(begin: int, end: int, *, gap: bool = False, rate: float = 50.0) -> Samples:
    return Samples(SIGNAL[begin:end], np.arange(begin, end) / rate, gap)


def test_windows_stand_where_the_hop_puts_them() -> None:
    windows = WindowMaker(25, 25, length=64, hop=16).push(block(0, 200, rate=25))
    assert len(windows) == 1 + (200 - 64) // 16
    for number, window in enumerate(windows):
        assert np.array_equal(window.values, SIGNAL[16 * number : 16 * number + 64])
        assert window.start == pytest.approx(16 * number / 25)
        assert window.end == pytest.approx((16 * number + 63) / 25)


def test_a_hop_beyond_the_length_leaves_signal_out() -> None:
    windows = WindowMaker(25, 25, length=10, hop=25).push(block(0, 100, rate=25))
    assert [round(window.start * 25) for window in windows] == [0, 25, 50, 75]


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 1500), max_size=30), st.sampled_from([(50, 25), (25, 25), (20, 25)])
)
def test_live_and_offline_cut_the_same_windows(cuts: list[int], rates: tuple[int, int]) -> None:
    input_rate, rate = rates
    maker = WindowMaker(input_rate, rate, length=32, hop=40)
    edges = [0, *sorted(cuts), 1500]
    live = [
        window.values
        for begin, end in pairwise(edges)
        for window in maker.push(block(begin, end, rate=input_rate))
    ]
    offline = windows_of(SIGNAL, input_rate, rate=rate, length=32, hop=40)
    assert np.array_equal(np.stack(live), offline)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=12))
def test_no_window_spans_a_gap(pieces: list[tuple[int, bool]]) -> None:
    maker = WindowMaker(50, 25, length=16, hop=4)
    begin, gap_times, windows = 0, [], []
    for count, gap in pieces:
        end = min(begin + count, len(SIGNAL))
        if gap:
            gap_times.append(begin / 50)
        windows += maker.push(block(begin, end, gap=gap))
        begin = end
    for window in windows:
        assert window.end - window.start == pytest.approx(15 / 25)
        for moment in gap_times:
            assert not window.start < moment <= window.end


def test_after_a_gap_windows_start_anew() -> None:
    maker = WindowMaker(25, 25, length=64, hop=16)
    maker.push(block(0, 60, rate=25))
    windows = maker.push(block(100, 170, gap=True, rate=25))
    assert [window.start for window in windows] == [4.0]


def test_too_short_a_stretch_gives_no_window() -> None:
    assert windows_of(SIGNAL[:60], 25, rate=25, length=64, hop=16).shape == (0, 64, 6)


def test_windows_own_their_values() -> None:
    values = SIGNAL[:64].copy()
    [window] = WindowMaker(25, 25, 64, 16).push(Samples(values, np.arange(64.0)))
    values[:] = 0
    assert np.array_equal(window.values, SIGNAL[:64])


@pytest.mark.parametrize(("length", "hop"), [(0, 16), (64, 0)])
def test_empty_windows_are_refused(length: int, hop: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        WindowMaker(25, 25, length, hop)
