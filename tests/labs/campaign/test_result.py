"""The table of a campaign."""

from __future__ import annotations

import pytest

from tests.labs.campaign.result import Result


def test_a_table_in_markdown_with_its_note_and_what_failed() -> None:
    result = Result("Faults", ("what", "lost"), note="Seed 1.")
    result.add("a | b\nc", 3)
    result.fail("something")
    assert result.markdown().splitlines() == [
        "### Faults",
        "",
        "| what | lost |",
        "| --- | --- |",
        r"| a \| b c | 3 |",
        "",
        "Seed 1.",
        "",
        "- **Failed:** something",
    ]


def test_a_row_has_a_cell_for_each_column() -> None:
    with pytest.raises(ValueError, match="1 cells for 2 columns"):
        Result("Faults", ("what", "lost")).add("a")
