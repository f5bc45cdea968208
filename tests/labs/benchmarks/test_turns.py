from __future__ import annotations

from tests.labs.benchmarks.turns import in_turns


class Scripted:
    """A task that takes as long as it was told, and notes when its turn is."""

    def __init__(self, name: str, seconds: list[float], turns: list[str]) -> None:
        self._name = name
        self._seconds = iter([seconds[0], seconds[0], *seconds])
        self._turns = turns

    def seconds(self, runs: int) -> float:
        self._turns.append(self._name)
        return next(self._seconds)


def test_tasks_take_turns() -> None:
    turns: list[str] = []
    in_turns({name: Scripted(name, [1.0, 1.0], turns) for name in "ab"}, 2)
    assert "".join(turns[-4:]) == "abab"


def test_a_ratio_compares_what_was_measured_in_the_same_round() -> None:
    """The computer is three times as slow in the second round, for both."""
    turns: list[str] = []
    tasks = {
        "old": Scripted("old", [2.0, 6.0, 2.0], turns),
        "new": Scripted("new", [1.0, 3.0, 1.0], turns),
    }
    ratio = in_turns(tasks, 3).ratio("old", "new")
    assert (ratio.low, ratio.median, ratio.high) == (2, 2, 2)


def test_a_task_of_this_process_is_called() -> None:
    calls: list[int] = []
    times = in_turns({"quick": lambda: calls.append(sum(range(20_000)))}, 2)
    assert len(calls) > 4
    assert times.of("quick").median > 0
