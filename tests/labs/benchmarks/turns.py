"""Things measured in turns, so that what else the computer does falls on all of them alike."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from tests.labs.benchmarks.table import Spread

TURN_SECONDS = 0.02
"""A turn repeats a quick task until it took about as long."""


class Elsewhere(Protocol):
    """A task that another process does, and times."""

    def seconds(self, runs: int) -> float:
        """CPU seconds that a run takes, as the mean of some."""
        ...


Task = Callable[[], object] | Elsewhere


@dataclass(frozen=True)
class Times:
    """CPU seconds of several tasks, one entry for each round.

    The CPU time of the process counts what all its threads do, and stands still while
    another process has the CPU.
    """

    seconds: Mapping[str, list[float]]

    def of(self, name: str, unit: float = 1.0) -> Spread:
        """How long a task takes, in units of so many seconds."""
        return Spread.of([seconds / unit for seconds in self.seconds[name]])

    def ratio(self, name: str, reference: str) -> Spread:
        """How many times as long as another, round by round."""
        pairs = zip(self.seconds[name], self.seconds[reference], strict=True)
        return Spread.of([seconds / other for seconds, other in pairs])


def in_turns(tasks: Mapping[str, Task], rounds: int) -> Times:
    """Measure every task once a round, after one round that does not count."""
    runs = {name: _runs(task) for name, task in tasks.items()}
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            seconds[name].append(_measure(task, runs[name]))
    return Times(seconds)


def _runs(task: Task) -> int:
    """Do a task for the first time, and find out how often it goes into a turn."""
    _measure(task, 1)
    return max(1, math.ceil(TURN_SECONDS / max(_measure(task, 1), 1e-6)))


def _measure(task: Task, runs: int) -> float:
    if not callable(task):
        return task.seconds(runs)
    begin = time.process_time()
    for _ in range(runs):
        task()
    return (time.process_time() - begin) / runs
