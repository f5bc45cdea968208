"""The motion interrupt at its registers."""

from __future__ import annotations

import pytest

from tests.support.bench import Bench, Held


def armed(
    *, high_pass: int = 7, threshold: int = 40, duration: int = 1, enable: int = 0x40
) -> Bench:
    """A chip that lies still, awake, with its interrupt set."""
    bench = Bench(Held(0, 0, 1, 0, 0, 0), noise=False)
    bench.wake()
    bench.write(0x1F, threshold, duration)
    bench.write(0x38, enable)
    bench.write(0x1C, high_pass)
    bench.time.advance(0.1)
    bench.read(0x3A)
    return bench


def raised(bench: Bench) -> bool:
    return bool(bench.read(0x3A)[0] & 0x40)


def moved(bench: Bench, x: float, seconds: float = 0.05) -> None:
    motion = bench.chip._path.motion
    assert isinstance(motion, Held)
    motion.become(x, 0, 1, 0, 0, 0)
    bench.time.advance(seconds)


@pytest.mark.parametrize(("x", "expected"), [(0.07, False), (0.09, True), (-0.09, True)])
def test_the_threshold_counts_two_milli_g(x: float, expected: bool) -> None:
    bench = armed(threshold=40)
    moved(bench, x)
    assert raised(bench) is expected


def test_it_stays_until_it_is_read() -> None:
    bench = armed()
    moved(bench, 0.5)
    bench.read(0x75)
    moved(bench, 0.0)
    assert raised(bench)
    assert not raised(bench)


@pytest.mark.parametrize(("seconds", "expected"), [(0.03, False), (0.06, True)])
def test_the_duration_counts_milliseconds(seconds: float, expected: bool) -> None:
    bench = armed(duration=40)
    moved(bench, 0.5, seconds)
    bench.read(0x75)
    moved(bench, 0.0)
    assert raised(bench) is expected


@pytest.mark.parametrize("how", [{"high_pass": 0}, {"threshold": 0}, {"enable": 0x10}], ids=str)
def test_it_is_silent_where_it_is_not_set(how: dict[str, int]) -> None:
    bench = armed(**how)
    moved(bench, 0.9)
    assert not raised(bench)


def test_a_filter_forgets_what_hold_remembers() -> None:
    holding, filtering = armed(high_pass=7), armed(high_pass=1)
    for bench in (holding, filtering):
        moved(bench, 0.5, 2.0)
        raised(bench)
        bench.time.advance(0.5)
    assert raised(holding)
    assert not raised(filtering)


def test_hold_takes_the_sample_at_which_it_is_set_again() -> None:
    bench = armed()
    moved(bench, 0.5)
    bench.write(0x1C, 0)
    bench.time.advance(0.01)
    bench.read(0x75)
    bench.write(0x1C, 7)
    bench.time.advance(0.05)
    raised(bench)
    bench.time.advance(0.2)
    assert not raised(bench)


def test_it_works_in_cycle_mode() -> None:
    bench = armed()
    bench.write(0x6C, 0x47)
    bench.write(0x6B, 0x20)
    bench.time.advance(2.0)
    assert not raised(bench)
    moved(bench, 0.5, 0.25)
    assert raised(bench)
