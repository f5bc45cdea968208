"""A chip whose clock runs wrong or wanders, and a thread that comes late."""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass

import numpy as np

from harpi.imu.emulator import Fault, FaultKind
from tests.imu.rig import Rig
from tests.labs.campaign.result import Result

HOP = {"hop_seconds": 0.64}
FIFO_FRAMES = 85
SETTLE_SECONDS = 20.0


@dataclass(frozen=True)
class Timed:
    """How well the times of the samples were known, in seconds, and what was lost."""

    error: float
    lost: int
    running: bool


def drift(rate: int, changes: list[tuple[float, float]]) -> Timed:
    """Let a chip's clock be off by so much from a moment on, one after the other."""
    faults = [Fault(FaultKind.CLOCK_ERROR, at=100.0 + at, value=off) for at, off in changes]
    rig = Rig(*faults, rate=rate, sampler=HOP)
    rig.run(changes[-1][0] + SETTLE_SECONDS)
    rig.blocks.clear()
    rig.run(60.0)
    health = rig.sampler.health()
    error = float(np.abs(rig.time_errors()).max())
    return Timed(error, health.lost, health.state == "running")


def stall(rate: int, seconds: float) -> tuple[int, int, bool]:
    """Let the thread that reads stand still; give what is lost, what must be, and how it is."""
    rig = Rig(rate=rate, sampler=HOP)
    rig.run(5.0)
    waiting = rig.time.monotonic() - float(rig.times[-1])
    rig.time.advance(seconds)
    rig.run(5.0)
    health = rig.sampler.health()
    unavoidable = max(0, int((waiting + seconds) * rate) - FIFO_FRAMES)
    flagged = sum(rig.gaps) == health.gaps
    return health.lost, min(unavoidable, health.lost), health.state == "running" and flagged


def try_all(result: Result, _chance: random.Random, quick: bool) -> None:
    """Try drifts and stalls; add a row for each."""
    rates = (50,) if quick else (25, 50, 200, 1000)
    for words, changes, limit in (
        ("the chip's clock is 5 % fast", [(0.0, 0.05)], 1e-3),
        ("the chip's clock is 5 % slow", [(0.0, -0.05)], 1e-3),
        ("the chip's clock wanders by 0.01 % a minute", _wandering(1e-4 / 60), 1e-3),
        ("the chip's clock wanders by 0.5 % a minute", _wandering(5e-3 / 60), 5e-3),
    ):
        timed = [drift(rate, changes) for rate in rates]
        worst = max(one.error for one in timed)
        if not all(one.running for one in timed) or any(one.lost for one in timed):
            result.fail(f"{words}: samples were lost")
        if worst > limit:
            result.fail(f"{words}: times are off by {1000 * worst:.1f} ms")
        what = f"follows it; times are off by {1000 * worst:.1f} ms at most"
        lost = max(one.lost for one in timed)
        result.add(words, len(rates), what, "-", "-", f"{lost} ({lost})", "0 of 0", "none")
    for seconds in (0.5, 10.0):
        stalls = [stall(rate, seconds) for rate in rates]
        words = f"the reading thread stands still for {seconds:g} s"
        if not all(well for *_, well in stalls):
            result.fail(f"{words}: it is not accounted for")
        lost, unavoidable, _ = max(stalls)
        what = "samples again, a gap is flagged" if lost else "nothing: the FIFO holds it"
        row = (words, len(rates), what, "-" if not lost else OVERFLOW, "-")
        result.add(*row, f"{stalls[0][0]} ({lost})", f"{unavoidable} of {lost}", "none")
        print(f"faults: {words}", file=sys.stderr, flush=True)


def _wandering(per_second: float) -> list[tuple[float, float]]:
    """Let a clock run ever faster, for ten minutes."""
    return [(6.0 * step, 6.0 * step * per_second) for step in range(100)]


OVERFLOW = "MPU-6050 at 0x68: the FIFO is full (1024 bytes). The samples in it are lost."
