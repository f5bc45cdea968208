"""Hostile input: everything that reads bytes from outside is fed what should hurt it."""

from __future__ import annotations

from tests.labs.campaign.result import Result


def run(seed: int, quick: bool) -> Result:
    """Feed every target; a worker imports this package before harpi, so nothing is above."""
    from tests.labs.campaign.fuzz import campaign

    return campaign.run(seed, quick)
