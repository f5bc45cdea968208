"""The page `docs/benchmarks.md`, from what was measured."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence

from tests.labs.benchmarks import surroundings
from tests.labs.benchmarks.effort import Effort
from tests.labs.benchmarks.register import BENCHMARKS
from tests.labs.benchmarks.table import Table

HEAD = """\
# Benchmarks

Written by `python -m tests.labs.benchmarks --write docs/benchmarks.md`, all in one run on one
computer. On yours:

```console pi
$ make bench
$ make bench BENCH="--quick bus features"
```

The first call sets up `.venv-bench` from `requirements/bench.lock`, with everything that harpi
is compared with (2.3 GB, most of it TensorFlow); all benchmarks together take a quarter of an
hour on a computer that does nothing else, with `--quick` a fifth of the repetitions. They run
in `.venv` as well (`.venv/bin/python -m tests.labs.benchmarks`), and name what is missing
there as not run.

What is compared is measured in turns, so that whatever else the computer does falls on all of
them alike; a figure in brackets is the middle half of what was measured. Times of computing are
CPU times, with one thread for each library, unless a table says otherwise. Read the ratios: a
Raspberry Pi is slower by a factor that is much the same for all of them.

- Computer: {machine}
- Versions: {versions}
"""

PARTIAL = (
    "\n**Measured with a share of {share:g} of the repetitions; read it as a rehearsal.**\n"
)


def page(
    measured: Mapping[str, Sequence[Table]],
    loads: Mapping[str, str],
    machine: str,
    effort: Effort,
) -> str:
    """Put the tables together.

    Args:
        measured: tables by the name of their benchmark.
        loads: average load of the machine when each was through.
        machine: how the machine was when the run began.
        effort: with which was measured.
    """
    head = HEAD.format(machine=machine, versions=surroundings.versions())
    parts = [head + (PARTIAL.format(share=effort.share) if effort.share < 1 else "")]
    for name, tables in measured.items():
        about = inspect.getdoc(BENCHMARKS[name]) or ""
        title, _, text = about.partition("\n\n")
        command = f"`python -m tests.labs.benchmarks {name}`"
        parts.append(f"## {title.rstrip('.')}\n\n{command}, load average {loads[name]}\n")
        if text:
            parts.append(f"{text}\n")
        parts += [table.markdown() for table in tables]
    return "\n".join(parts).rstrip() + "\n"
