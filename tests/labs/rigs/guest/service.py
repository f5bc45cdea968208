"""Works the machine that systemd runs: starts harpi, hangs it, stops it, and looks.

It runs as a service beside harpi's, with the sensor and the pins in it.
"""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import msgspec

from harpi.publish.messages import State
from harpi.timebase import SystemTime
from tests.labs.rigs.guest.board import Board
from tests.labs.rigs.guest.manager import (
    PATIENCE,
    UNIT,
    command,
    eventually,
    settled,
    shown,
    systemctl,
    told_with_journal,
)
from tests.labs.rigs.guest.report import report
from tests.labs.rigs.wire import Adapter
from tests.support.broker import Broker, listening, running
from tests.support.device import emulated


def takes() -> list[dict[str, Any]]:
    """List the takes that are kept."""
    listed: list[dict[str, Any]] = json.loads(command("takes", "list", "--json"))
    return listed


def work() -> dict[str, Any]:
    found: dict[str, Any] = {}
    Board(Adapter(emulated(SystemTime())))
    settled()
    open_to_all = Path("/var/lib/open")
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    Path("/dev/i2c-answered").chmod(0o666)

    # Ready, without a broker and without a network.
    started = systemctl("start", UNIT)
    found["start"] = {"code": started.returncode, "said": started.stderr, **shown()}

    # It hangs in the middle of a take; the watchdog finds out.
    found["recorded"] = command("record", "walking", "--seconds", "6")
    found["begun"] = command("record", "sitting")
    time.sleep(4.0)
    before = shown()
    os.kill(int(before["MainPID"]), signal.SIGSTOP)
    hung = time.monotonic()
    eventually(lambda: shown()["NRestarts"] == "1", "the watchdog restarts harpi")
    eventually(lambda: shown()["ActiveState"] == "active", "harpi is ready again")
    found["restart"] = {"seconds": time.monotonic() - hung, "before": before, **shown()}
    found["takes"] = takes()

    # The broker comes, late.
    folder = Path("/tmp/broker")
    folder.mkdir()
    broker = Broker(folder, port=1883)
    with running(broker), listening(broker) as listener:
        listener.wait_for("state", 2, PATIENCE)
        state = msgspec.json.decode(listener.of("state")[-1], type=State)
        found["state"] = {"sequence": state.sequence, "knn": state.knn.trained}

        # The end.
        begun = time.monotonic()
        systemctl("stop", UNIT)
        found["stop"] = {"seconds": time.monotonic() - begun, **shown()}
        listener.wait_for("status", 2, PATIENCE)
        found["status"] = [payload.decode() for payload in listener.of("status")]
    found["left"] = sorted(path.name for path in Path("/run").glob("harpi/*"))

    found["probe"] = systemctl("start", "probe.service").returncode
    found["permissions"] = json.loads(Path("/tmp/probe.json").read_text() or "{}")
    return found


if __name__ == "__main__":
    report(told_with_journal(work))
