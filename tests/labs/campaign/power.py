"""The power goes at any moment of a device that records, trains and swaps heads."""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from harpi import shipped
from harpi.errors import HarpiError
from harpi.learning.heads import HeadRegistry
from harpi.learning.models import BASE, HEADS
from harpi.recognition.model_file import ModelFile
from harpi.store.store import FILE_NAME, Store
from tests.labs.campaign.result import Result
from tests.labs.rigs.disk import Event, build, read_log, run_on
from tests.labs.rigs.power_cut import Fate, files_after_cut
from tests.labs.rigs.store_workload import kept_in
from tests.support.takes import ROOMY

STATES = 5000
QUICK_STATES = 400
ROUNDS = 4

BAD = ("corrupt", "lost", "headless")
"""What must never be found; the first of it is told, all is counted."""

_FATES: dict[Fate, str] = {
    "none": "none of them",
    "all": "all of them",
    "some": "some, torn, in any order",
}


@dataclass(frozen=True)
class Counted:
    """What somebody counts on: the takes by their numbers, and the head in use."""

    kept: dict[str, Any]
    head: int | None


@dataclass(frozen=True)
class Recorded:
    """A life of a device as its disk saw it.

    Attributes:
        events: all changes of its files; those of the promises left out.
        cuts: for each moment, how many of the events were before it, what had been promised
            by then, and what was promised next.
    """

    events: list[Event]
    cuts: list[tuple[int, Counted, Counted]]


def record(rounds: int) -> Recorded:
    """Let a device be taught on a disk that remembers."""
    with tempfile.TemporaryDirectory() as name:
        folder, log = Path(name) / "disk", Path(name) / "log"
        (folder / "state").mkdir(parents=True)
        library = build(Path(name))
        done = run_on(
            library,
            folder,
            "tests.labs.rigs.cycle_workload",
            str(folder),
            str(rounds),
            log=log,
            seconds=600,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return _sorted_out([e for e in read_log(log) if not e.name.endswith("-shm")])


def _sorted_out(events: Sequence[Event]) -> Recorded:
    kept: list[Event] = []
    promises: list[tuple[int, Counted]] = [(0, Counted({}, None))]
    for event in events:
        if event.name == "promises":
            if event.op == "w":
                promises.append((len(kept), Counted(**json.loads(event.data))))
        else:
            kept.append(event)
    cuts = []
    for cut in range(1, len(kept) + 1):
        said = sum(at <= cut for at, _ in promises)
        before = promises[said - 1][1]
        cuts.append((cut, before, promises[min(said, len(promises) - 1)][1]))
    return Recorded(kept, cuts)


def run(seed: int, quick: bool) -> Result:
    """Try thousands of states that a power cut can leave."""
    recorded = record(2 if quick else ROUNDS)
    return cut_power(recorded, seed, QUICK_STATES if quick else STATES)


def cut_power(recorded: Recorded, seed: int, states: int) -> Result:
    """Try that many states of the disk of a recorded life."""
    chance = random.Random(seed)
    fates = get_args(Fate)
    everything = [(*cut, fate) for cut in recorded.cuts for fate in fates]
    chosen = chance.sample(everything, min(states, len(everything)))
    chosen += chance.choices(
        [one for one in everything if one[-1] == "some"], k=states - len(chosen)
    )
    base = ModelFile.read(shipped.path(BASE))
    result = Result(
        "Power cuts",
        ("writes not yet synced", "crash states", "corrupt", "acknowledged takes lost",
         "no usable head", "head found"),
    )  # fmt: skip
    tried: Counter[tuple[Fate, str]] = Counter()
    memory = Path("/dev/shm")  # thousands of states are written
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        state = Path(name) / "state"
        for number, (cut, before, after, fate) in enumerate(chosen, 1):
            shutil.rmtree(state, ignore_errors=True)
            state.mkdir()
            for path, content in files_after_cut(recorded.events[:cut], fate, chance).items():
                (Path(name) / path).parent.mkdir(parents=True, exist_ok=True)
                (Path(name) / path).write_bytes(content)
            found = _look(state, base, before, after)
            if found in BAD and not any(tried[f, bad] for f in fates for bad in BAD):
                result.fail(f"{found} after change {cut} of {len(recorded.events)} ({fate})")
            tried[fate, "states"] += 1
            tried[fate, found] += 1
            if number % 1000 == 0:
                print(f"power: {number} of {len(chosen)}", file=sys.stderr, flush=True)
    for fate in fates:
        heads = ", ".join(f"{which} {tried[fate, which]}" for which in ("old", "new", "none"))
        result.add(
            _FATES[fate],
            tried[fate, "states"],
            tried[fate, "corrupt"],
            tried[fate, "lost"],
            tried[fate, "headless"],
            heads,
        )
    swaps = len({before.head for _, before, _ in recorded.cuts}) - 1
    takes = max(len(before.kept) for _, before, _ in recorded.cuts)
    result.note = (
        f"Seed {seed}: {len(chosen)} states of the disk of a device that recorded {takes} "
        f"takes and used {swaps} heads, one after the other, after each of its "
        f"{len(recorded.events)} changes of a file. Writes reach the disk in sectors of 512 "
        "bytes; new names and directories only when the directory around them is synced."
    )
    return result


def _look(state: Path, base: ModelFile, before: Counted, after: Counted) -> str:
    """Start from a state as the daemon does; tell what there is."""
    try:
        with Store(state / FILE_NAME, ROOMY) as store:
            if store.damage():
                return "corrupt"
            kept = kept_in(store)
    except HarpiError:
        return "corrupt"
    # A take that is being recorded or changed may be there already or not yet.
    promised = {number: what for number, what in before.kept.items() if number in after.kept}
    if any(kept.get(n) not in (what, after.kept[n]) for n, what in promised.items()):
        return "lost"
    loaded = HeadRegistry(state / HEADS).load(base)
    if loaded.notice:
        return "corrupt"
    if loaded.number is None:
        return "headless" if before.head is not None else "none"
    if loaded.number == before.head:
        return "old"
    return "new" if loaded.number == after.head else "lost"
