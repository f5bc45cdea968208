"""A program that only looks into a store: `python -m tests.labs.rigs.store_reader STORE`."""

from __future__ import annotations

import sys
from pathlib import Path

from harpi.store.store import Store


def main() -> None:
    with Store(Path(sys.argv[1]), read_only=True) as store:
        takes = store.takes()
        samples = sum(len(run) for take in takes for run in store.samples(take.id))
        print(f"{len(takes)} take of {samples} samples")


if __name__ == "__main__":
    main()
