"""A device that is taught for some days, and says after each step what must now be there.

Run as `python -m tests.labs.rigs.cycle_workload FOLDER ROUNDS`. The state is in
FOLDER/state; each line appended to FOLDER/promises is a promise:
`{"kept": {take: digest}, "head": number}`, where
the head is the one in use.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from harpi.commands import Command, Delete, Record, Stop, Train, Undo, Use
from harpi.daemon import Daemon
from harpi.imu.emulator import Chip, EmulatedBus, VirtualTime
from harpi.learning.heads import HeadRegistry
from harpi.learning.models import HEADS
from harpi.store.store import FILE_NAME, Store
from tests.labs.rigs.store_workload import kept_in
from tests.support.device import device_config
from tests.support.stage import Stage
from tests.support.takes import ROOMY

LABELS = ("walking", "sitting", "standing")


def what_is_kept(state: Path) -> dict[str, Any]:
    """Everything that a person counts on: the takes, and the head in use."""
    with Store(state / FILE_NAME, ROOMY, read_only=True) as store:
        return {"kept": kept_in(store), "head": HeadRegistry(state / HEADS).current}


def teach(folder: Path, rounds: int) -> None:
    """Record, change one's mind, train, take new heads into use, `rounds` times over."""
    time = VirtualTime(1000.0)
    stage = Stage(time)
    bus = EmulatedBus({0x68: Chip(stage, time, seed=1)}, time)
    config = device_config(
        folder, learning__labels=list(LABELS), learning__epochs=20, store__keep_free_mb=0
    )
    daemon = Daemon(config, bus=bus, timebase=time)
    daemon.open()
    state = config.paths.state_folder
    descriptor = os.open(folder / "promises", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def promise() -> None:
        os.write(descriptor, json.dumps(what_is_kept(state)).encode() + b"\n")

    def say(command: Command) -> None:
        answer = daemon.session.command(command, "wearer")
        assert answer.ok, answer.message
        promise()

    promise()
    for turn in range(rounds):
        for label in LABELS:
            stage.perform(label, turn % 2)
            say(Record(label=label))
            daemon.play(8.0)
            say(Stop())
        if turn:
            newest = max(map(int, what_is_kept(state)["kept"]))
            say(Delete(takes=(newest,)))
            say(Undo())
        say(Train())
        while daemon.session.situation.state == "training":
            daemon.play(0.64)
        promise()
        if turn % 3 == 2:
            say(Use())  # the head that was in use before
    daemon.stop()
    promise()


def main() -> None:
    folder, rounds = sys.argv[1:]
    teach(Path(folder), int(rounds))


if __name__ == "__main__":
    main()
