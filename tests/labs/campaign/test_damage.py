"""A slice of the damaged files."""

from __future__ import annotations

import random

from tests.labs.campaign.damage import subjects, try_all
from tests.labs.campaign.faults import COLUMNS
from tests.labs.campaign.result import Result


def test_no_damaged_file_is_taken_for_good_or_ends_in_a_traceback() -> None:
    result = Result("Files", COLUMNS)
    try_all(result, random.Random(2), quick=True)
    assert result.failures == []
    assert len(result.rows) == 2 * len(subjects())
