"""Feeds one target what the coverage-guided fuzzer makes; a process of its own.

python -m tests.labs.campaign.fuzz.worker MODULE TARGET TALLY FOLDER [OPTION OF LIBFUZZER ...]

Needs atheris. Ends at the first thing that the target must not do.
"""

from __future__ import annotations

import importlib
import mmap
import random
import resource
import sys
import time
from pathlib import Path
from typing import Final

import atheris

from tests.labs.campaign.fuzz.mutator import mutated
from tests.labs.campaign.fuzz.record import TALLY

MEMORY: Final = 512 << 20
"""Bytes that a target may need beside what it began with."""

SECONDS: Final = 2.0
"""Time of the processor that one input may take."""


def main() -> None:
    """Read the command line and feed."""
    module, name, tally, folder, *options = sys.argv[1:]
    with atheris.instrument_imports(include=["harpi", "tomllib", "zipfile", "h11"]):
        from tests.labs.campaign.fuzz.target import opened

        targets = importlib.import_module(module).TARGETS
    (target,) = (target for target in targets if target.name == name)
    with open(tally, "r+b") as file:  # noqa: PTH123 - mmap wants its number
        shared = mmap.mmap(file.fileno(), TALLY.size)
    count, slowest = 0, 0.0
    with opened(target, Path(folder)) as fed:
        for seed in target.seeds():
            fed(seed)
        before = _resident()
        _limit_memory()

        def feed(content: bytes) -> None:
            nonlocal count, slowest
            count += 1
            began = time.thread_time()
            try:
                fed(content)
            finally:
                spent = time.thread_time() - began
                slowest = max(slowest, spent)
                grown = 0 if count % 256 else _resident() - before
                TALLY.pack_into(
                    shared, 0, count, slowest, max(grown, TALLY.unpack_from(shared)[2])
                )
            if spent > SECONDS:
                raise TimeoutError(f"{spent:.1f} s for one input")

        mutate = _mutate if target.json else None
        atheris.Setup([sys.argv[0], *options], feed, custom_mutator=mutate)
        atheris.Fuzz()


def _mutate(content: bytes, largest: int, seed: int) -> bytes:
    """Change JSON as JSON every other time, and bytes as bytes the others."""
    chance = random.Random(seed)
    changed = mutated(content, chance) if chance.random() < 0.5 else None
    if changed is None or len(changed) > largest:
        return bytes(atheris.Mutate(content, largest))
    return changed


def _resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _limit_memory() -> None:
    """Let the operating system refuse what is beyond the limit."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


if __name__ == "__main__":
    main()
