"""Every fault of the bus and of the chip, at every transfer of the start and of the loop."""

from __future__ import annotations

import random
import statistics
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from harpi.imu.emulator import (
    Chip,
    EmulatedBus,
    Fault,
    FaultKind,
    FaultPlan,
    Still,
    VirtualTime,
)
from harpi.imu.emulator.bus import ERRNO
from harpi.imu.mpu6050 import Mpu6050
from harpi.imu.sampler import Sampler
from harpi.types import Samples
from tests.labs.campaign.result import Result
from tests.labs.campaign.said import gist, listening_to_the_log

RATE = 50
HOP_SECONDS = 0.64
FIFO_FRAMES = 85
RESET_SECONDS = 0.13
"""What the chip itself needs: its reset, and the start of its gyroscopes."""

BEGIN = 100.0
LOOP_SECONDS = 12.0
"""Of the loop every transfer is tried; that covers two checks of the configuration."""

SECONDS = 30.0
"""How long each case goes on."""

WORDS = {
    FaultKind.NACK: "the address is not acknowledged",
    FaultKind.CLOCK_STRETCH: "a transfer breaks off half-way",
    FaultKind.TIMEOUT: "the controller gives up",
    FaultKind.STUCK: "the bus is held low",
    FaultKind.ABSENT: "the adapter is gone",
    FaultKind.DENIED: "no permission any more",
    FaultKind.BUSY: "a kernel driver claims the chip",
    FaultKind.CORRUPT_ID: "the chip says it is another",
    FaultKind.FROZEN: "the values are frozen",
    FaultKind.BROWNOUT: "brownout: the chip sleeps and has forgotten everything",
    FaultKind.OVERFLOW: "the FIFO runs over, its frames are out of step",
    FaultKind.CLOCK_ERROR: "the chip's clock jumps by 3 %",
}

TOLD = {
    FaultKind.HELD,
    FaultKind.STUCK_AT,
    FaultKind.DRY,
    FaultKind.FLOODING,
    FaultKind.MEDDLED,
}
"""What no driver gets over by itself: `tests/imu` plants each, and sees that it is named."""


@dataclass(frozen=True)
class Case:
    """One kind of fault, and how long it lasts."""

    kind: FaultKind
    transfers: int | None = None
    seconds: float | None = None

    @property
    def words(self) -> str:
        if self.seconds is not None:
            return f"{WORDS[self.kind]}, for {self.seconds:g} s"
        if self.transfers is not None:
            return f"{WORDS[self.kind]}, {self.transfers} transfer" + "s" * (self.transfers > 1)
        return WORDS[self.kind]

    def fault(self, transfer: int) -> Fault:
        """Let it begin at a transfer."""
        return Fault(
            self.kind,
            transfer=transfer,
            transfers=self.transfers,
            seconds=self.seconds,
            value=0.03 if self.kind is FaultKind.CLOCK_ERROR else 0.0,
        )


def cases() -> Iterator[Case]:
    """All kinds of `WORDS`; those of the bus once, for more than are repeated, and for long."""
    for kind in WORDS:
        if kind in ERRNO:
            yield Case(kind, transfers=1)
            yield Case(kind, transfers=4)
            yield Case(kind, seconds=5.0)
        elif kind in (FaultKind.CORRUPT_ID, FaultKind.FROZEN):
            yield Case(kind, seconds=5.0)
        else:
            yield Case(kind)


class _Plan(FaultPlan):
    """Remembers from when to when something was wrong."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(*faults)
        self.begun: float | None = None
        self.ended = 0.0

    def at_transfer(self, number: int, now: float) -> tuple[list[Fault], list[Fault]]:
        begun, holding = super().at_transfer(number, now)
        if begun:
            self.begun = now
        if holding:
            self.ended = now
        return begun, holding


class _Ending(VirtualTime):
    """Time that comes to an end: then every wait says that it is told to stop."""

    def __init__(self, start: float, end: float) -> None:
        super().__init__(start)
        self.over = threading.Event()
        self._end = end

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        if self.monotonic() >= self._end:
            self.over.set()
            return True
        return super().wait(stop, seconds)


@dataclass(frozen=True)
class Ran:
    """How one case ran.

    Attributes:
        said: what was logged, in short.
        back: seconds from the end of the fault to the next samples.
        lost: samples.
        unavoidable: of them, that no driver could have had.
        wrong: what must not be; empty where all went well.
    """

    said: tuple[str, ...]
    back: float
    lost: int
    unavoidable: int
    wrong: str


class Sensor:
    """A sampled chip in virtual time, as the daemon has it under systemd."""

    def __init__(self, *faults: Fault, seconds: float = SECONDS) -> None:
        self.time = _Ending(BEGIN, BEGIN + seconds)
        self.plan = _Plan(*faults)
        self.chip = Chip(Still(), self.time, seed=1)
        self.bus = EmulatedBus({0x68: self.chip}, self.time, faults=self.plan)
        self.blocks: list[Samples] = []
        self.delivered: list[float] = []
        self.transfers: list[int] = []
        driver = Mpu6050(self.bus, self.time, rate=RATE)
        self.sampler = Sampler(driver, self.time, self._receive, hop_seconds=HOP_SECONDS)

    def _receive(self, samples: Samples) -> None:
        self.blocks.append(samples)
        self.delivered.append(self.time.monotonic())
        self.transfers.append(self.bus.account.transfers)

    def run(self) -> tuple[str, ...]:
        """Sample until time is over; give what was logged."""
        with listening_to_the_log() as said:
            self.sampler.start(patient=True)
            self.time.over.wait()
            return tuple(said)


def points() -> tuple[range, range]:
    """Give the numbers of the transfers of the start, and of some seconds of the loop."""
    sensor = Sensor(seconds=LOOP_SECONDS)
    sensor.run()
    first = sensor.transfers[0]
    return range(first), range(first, sensor.bus.account.transfers)


def try_one(case: Case, transfer: int) -> Ran:
    """Let one fault happen, and see what becomes of it."""
    sensor = Sensor(case.fault(transfer))
    said = sensor.run()
    plan, health = sensor.plan, sensor.sampler.health()
    assert plan.begun is not None
    ended = plan.begun + case.seconds if case.seconds else plan.ended
    back = [moment for moment in sensor.delivered if moment > ended]
    # Frozen values are told of, and handed on: from here nobody knows better.
    settled = ended + 2 * HOP_SECONDS if case.kind is FaultKind.FROZEN else 0.0
    wrong = what_is_wrong(sensor, settled)
    return Ran(
        said=said,
        back=back[0] - ended if back else float("inf"),
        lost=health.lost,
        unavoidable=min(health.lost, _unavoidable(case, sensor, plan.begun, ended)),
        wrong=wrong,
    )


def _unavoidable(case: Case, sensor: Sensor, begun: float, ended: float) -> int:
    """Count what is lost by physics: what the FIFO cannot hold, or holds no more."""
    before = [
        b.times[-1]
        for b, at in zip(sensor.blocks, sensor.delivered, strict=True)
        if at <= begun
    ]
    if not before:
        return 0  # nothing had begun that could be interrupted
    waiting = (begun - float(before[-1])) * RATE
    if case.kind is FaultKind.BROWNOUT:
        return int(waiting + RESET_SECONDS * RATE)
    if case.kind is FaultKind.OVERFLOW:
        return int(waiting)
    if case.kind in ERRNO:
        return max(0, int((ended - float(before[-1])) * RATE) - FIFO_FRAMES)
    return 0


def what_is_wrong(sensor: Sensor, settled: float = 0.0) -> str:
    """Tell what must not be; values count from the moment at which the fault was over."""
    health = sensor.sampler.health()
    if not sensor.blocks or health.state != "running":
        return f"sampling is {health.state} at the end"
    blocks = [b for b, at in zip(sensor.blocks, sensor.delivered, strict=True) if at > settled]
    values = np.concatenate([block.values for block in blocks])
    if (
        np.abs(values - [0, 0, 1, 0, 0, 0])[:, :3].max() > 0.15
        or np.abs(values[:, 3:]).max() > 3
    ):
        return "values are out of step"
    times = np.concatenate([block.times for block in sensor.blocks])
    if (np.diff(times) <= 0).any():
        return "time goes back"
    starts = np.cumsum([len(block) for block in sensor.blocks])[:-1] - 1
    flagged = {int(i) for i, b in zip(starts, sensor.blocks[1:], strict=True) if b.gap}
    if not set(np.flatnonzero(np.diff(times) > 1.5 / RATE).tolist()) <= flagged:
        return "a gap is not flagged"
    if health.lost and not health.error:
        return "samples were lost and nothing was said"
    return ""


def try_all(result: Result, chance: random.Random, quick: bool) -> None:
    """Try every fault at every point; add a row for each fault."""
    start, loop = points()
    for case in cases():
        chosen: Sequence[int] = [*start, *loop]
        if quick:
            chosen = [*chance.sample(start, 2), *chance.sample(loop, 4)]
        ran = [try_one(case, transfer) for transfer in chosen]
        for transfer, one in zip(chosen, ran, strict=True):
            if one.wrong:
                result.fail(f"{case.words}, at transfer {transfer}: {one.wrong}")
        said = Counter(gist(text) for one in ran for text in one.said)
        worst = max(ran, key=lambda one: one.lost - one.unavoidable)
        most = max(one.lost for one in ran)
        back = sorted(one.back for one in ran)
        result.add(
            case.words,
            len(ran),
            "samples again" if not any(one.wrong for one in ran) else "see below",
            "; ".join(f"{text}" for text, _ in said.most_common(1)) or "nothing",
            f"{statistics.median(back):.1f} s ({back[-1]:.1f} s)",
            f"{statistics.median(one.lost for one in ran):.0f} ({most})",
            f"{worst.unavoidable} of {worst.lost}",
            "none",
        )
        print(f"faults: {case.words}", file=sys.stderr, flush=True)
