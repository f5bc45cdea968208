"""What a sensor that sleeps saves, and how soon it is awake: `sensor.rest_minutes`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from harpi.daemon import Daemon
from harpi.imu.emulator import Account, Chip, EmulatedBus, VirtualTime
from harpi.types import Samples
from tests.labs.benchmarks.effort import Effort
from tests.labs.benchmarks.table import Table
from tests.support.bench import Held
from tests.support.device import device_config

SECONDS = 300.0
TRIALS = 20


def measure(effort: Effort) -> list[Table]:
    """Let a sensor lie still, awake and asleep, and then move it at many moments."""
    table = Table(
        f"A sensor that lies still, {SECONDS:.0f} s of virtual time at 50 Hz and 400 kHz",
        note="bus: bits a second, and share of the time. first sample, first window: seconds "
        f"from the motion that wakes it, median and worst of {effort.rounds(TRIALS)}.",
    )
    trials = effort.rounds(TRIALS)
    with tempfile.TemporaryDirectory() as folder:
        awake = _Lying(Path(folder) / "awake", rest=False).costs()
        lying = _Lying(Path(folder) / "asleep", rest=True)
        asleep = lying.costs()
        samples, windows = zip(*(lying.wakes(0.07 * n) for n in range(trials)), strict=True)
    table.add(state="awake", **awake, **dict.fromkeys(("first sample", "first window"), "-"))
    table.add(
        state="asleep",
        **asleep,
        **{"first sample": _spread(samples), "first window": _spread(windows)},
    )
    table.add(
        state="awake / asleep",
        **{name: awake[name] / asleep[name] if asleep[name] else "-" for name in awake},
        **dict.fromkeys(("first sample", "first window"), "-"),
    )
    return [table]


class _Lying:
    """A daemon whose sensor lies still."""

    def __init__(self, folder: Path, *, rest: bool) -> None:
        self.time = VirtualTime()
        self.motion = Held(0, 0, 1, 0, 0, 0)
        self.chip = Chip(self.motion, self.time)
        self.bus = EmulatedBus({0x68: self.chip}, self.time)
        config = device_config(folder, sensor__rest_minutes=0.5 if rest else None)
        self.daemon = Daemon(config, bus=self.bus, timebase=self.time)
        self.daemon.open()
        self.daemon.play(60.0)

    def costs(self) -> dict[str, float]:
        self.bus.account = Account()
        samples, windows = self.chip.samples, self.daemon.recognition.windows
        self.daemon.play(SECONDS)
        self.bus.transfer(0x68, b"\x75", 1)
        return {
            "chip samples/s": (self.chip.samples - samples) / SECONDS,
            "transfers/s": self.bus.account.transfers / SECONDS,
            "bus bits/s": self.bus.account.bits / SECONDS,
            "bus %": 100 * self.bus.seconds / SECONDS,
            "windows/s": (self.daemon.recognition.windows - windows) / SECONDS,
        }

    def wakes(self, phase: float) -> tuple[float, float]:
        """Lay it down until it sleeps, move it, and wait for a sample and a window."""
        self.motion.become(0, 0, 1, 0, 0, 0)
        while self.daemon.health().sensor.state != "asleep":
            self.daemon.play(5.0)
        self.daemon.play(phase)
        moved, windows = self.time.monotonic(), self.daemon.recognition.windows
        times: list[float] = []

        def note(samples: Samples) -> None:
            times.append(float(samples.times[0]))

        self.daemon.stream.subscribe(Samples, note)
        self.motion.become(0.4, 0.2, 0.9, 30.0, 0.0, 0.0)
        while self.daemon.recognition.windows == windows:
            self.daemon.play(0.02)
        self.daemon.stream.unsubscribe(Samples, note)
        return times[0] - moved, self.time.monotonic() - moved


def _spread(seconds: tuple[float, ...]) -> str:
    return f"{np.median(seconds):.2f}, {max(seconds):.2f}"
