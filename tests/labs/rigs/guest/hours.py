"""Hours of sampling in minutes: what they do to clocks and counters."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any, Final

import msgspec

from harpi.imu.emulator.bus import EmulatedBus
from harpi.imu.emulator.chip import Chip
from harpi.imu.emulator.motion import Playback
from harpi.publish.messages import Health
from harpi.timebase import SystemTime
from tests.labs.rigs.guest.board import Board, loopback_up
from tests.labs.rigs.guest.report import report
from tests.labs.rigs.wire import Adapter
from tests.support.broker import Broker, listening, running
from tests.support.command import end, running_harpi
from tests.support.device import recording

CLOCK_ERROR: Final = 0.004
"""The chip's clock runs 0.4 % fast."""

HOP_SECONDS: Final = 10.24
"""From one window to the next: a window costs more than the sampling of so long a time."""

SETTINGS: Final = {
    "device.id": "arm",
    "mqtt.host": Broker.host,
    "mqtt.health_seconds": 60,
    "signal.hop": 256,
}


def wait(seconds: float, process: subprocess.Popen[str]) -> None:
    """Let time pass, for as long as the process is there."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        time.sleep(min(left, 60.0))
        assert process.poll() is None, process.communicate()[1]


def work() -> dict[str, Any]:
    loopback_up()
    seconds = float(os.environ["RIG_SECONDS"])
    timebase = SystemTime()
    chip = Chip(Playback(recording()), timebase, clock_error=CLOCK_ERROR)
    Board(Adapter(EmulatedBus({0x68: chip}, timebase)))
    folder = Path("/tmp/broker")
    folder.mkdir()
    broker = Broker(folder)
    settings = {**SETTINGS, "mqtt.port": broker.port}
    words = [word for item in settings.items() for word in ("--set", "=".join(map(str, item)))]
    with (
        running(broker),
        listening(broker) as listener,
        running_harpi("run", *words) as process,
    ):
        wait(seconds, process)
        print(end(process))
        health = msgspec.json.decode(listener.of("health")[-1], type=Health)
        return {
            "ended": process.returncode,
            "states": len(listener.of("state")),
            "health": msgspec.to_builtins(health),
        }


if __name__ == "__main__":
    report(work)
