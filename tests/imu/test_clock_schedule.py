from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from harpi.imu.clock import DrainSchedule


def drains(schedule: DrainSchedule, count: int) -> list[int]:
    numbers = itertools.accumulate(range(count), lambda number, _: schedule.next(number))
    return list(numbers)[1:]


def test_the_first_drains_are_early() -> None:
    assert drains(DrainSchedule(32), 8) == [1, 3, 9, 27, 32, 64, 96]


def test_a_drain_lies_on_every_window_and_between_where_the_fifo_is_small() -> None:
    schedule = DrainSchedule.for_windows(hop=640, first=640, most=42)
    numbers = set(drains(schedule, 200))
    assert {640, 1280, 1920, 2560} <= numbers
    assert 680 in numbers  # sixteen equal parts


def test_windows_that_begin_with_a_filter_shift_the_drains() -> None:
    schedule = DrainSchedule.for_windows(hop=32, first=140, most=42)
    assert {140, 172, 204} <= set(drains(schedule, 20))


@given(
    hop=st.floats(1, 5000),
    first=st.floats(0, 5000),
    most=st.integers(10, 42),
    number=st.integers(0, 10**7),
)
def test_it_always_goes_on_and_never_asks_for_more_than_the_fifo_takes(
    hop: float, first: float, most: int, number: int
) -> None:
    due = DrainSchedule.for_windows(hop, first, most).next(number)
    assert number < due <= number + most + 1


@given(tenths=st.integers(11, 420), windows=st.integers(2, 10**5))
def test_hops_that_are_no_whole_number_do_not_wander(tenths: int, windows: int) -> None:
    """The sample that completes a window is drained for, however many windows have been."""
    schedule = DrainSchedule.for_windows(tenths / 10, first=0.0, most=42)
    completing = -(-windows * tenths // 10)
    assert schedule.next(completing - 1) == completing
