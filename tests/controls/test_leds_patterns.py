"""The table of patterns."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.controls.leds import (
    LONGEST_COUNT,
    STEADY,
    TABLE,
    Light,
    Meaning,
    Pattern,
    Row,
    as_markdown,
    pattern_of,
)

NUMBERS = [None, 1, 2, 3, LONGEST_COUNT, LONGEST_COUNT + 1]


def test_every_meaning_stands_in_the_table_once() -> None:
    assert sorted(row.meaning for row in TABLE) == sorted(get_args(Meaning))
    assert {light for row in TABLE for light in row.lights} == set(get_args(Light))


def test_patterns_on_one_light_can_be_told_apart() -> None:
    for light in get_args(Light):
        patterns = [
            pattern_of(row, number).turns
            for row in TABLE
            if light in row.lights
            for number in (range(1, LONGEST_COUNT) if row.counted else [None])
        ]
        assert len(set(patterns)) == len(patterns)


@pytest.mark.parametrize("number", range(1, LONGEST_COUNT + 1))
def test_a_label_is_blinked_by_its_number(number: int) -> None:
    row = next(row for row in TABLE if row.meaning == "recording")
    pattern = pattern_of(row, number)
    assert len(pattern.turns) == number
    pauses = [dark for _, dark in pattern.turns]
    assert pauses[-1] == max(pauses)
    assert pauses[-1] > 2 * min(pauses[:-1], default=0)


@pytest.mark.parametrize("number", [None, LONGEST_COUNT + 1])
def test_a_label_that_cannot_be_counted_is_a_steady_light(number: int | None) -> None:
    row = next(row for row in TABLE if row.meaning == "recording")
    assert pattern_of(row, number) == STEADY


@given(st.floats(0, 100), st.sampled_from(TABLE), st.sampled_from(NUMBERS))
def test_a_light_changes_exactly_when_it_is_said(
    elapsed: float, row: Row, number: int | None
) -> None:
    pattern = pattern_of(row, number)
    lit, wait = pattern.at(elapsed)
    if wait == float("inf"):
        assert elapsed >= pattern.seconds
        assert not lit
        return
    assert 0 <= wait <= pattern.period
    assert pattern.at(elapsed + wait * 0.5)[0] == lit or wait < 1e-6


def test_a_pattern_that_is_shown_once_ends_dark() -> None:
    pattern = Pattern(((0.1, 0.1),), 5)
    lit, wait = pattern.at(0.85)
    assert lit
    assert wait == pytest.approx(0.05)
    assert pattern.at(1.0) == (False, float("inf"))


def test_the_documentation_shows_every_row() -> None:
    lines = as_markdown().splitlines()
    assert len(lines) == len(TABLE) + 2
    assert all(line.count("|") == 4 for line in lines)
