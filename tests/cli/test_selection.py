from datetime import UTC, datetime, timedelta

import pytest

from harpi.cli.selection import check_chosen, moment_of, numbers_of
from harpi.errors import UsageError

NOW = datetime(2024, 5, 31, 12, 0, tzinfo=UTC)


def test_numbers_and_ranges_are_read_once_each() -> None:
    assert numbers_of(["3", "7-9", "8", "1"]) == [3, 7, 8, 9, 1]


@pytest.mark.parametrize("word", ["", "x", "-3", "9-7", "1-99999999", "1,2", "1" * 30])
def test_what_is_no_number_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="not the number of a take"):
        numbers_of([word])


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90s", NOW - timedelta(seconds=90)),
        ("30m", NOW - timedelta(minutes=30)),
        ("1.5h", NOW - timedelta(hours=1.5)),
        ("3d", NOW - timedelta(days=3)),
        ("2024-05-30", datetime(2024, 5, 29, 18, 30, tzinfo=UTC)),
        ("2024-05-30T14:30", datetime(2024, 5, 30, 9, 0, tzinfo=UTC)),
        ("2024-05-30T14:30+02:00", datetime(2024, 5, 30, 12, 30, tzinfo=UTC)),
    ],
)
@pytest.mark.usefixtures("local_time")
def test_times_are_ages_or_dates(text: str, moment: datetime) -> None:
    assert moment_of(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "3 parsecs", "2024-13-01", "99999999999w"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a time"):
        moment_of(text, NOW)


def test_all_takes_are_never_meant_by_oversight() -> None:
    with pytest.raises(UsageError, match="no takes given"):
        check_chosen(None, None, [])
    check_chosen(None, "walking")
    check_chosen(None, everything=True)
