"""A slice of the power cuts, and the rig's own eye for what must not be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.labs.campaign import power

pytestmark = pytest.mark.compiler


@pytest.fixture(scope="module")
def recorded() -> power.Recorded:
    return power.record(rounds=1)


def test_no_power_cut_costs_a_take_or_the_head(recorded: power.Recorded) -> None:
    result = power.cut_power(recorded, seed=3, states=60)
    assert result.failures == []
    assert sum(int(row[1]) for row in result.rows) == 60


def test_folders_that_are_never_synced_are_noticed(recorded: power.Recorded) -> None:
    unsynced = [event for event in recorded.events if event.op != "S"]
    left = [sum(e.op != "S" for e in recorded.events[:cut]) for cut, *_ in recorded.cuts]
    cuts = [(cut, *said) for cut, (_, *said) in zip(left, recorded.cuts, strict=True)]
    result = power.cut_power(replace(recorded, events=unsynced, cuts=cuts), seed=3, states=60)
    assert any("headless" in failure for failure in result.failures)
