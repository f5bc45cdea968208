"""Everything that can go wrong around harpi, one thing at a time."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.labs.campaign import brokers, bus, clocks, damage, processes
from tests.labs.campaign.result import Result

COLUMNS = (
    "what goes wrong",
    "cases",
    "what becomes of it",
    "what is said",
    "back after",
    "lost",
    "unavoidable",
    "acknowledged data lost",
)

GROUPS: dict[str, Callable[[Result, random.Random, bool], None]] = {
    "bus": bus.try_all,
    "clocks": clocks.try_all,
    "damage": damage.try_all,
    "processes": processes.try_all,
    "brokers": brokers.try_all,
}
"""Each adds rows; the dice of one do not depend on the others."""


def run(seed: int, quick: bool) -> Result:
    """Try every fault; a quick run tries some cases of each kind."""
    result = Result("Faults", COLUMNS, note=f"Seed {seed}.")
    for name, try_all in GROUPS.items():
        try_all(result, random.Random(f"{seed} {name}"), quick)
    return result
