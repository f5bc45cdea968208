"""A slice of the wrong clocks and late threads."""

from __future__ import annotations

import random

from tests.labs.campaign.clocks import try_all
from tests.labs.campaign.faults import COLUMNS
from tests.labs.campaign.result import Result


def test_a_wrong_clock_is_followed_and_a_late_thread_accounted_for() -> None:
    result = Result("Clocks", COLUMNS)
    try_all(result, random.Random(1), True)
    assert result.failures == []
    assert len(result.rows) == 6
