"""A slice of what the system does to a process."""

from __future__ import annotations

from tests.labs.campaign.processes import stopped


def test_a_daemon_that_stands_still_for_a_moment_loses_nothing() -> None:
    outcome = stopped(0.5)
    assert outcome.wrong == ""
    assert outcome.back is not None
