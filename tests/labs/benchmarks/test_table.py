from __future__ import annotations

import pytest

from tests.labs.benchmarks.table import Spread, Table


def test_a_spread_is_the_median_and_the_middle_half() -> None:
    spread = Spread.of([5.0, 1.0, 4.0, 2.0, 3.0])
    assert (spread.low, spread.median, spread.high) == (2, 3, 4)
    assert str(spread) == "3 [2, 4]"


@pytest.fixture
def table() -> Table:
    table = Table("Speed", note="Read the ratios.")
    table.add(driver="harpi", ms=Spread(1.25, 1.0, 1.5), lost=0)
    table.add(driver="another", ms=12345.6, lost="-")
    return table


def test_a_table_for_people_has_columns(table: Table) -> None:
    title, heads, harpi, another, note = str(table).splitlines()
    assert (title, note) == ("Speed", "Read the ratios.")
    assert heads.split() == ["driver", "ms", "lost"]
    assert len({len(line) for line in (heads, harpi, another)}) == 1
    assert "12346" in another


def test_a_table_for_a_page_is_markdown(table: Table) -> None:
    lines = table.markdown().splitlines()
    assert lines[0] == "**Speed**"
    assert "| driver | ms | lost |" in lines
    assert "| harpi | 1.25 [1, 1.5] | 0 |" in lines
    assert lines[-1] == "Read the ratios."


def test_what_was_not_run_is_named(table: Table) -> None:
    table.not_run("tsfel", "it is not installed")
    for text in (str(table), table.markdown()):
        assert "Not run: tsfel, because it is not installed." in text


def test_a_table_in_which_nothing_ran_says_why() -> None:
    table = Table("Counts")
    table.not_run("the counts", "valgrind is not installed")
    assert "valgrind is not installed" in str(table)
    assert "|" not in table.markdown()
