"""How long commands take to come up, beside Python itself and what they import."""

from __future__ import annotations

import subprocess
import sys
import time

from tests.labs.benchmarks.effort import Effort
from tests.labs.benchmarks.table import Spread, Table

RUNS = 11


def measure(effort: Effort) -> list[Table]:
    runs = effort.rounds(RUNS)
    table = Table(f"Start-up, whole process, {runs} runs in turns")
    commands = {
        "python -c pass": ["-c", "pass"],
        "python -c 'import typer'": ["-c", "import typer"],
        "harpi --help": ["-m", "harpi", "--help"],
        "harpi --version": ["-m", "harpi", "--version"],
        "harpi config check": ["-m", "harpi", "config", "check"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, words in commands.items():
            begin = time.perf_counter()
            subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)
            seconds[name].append(time.perf_counter() - begin)
    bare = seconds["python -c pass"]
    for name, taken in seconds.items():
        table.add(
            command=name,
            **{
                "ms": Spread.of([1000 * each for each in taken]),
                "worst ms": 1000 * max(taken),
                "x python": Spread.of([a / b for a, b in zip(taken, bare, strict=True)]),
            },
        )
    return [table]
