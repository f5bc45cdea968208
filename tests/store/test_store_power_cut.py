"""The power goes at any moment: the store is whole, and holds all that was promised."""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from harpi.errors import StoreError
from harpi.store.store import Store
from tests.labs.rigs.disk import Event, build, read_log, run_on
from tests.labs.rigs.power_cut import Fate, files_after_cut
from tests.labs.rigs.store_workload import kept_in
from tests.support.takes import ROOMY, signal

STATES = int(os.environ.get("HARPI_CRASH_STATES", "400"))
"""States that are tried; set it higher for a long night."""

pytestmark = pytest.mark.compiler


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("disk"))


@pytest.fixture(scope="module")
def events(library: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """Everything that a working program did to its files, promises included."""
    folder = tmp_path_factory.mktemp("recorded")
    log = folder.with_suffix(".log")
    done = run_on(
        library,
        folder,
        "tests.labs.rigs.store_workload",
        str(folder / "takes.db"),
        str(folder / "promises"),
        "2",
        log=log,
    )
    assert done.returncode == 0, done.stderr
    return [event for event in read_log(log) if not event.name.endswith("-shm")]


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder in memory where there is one: thousands of states are written and opened."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@dataclass
class Promises:
    """What had been promised when the power went, and what was about to be."""

    kept: dict[str, Any]
    next_kept: dict[str, Any]
    durable: tuple[int, int] | None

    @classmethod
    def at(cls, events: Sequence[Event], cut: int) -> Promises:
        def said(part: Sequence[Event]) -> list[dict[str, Any]]:
            return [json.loads(e.data) for e in part if e.name == "promises" and e.op == "w"]

        before, after = said(events[:cut]), said(events[cut:])
        kept = [p["kept"] for p in before if "kept" in p]
        last = kept[-1] if kept else {}
        following = [p["kept"] for p in after if "kept" in p]
        durable = before[-1].get("durable") if before else None
        return cls(
            last, following[0] if following else last, tuple(durable) if durable else None
        )


def test_no_power_cut_damages_the_store_or_loses_what_was_promised(
    events: list[Event], scratch: Path
) -> None:
    chance = random.Random(4)
    on_disk = [event for event in events if event.name != "promises"]
    index = np.cumsum([event.name != "promises" for event in events])
    cuts = [(cut, fate) for cut in range(1, len(events) + 1) for fate in get_args(Fate)]
    assert len(events) > 300
    for cut, fate in chance.sample(cuts, min(STATES, len(cuts))) + chance.choices(
        [(cut, "some") for cut, _ in cuts], k=max(0, STATES - len(cuts))
    ):
        shutil.rmtree(scratch / "state", ignore_errors=True)
        (scratch / "state").mkdir()
        for name, content in files_after_cut(on_disk[: index[cut - 1]], fate, chance).items():
            (scratch / "state" / name).write_bytes(content)
        check(scratch / "state" / "takes.db", Promises.at(events, cut))


def check(path: Path, promised: Promises) -> None:
    with Store(path, ROOMY) as store:
        assert store.damage() == []
        kept = kept_in(store)
        assert kept in (promised.kept, promised.next_kept)
        interrupted = [t for t in store.takes() if "interrupted" in t.flags]
        assert len(interrupted) <= 1
        if promised.durable and str(promised.durable[0]) not in kept:
            assert [t.id for t in interrupted] == [promised.durable[0]]
            assert interrupted[0].count >= promised.durable[1]
        for take in interrupted:
            (run,) = store.samples(take.id)
            recorded = np.concatenate([signal(1.0, seed=s).values for s in range(4)])
            np.testing.assert_array_equal(run.values, recorded[: len(run)])


# --- a disk that is full, or cannot be written ------------------------------------------------


def test_a_full_disk_is_said_and_costs_nothing_that_was_promised(
    library: Path, tmp_path: Path
) -> None:
    refused = 0
    for room in (20_000, 120_000, 150_000, 180_000, 240_000):
        folder = tmp_path / str(room)
        folder.mkdir()
        promises = tmp_path / f"{room}.promises"
        done = run_on(
            library,
            folder,
            "tests.labs.rigs.store_workload",
            str(folder / "takes.db"),
            str(promises),
            "1",
            room=room,
        )
        if done.returncode == 0:
            continue
        refused += 1
        assert done.stderr.startswith("StoreFull: "), done.stderr
        assert "the disk is full" in done.stderr
        said = [json.loads(line) for line in promises.read_text().splitlines()]
        kept: dict[str, Any] = ([{}] + [p["kept"] for p in said if "kept" in p])[-1]
        with Store(folder / "takes.db", ROOMY) as store:
            assert store.damage() == []
            assert kept_in(store) == kept
            store.add(store_take(store), [signal()])
    assert refused >= 3


def store_take(store: Store) -> Any:
    from tests.support.takes import take_of

    return take_of(session=store.new_session())


def test_a_disk_that_cannot_be_written_is_said_and_can_still_be_read(
    library: Path, tmp_path: Path
) -> None:
    path = tmp_path / "disk" / "takes.db"
    with Store(path, ROOMY) as store:
        store.add(store_take(store), [signal()])
    before = path.read_bytes()
    arguments = (library, path.parent, "tests.labs.rigs.store_workload")
    done = run_on(*arguments, str(path), str(tmp_path / "promises"), "1", read_only=True)
    assert done.stderr.startswith("StoreError: "), done.stderr
    assert "read-only" in done.stderr
    looked = run_on(
        library, path.parent, "tests.labs.rigs.store_reader", str(path), read_only=True
    )
    assert looked.stdout == "1 take of 100 samples\n", looked.stderr
    assert path.read_bytes() == before


def test_a_folder_in_which_no_store_can_be_made_is_said(library: Path, tmp_path: Path) -> None:
    done = run_on(
        library,
        tmp_path,
        "tests.labs.rigs.store_workload",
        str(tmp_path / "new" / "takes.db"),
        str(tmp_path.parent / "promises"),
        "1",
        read_only=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("StoreError: "), done.stderr


def test_the_rig_itself_notices_a_store_that_does_not_sync(
    events: list[Event], scratch: Path
) -> None:
    """Without its syncs the same program loses what it promised: the replayer sees it."""
    chance = random.Random(4)
    unsynced = [e for e in events if e.op != "s" and e.name != "promises"]
    for name, content in files_after_cut(unsynced, "none", chance).items():
        (scratch / name).write_bytes(content)
    with pytest.raises((AssertionError, StoreError)):
        check(scratch / "takes.db", Promises.at(events, len(events)))
