"""A program that uses a store in all ways and says after each step what must now be there.

Run as `python -m tests.labs.rigs.store_workload STORE ACKNOWLEDGED ROUNDS`. Each line that it
appends to ACKNOWLEDGED is a promise: `{"durable": [take, samples]}` while a take is recorded,
`{"kept": ...}` with everything that is kept, after each step.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from harpi.errors import StoreError
from harpi.store.store import Store
from tests.support.takes import ROOMY, signal, take_of

Kept = dict[str, list[Any]]


def kept_in(store: Store) -> Kept:
    """Everything that is kept, by the number of the take; interrupted ones left out."""
    return {
        str(take.id): [take.label, take.digest, take.deleted is not None, take.keep_to]
        for take in store.takes(deleted=None)
        if "interrupted" not in take.flags
    }


def work(path: Path, acknowledged: int, rounds: int) -> None:
    """Add, record, change, delete, undo, import and purge, `rounds` times over."""

    def promise(what: object) -> None:
        os.write(acknowledged, json.dumps(what).encode() + b"\n")

    for turn in range(rounds):
        with Store(path, ROOMY) as store:
            session = store.new_session()
            promise({"kept": kept_in(store)})
            added = store.add(take_of("sitting", session), [signal(1.5, seed=turn)])
            promise({"kept": kept_in(store)})

            writer = store.begin(take_of("walking", session))
            for second in range(4):
                block = signal(1.0, seed=second, begin=1000.0 + second)
                durable = writer.append(block)
                promise({"durable": [writer.take.id, durable]})
            recorded = writer.finish()
            assert recorded is not None
            promise({"kept": kept_in(store)})

            with store.stage() as staging:
                for seed in range(10 * turn, 10 * turn + 3):
                    staging.add(take_of("standing", session), [signal(0.5, seed=seed)])
                store.keep_staged(staging.written())
            promise({"kept": kept_in(store)})

            for step in (
                lambda number=recorded.id: store.relabel([number], "running"),
                lambda number=recorded.id: store.trim(number, keep_to=2.0),
                lambda number=added.id: store.delete([number]),
                store.undo,
                lambda: store.undo(whole=True),
                store.purge,
            ):
                step()
                promise({"kept": kept_in(store)})


def main() -> None:
    path, acknowledged, rounds = sys.argv[1:]
    descriptor = os.open(acknowledged, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        work(Path(path), descriptor, int(rounds))
    except StoreError as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
