"""Sets a bare machine up and lets the doctor look at it, well and with faults planted in it."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from harpi.imu.emulator import Chip, EmulatedBus, Fault, FaultKind, FaultPlan, Still
from harpi.timebase import SystemTime
from tests.labs.rigs.guest.board import Board, loopback_up
from tests.labs.rigs.guest.manager import (
    HARPI,
    UNIT,
    eventually,
    harpi,
    settled,
    systemctl,
    told_with_journal,
)
from tests.labs.rigs.guest.report import report
from tests.labs.rigs.wire import Adapter
from tests.support.broker import Broker, running

ATTEMPTS: Final = 4
STATE: Final = Path("/var/lib/harpi")
BOOT_CONFIG: Final = Path("/boot/firmware/config.txt")
SETTINGS: Final = """
[learning]
labels = ["walking", "sitting"]
[buttons]
enabled = true
labels = [5, 6]
[leds]
enabled = true
"""
BUTTONS: Final = {"walking": 5, "sitting": 6, "train": 26, "undo": 12}
LIGHTS: Final = {"recording": 16, "training": 20, "status": 21}

Findings = dict[str, dict[str, Any]]


def sensor(*, address: int = 0x68, scl_hz: int = 400_000, **chip: Any) -> EmulatedBus:
    """A bus with a chip that lies still."""
    time = SystemTime()
    faults = chip.pop("faults", None)
    emulated = {address: Chip(Still(), time, **chip)}
    return EmulatedBus(emulated, time, scl_hz=scl_hz, faults=faults)


def examined(*words: str, user: str = "root") -> Findings:
    """What the doctor finds, and the code that it ends with."""
    done = harpi("doctor", "--json", *words, user=user)
    found = {row["check"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert found, done.stderr
    return {**found, "exit": {"code": done.returncode, "errors": done.stderr}}


def guided(board: Board, wires: dict[str, int]) -> Findings:
    """The same with somebody who presses the buttons as they are wired, and sees the lights."""
    with subprocess.Popen(
        [HARPI, "doctor", "--json", "--guided"],
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()))
        reader.start()
        said = ""
        while letter := process.stderr.read(1):
            said += letter
            if said.endswith("let go.\n"):
                board.press(wires[said.split("'")[1]])
                said = ""
            elif said.endswith("] "):
                lit = [light for light, pin in LIGHTS.items() if board.lit(pin)]
                process.stdin.write(f"{lit[0] if lit else 'none'}\n")
                process.stdin.flush()
                said = ""
        reader.join()
    return {row["check"]: row for row in map(json.loads, lines)}


@contextmanager
def small_disk() -> Iterator[None]:
    """Let the state be on a disk that is nearly full."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", STATE], check=True)
    try:
        heads = STATE / "heads"
        heads.mkdir()
        (heads / "head-1.safetensors").write_bytes(b"no tensors")
        (heads / "shelf.json").write_text('{"format": 1, "current": 1, "last": 1}')
        yield
    finally:
        subprocess.run(["umount", STATE], check=True)


def _in_peace(examine: Callable[[], Findings]) -> Findings:
    """Examine until nothing failed, some times at most.

    The bus is answered by a process that shares the only processor with whoever asks, and a
    busy host makes it late; a real fault stays.
    """
    for _ in range(ATTEMPTS - 1):
        findings = examine()
        if not any(finding.get("grade") == "failure" for finding in findings.values()):
            return findings
    return examine()


def only(findings: Findings, names: Sequence[str]) -> Findings:
    return {name: findings[name] for name in names}


def work() -> dict[str, Any]:
    found: dict[str, Any] = {}
    loopback_up()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/usr/local/bin"], check=True)
    adapter = Adapter(sensor())
    board = Board(adapter)
    settled()
    setup = subprocess.run(
        [HARPI, "setup", "--program", HARPI], cwd="/", capture_output=True, text=True
    )
    assert setup.returncode == 0, setup.stderr
    (Path("/etc/harpi/harpi.d") / "rig.toml").write_text(SETTINGS)
    folder = Path("/tmp/broker")
    folder.mkdir()

    with running(Broker(folder, port=1883)):
        systemctl("restart", UNIT)
        eventually(lambda: harpi("status", "--json").returncode == 0, "harpi answers")
        found["stale"] = only(examined(), ["config.txt"])
        long_ago = BOOT_CONFIG.stat().st_mtime - 10_000
        os.utime(BOOT_CONFIG, (long_ago, long_ago))
        found["beside"] = _in_peace(examined)
        systemctl("stop", UNIT)
        found["alone"] = _in_peace(lambda: guided(board, BUTTONS))

    adapter.bus = sensor(address=0x69)
    with small_disk():
        found["wrong address, full disk, no broker, corrupt head"] = only(
            examined(), ["address", "disk", "broker", "head"]
        )
    adapter.bus = sensor(who_am_i=0x98, scl_hz=50_000)
    swapped = {**BUTTONS, "walking": BUTTONS["sitting"], "sitting": BUTTONS["walking"]}
    found["clone, slow bus, swapped buttons"] = only(
        guided(board, swapped), ["chip", "bus clock", "buttons", "lights"]
    )
    adapter.bus = sensor(faults=FaultPlan(Fault(FaultKind.BROWNOUT, probability=1.0)))
    found["asleep"] = only(examined(), ["awake"])
    adapter.bus = sensor()
    found["no permission"] = only(examined(user="harpi"), ["permissions", "bus"])
    board.attach(0x68)
    found["kernel driver"] = only(examined(), ["address"])
    return found


if __name__ == "__main__":
    report(told_with_journal(work))
