"""Days by the local clock, and what adds up to their totals."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.diary.bouts import Bout
from harpi.diary.totals import bounds, day_of, make_day, total

BERLIN = ZoneInfo("Europe/Berlin")
APIA = ZoneInfo("Pacific/Apia")


def bout(activity: str | None, start: float, end: float) -> Bout:
    kind = "unknown" if activity is None else "activity"
    return Bout(kind=kind, activity=activity, start=start, end=end)


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (date(2026, 1, 15), 24),
        (date(2026, 3, 29), 23),
        (date(2026, 10, 25), 25),
    ],
)
def test_a_day_has_the_hours_that_the_local_clock_gives_it(day: date, hours: int) -> None:
    start, end = bounds(day, BERLIN)
    assert end - start == hours * 3600


def test_a_day_that_a_country_leaves_out_is_empty() -> None:
    start, end = bounds(date(2011, 12, 30), APIA)
    assert end == start


def test_a_bout_over_midnight_counts_on_both_days() -> None:
    midnight = datetime(2026, 5, 2, tzinfo=BERLIN).timestamp()
    night = [bout("sleeping", midnight - 3600, midnight + 6 * 3600)]
    before = make_day(night, date(2026, 5, 1), BERLIN)
    after = make_day(night, date(2026, 5, 2), BERLIN)
    assert (before.covered, after.covered) == (3600, 6 * 3600)


def test_the_day_is_that_of_the_wearer_not_of_greenwich() -> None:
    late = datetime(2026, 5, 1, 23, 30, tzinfo=UTC).timestamp()
    assert day_of(late, BERLIN) == date(2026, 5, 2)


def test_activities_come_first_the_longest_in_front() -> None:
    day = [bout("a", 0, 10), bout(None, 10, 100), bout("b", 100, 130), bout("a", 130, 140)]
    assert [(one.name, one.seconds, one.bouts) for one in total(day, 0, 200)] == [
        ("b", 30, 1),
        ("a", 20, 2),
        ("unknown", 90, 1),
    ]


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.integers(1, 50_000)), max_size=40)
)
def test_totals_of_days_are_the_sum_of_the_bouts(lengths: list[tuple[str | None, int]]) -> None:
    begin = at = datetime(2026, 3, 28, 12, tzinfo=BERLIN).timestamp()
    made = []
    for activity, seconds in lengths:
        made.append(bout(activity, at, at + seconds))
        at += seconds
    days = [make_day(made, date.fromordinal(n), BERLIN) for n in range(739_700, 739_800)]
    assert sum(day.covered for day in days) == at - begin
