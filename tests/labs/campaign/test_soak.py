"""A slice of the soak: a quarter of an hour."""

from __future__ import annotations

import pytest

from tests.labs.campaign.soak import Days, soak


@pytest.mark.broker
def test_a_short_life_leaves_nothing_behind_and_loses_nothing() -> None:
    days = Days(count=2, length=450.0, worn=150.0, takes=2, trainings=0, faults=2, outages=1)
    result = soak(5, days)
    assert [f for f in result.failures if "grew" not in f] == []
    assert [row[2] for row in result.rows] == ["2", "2"]
