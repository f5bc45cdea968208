"""All benchmarks by name, in the order of the page."""

from __future__ import annotations

from typing import Protocol

from tests.labs.benchmarks import (
    bus,
    crowd,
    cuts,
    features,
    growth,
    heads,
    instructions,
    live,
    mounting,
    neighbours,
    package,
    page,
    rest,
    runtimes,
    stages,
    start,
    training,
)
from tests.labs.benchmarks.effort import Effort
from tests.labs.benchmarks.table import Table


class Benchmark(Protocol):
    """A module that measures something; its docstring says what, and why."""

    __doc__: str | None

    @staticmethod
    def measure(effort: Effort) -> list[Table]:
        """Measure."""
        ...


BENCHMARKS: dict[str, Benchmark] = {
    "bus": bus,
    "features": features,
    "neighbours": neighbours,
    "runtimes": runtimes,
    "heads": heads,
    "training": training,
    "stages": stages,
    "cuts": cuts,
    "instructions": instructions,
    "growth": growth,
    "live": live,
    "page": page,
    "crowd": crowd,
    "start": start,
    "package": package,
    "rest": rest,
    "mounting": mounting,
}
