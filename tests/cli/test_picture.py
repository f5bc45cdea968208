import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harpi.cli.picture import can_print, picture
from harpi.types import Samples
from tests.support.takes import counts_of_chip

ALL = (0.0, None)


def run(count: int, begin: float = 0.0, seed: int = 0) -> Samples:
    return Samples(counts_of_chip(count, seed), begin + np.arange(count) / 50)


def filled(line: str) -> list[bool]:
    """Which characters of a curve have any dot."""
    return [char not in (" ", "\u2800") for char in line[16:]]


def test_a_curve_goes_where_the_signal_goes() -> None:
    values = np.zeros((100, 6), np.float32)
    values[50:, 0] = 2.0
    lines = picture([Samples(values, np.arange(100) / 50)], used=ALL).splitlines()
    top, bottom = lines[0], lines[3]
    assert top.startswith("accel        2  ")
    assert bottom.startswith("g            0  ")
    assert not any(filled(top)[:30])
    assert all(filled(top)[34:])
    assert all(filled(bottom)[:31])
    assert not any(filled(bottom)[34:])


def test_what_is_not_used_is_dashed_and_gaps_are_empty() -> None:
    lines = picture([run(100), run(100, begin=6.0)], used=(1.0, 2.0)).splitlines()
    time = lines[-2][16:]
    assert set(time) == {"━", "┄"}
    assert time.index("━") / len(time) == pytest.approx(1.0 / 8, abs=0.02)
    assert time.count("━") / len(time) == pytest.approx(1.0 / 8, abs=0.02)
    columns = [any(column) for column in zip(*map(filled, lines[:4]), strict=True)]
    assert all(columns[:15])
    assert not any(columns[18:46])
    assert all(columns[50:])
    assert lines[-1].strip().startswith("0 s")
    assert lines[-1].endswith("8.0 s")


def test_six_axes_have_six_curves() -> None:
    lines = picture([run(50)], used=ALL, axes=True).splitlines()
    names = [line.split()[0] for line in lines[::4][:6]]
    assert names == ["ax", "ay", "az", "gx", "gy", "gz"]


@settings(deadline=None)
@given(
    counts=st.lists(st.integers(1, 400), min_size=1, max_size=4),
    width=st.integers(1, 300),
    plain=st.booleans(),
    flat=st.booleans(),
)
def test_any_take_fits_its_width(
    counts: list[int], width: int, plain: bool, flat: bool
) -> None:
    runs = [run(count, begin=20.0 * n) for n, count in enumerate(counts)]
    runs = [Samples(r.values * (not flat), r.times, gap=n > 0) for n, r in enumerate(runs)]
    text = picture(runs, used=ALL, width=width, plain=plain)
    assert max(map(len, text.splitlines())) <= min(max(width, 26), 120)
    assert len(text.splitlines()) == 10
    assert text.isascii() == plain


def test_it_is_known_what_an_encoding_can_show() -> None:
    assert can_print("utf-8")
    assert not can_print("ascii")
    assert not can_print("latin-1")
    assert not can_print(None)
