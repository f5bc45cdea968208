"""A week of a device in virtual time: worn, taught, troubled by faults, and asleep at night.

The daemon runs whole in this process, on an emulated chip in virtual time, with a real broker,
a real store, and trainings on a thread of their own. What is drawn by the seed is when what
happens; how far time goes on during a training, and while a broker is found again, depends on
the computer, since these take real time.
"""

from __future__ import annotations

import logging
import math
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from harpi.commands import Command, Delete, Purge, Record, Stop, Train
from harpi.daemon import Daemon
from harpi.imu.emulator import Chip, EmulatedBus, Fault, FaultKind, VirtualTime
from harpi.publish.messages import LinkFigures
from harpi.store.store import FILE_NAME, Store
from harpi.types import Verdict
from tests.labs.campaign.bus import WORDS
from tests.labs.campaign.result import Result
from tests.support.broker import Broker, running, wait_until
from tests.support.device import device_config
from tests.support.stage import Stage
from tests.support.takes import ROOMY

LABELS = ("walking", "sitting", "standing", "lying")
TAKES_KEPT = 24
HOUR = 3600.0

LASTING = {
    FaultKind.NACK: (0.01, 900.0),
    FaultKind.TIMEOUT: (0.5, 60.0),
    FaultKind.STUCK: (1.0, 60.0),
    FaultKind.ABSENT: (1.0, 60.0),
    FaultKind.DENIED: (1.0, 60.0),
    FaultKind.BUSY: (1.0, 60.0),
    FaultKind.CORRUPT_ID: (1.0, 60.0),
    FaultKind.FROZEN: (5.0, 60.0),
}
"""How many seconds a fault may last, at least and at most; the others happen in a moment."""

RSS_GROWTH = 1.05
"""Times the memory of the third day that it may be at the end."""

SLOWER = 1.5
"""Times the computing time of a window on the third day that it may be at the end."""


@dataclass(frozen=True)
class Days:
    """How long a soak is.

    Attributes:
        count: of days.
        length: of a day, seconds.
        worn: of them the sensor is worn.
        takes, trainings, faults, outages: a day.
    """

    count: int = 7
    length: float = 24 * HOUR
    worn: float = 1.5 * HOUR
    takes: int = 12
    trainings: int = 2
    faults: int = 24
    outages: int = 4


WEEK = Days()
SOME_HOURS = Days(
    count=4, length=0.75 * HOUR, worn=0.25 * HOUR, trainings=1, faults=8, outages=2
)


@dataclass
class Day:
    """What one day was like; `lateness` in virtual, `computing` in the computer's seconds."""

    lateness: list[float] = field(default_factory=list)
    computing: list[float] = field(default_factory=list)
    takes: int = 0
    trainings: int = 0
    faults: int = 0
    outages: int = 0


class Life:
    """A device, its wearer and its broker.

    Args:
        folder: for all files.
        broker: runs.
        seed: chooses what happens when.
    """

    def __init__(self, folder: Path, broker: Broker, seed: int) -> None:
        self.chance = random.Random(seed)
        self.broker = broker
        self.time = VirtualTime(1000.0)
        self.stage = Stage(self.time)
        self.bus = EmulatedBus({0x68: Chip(self.stage, self.time, seed=seed)}, self.time)
        config = device_config(
            folder,
            sensor__rest_minutes=1.0,
            learning__labels=list(LABELS),
            store__keep_free_mb=0,
            mqtt__enabled=True,
            mqtt__host=broker.host,
            mqtt__port=broker.port,
            mqtt__history__settle_seconds=0.2,
            mqtt__history__per_second=10_000.0,
        )
        self.store = config.paths.state_folder / FILE_NAME
        self.daemon = Daemon(config, bus=self.bus, timebase=self.time)
        self.daemon.stream.subscribe(Verdict, self._note)
        self.day = Day()
        self.kept: dict[int, str] = {}
        self.refused: list[str] = []

    def _note(self, verdict: Verdict) -> None:
        self.day.lateness.append(self.time.monotonic() - verdict.window.end)
        self.day.computing.append(sum(verdict.latencies.values()))

    def lives(self, days: Days) -> Day:
        """Live through a day: get up, do this and that, lay the sensor down."""
        self.day = Day()
        end = self.time.monotonic() + days.length
        deeds = self._plan(days)
        for moment, do in sorted(deeds, key=lambda deed: deed[0]):
            self.daemon.play(max(0.0, moment - self.time.monotonic()))
            do()
        self.daemon.play(max(0.0, end - self.time.monotonic()))
        self._tidy_up()
        return self.day

    def _plan(self, days: Days) -> list[tuple[float, Callable[[], None]]]:
        chance, now = self.chance, self.time.monotonic()
        up = now + chance.uniform(0.1, 0.2) * days.length
        down = up + days.worn
        deeds: list[tuple[float, Callable[[], None]]] = [(down, self.stage.take_off)]

        def at_any_time(count: int, do: Callable[[], None], begin: float, end: float) -> None:
            deeds.extend((chance.uniform(begin, end), do) for _ in range(count))

        deeds.append((up, self._moves))
        at_any_time(round(days.worn / 600), self._moves, up, down - 60)
        at_any_time(days.takes, self._records, up, down - 120)
        at_any_time(days.trainings, self._trains, up + days.worn / 2, down - 60)
        at_any_time(days.faults, self._fails, now, now + days.length - 120)
        at_any_time(days.outages, self._loses_broker, now, now + 0.9 * days.length)
        return deeds

    def _moves(self) -> None:
        self.stage.perform(self.chance.choice(LABELS), self.chance.randrange(2))

    def _records(self) -> None:
        label = self.chance.choice(LABELS)
        self.stage.perform(label, self.chance.randrange(2))
        if not self._says(Record(label=label)):
            return
        self.daemon.play(self.chance.uniform(10.0, 40.0))
        self._says(Stop())
        self.day.takes += 1
        with Store(self.store, ROOMY, read_only=True) as store:
            self.kept = {take.id: take.digest for take in store.takes()}

    def _trains(self) -> None:
        if self._says(Train()):
            self.day.trainings += 1
            while self.daemon.session.situation.state == "training":
                self.daemon.play(0.64)

    def _fails(self) -> None:
        kind = self.chance.choice(list(WORDS))
        seconds = self.chance.uniform(*LASTING[kind]) if kind in LASTING else None
        value = self.chance.uniform(-0.02, 0.02) if kind is FaultKind.CLOCK_ERROR else 0.0
        now = self.time.monotonic()
        self.bus.faults.add(Fault(kind, at=now, seconds=seconds, value=value))
        self.day.faults += 1

    def _loses_broker(self) -> None:
        self.day.outages += 1
        if self.chance.random() < 0.5:
            self.broker.kill()
            self.daemon.play(self.chance.uniform(1.0, 300.0))
            self.broker.start()
        else:
            self.broker.freeze()
            self.daemon.play(self.chance.uniform(1.0, 300.0))
            self.broker.thaw()

    def _tidy_up(self) -> None:
        """Keep the newest takes only, as somebody does whose disk is small."""
        old = sorted(self.kept)[:-TAKES_KEPT]
        if old and self._says(Delete(takes=tuple(old))):
            self._says(Purge(takes=tuple(old), confirmed=True))
            self.kept = {n: digest for n, digest in self.kept.items() if n not in old}

    def comes_to_rest(self) -> LinkFigures:
        """Wait until the broker is found again; real time, in which nothing happens here."""
        publisher = self.daemon.publisher
        assert publisher is not None
        wait_until(
            lambda: publisher.connected and not publisher.figures().waiting, "all sent", 60
        )
        return publisher.figures()

    def _says(self, command: Command) -> bool:
        answer = self.daemon.session.command(command, "wearer")
        if not answer.ok:
            self.refused.append(answer.message)
        return answer.ok


@dataclass(frozen=True)
class Held:
    """What the process holds."""

    rss_mb: float
    descriptors: int
    threads: int
    store_mb: float

    @classmethod
    def now(cls, folder: Path) -> Held:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        return cls(
            pages * os.sysconf("SC_PAGESIZE") / 1e6,
            len(list(Path("/proc/self/fd").iterdir())),
            threading.active_count(),
            size / 1e6,
        )


def run(seed: int, quick: bool) -> Result:
    """Let a device live for a week, or for some hours."""
    return soak(seed, SOME_HOURS if quick else WEEK)


def soak(seed: int, days: Days) -> Result:
    """Let a device live for some days."""
    result = Result(
        f"{days.count} days of {days.length / HOUR:g} hours in virtual time",
        (
            "day", "windows", "takes", "trainings", "faults", "outages", "samples lost",
            "memory, MB", "descriptors", "threads", "files, MB", "latency (99 %), ms",
            "computing a window, ms",
        ),
    )  # fmt: skip
    begun, cpu = time.perf_counter(), time.process_time()
    logging.disable(logging.CRITICAL)  # thousands of faults are told of
    try:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            (folder / "broker").mkdir()
            broker = stack.enter_context(running(Broker(folder / "broker")))
            life = Life(folder, broker, seed)
            life.daemon.open()
            stack.callback(life.daemon.stop)
            _live(life, days, folder / "state", result)
    finally:
        logging.disable(logging.NOTSET)
    minutes = (time.perf_counter() - begun) / 60
    result.note = (
        f"Seed {seed}. The sensor is worn for {days.worn / HOUR:g} hours a day and asleep "
        "for most of the others, until a fault or motion wakes it; at 50 samples a second this "
        f"took {minutes:.0f} minutes, "
        f"{(time.process_time() - cpu) / 60:.0f} of them on the processor. An outage is a "
        "broker that is killed or frozen for up to five minutes. Memory, descriptors and "
        "threads are those of the process with the whole daemon and the emulator; files are "
        f"takes (the newest {TAKES_KEPT} are kept), heads and what waits for the broker. "
        "Latency is virtual time from the last sample of a window to its verdict, computing "
        "the median of what the three models took of this computer, whatever else it did."
    )
    return result


def _live(life: Life, days: Days, folder: Path, result: Result) -> None:
    marks: list[tuple[Held, float, float]] = []
    lost = 0
    for number in range(1, days.count + 1):
        day = life.lives(days)
        link = life.comes_to_rest()
        held = Held.now(folder)
        lateness = 1000 * float(np.quantile(day.lateness, 0.99))
        computing = 1000 * float(np.median(day.computing))
        marks.append((held, lateness, computing))
        total = life.daemon.health().sensor.lost
        result.add(
            number, len(day.computing), day.takes, day.trainings, day.faults, day.outages,
            total - lost, f"{held.rss_mb:.0f}", held.descriptors, held.threads,
            f"{held.store_mb:.1f}", f"{lateness:.0f}", f"{computing:.1f}",
        )  # fmt: skip
        lost = total
        if link.given_up:
            result.fail(f"day {number}: {link.given_up} numbered messages were given up")
        print(f"soak: {' | '.join(result.rows[-1])}", file=sys.stderr, flush=True)
    # From here on there are as many takes as ever, and old ones have been purged.
    settled = math.ceil(TAKES_KEPT / days.takes)
    _judge(marks[min(settled, len(marks) - 1)], marks[-1], result)
    if life.daemon.health().sensor.state not in ("running", "asleep", "recovering"):
        result.fail("the sampling has ended")
    with Store(life.store, ROOMY) as store:
        if store.damage():
            result.fail(f"the store is damaged: {store.damage()}")
        there = {take.id: take.digest for take in store.takes()}
    if missing := {n for n, digest in life.kept.items() if there.get(n) != digest}:
        result.fail(f"takes that were acknowledged are missing: {sorted(missing)}")


def _judge(
    first: tuple[Held, float, float], last: tuple[Held, float, float], result: Result
) -> None:
    (before, late_before, cost_before), (after, late_after, cost_after) = first, last
    if after.rss_mb > RSS_GROWTH * before.rss_mb:
        result.fail(f"memory grew from {before.rss_mb:.0f} to {after.rss_mb:.0f} MB")
    for what in ("descriptors", "threads"):
        if getattr(after, what) > getattr(before, what):
            result.fail(f"{what} grew from {getattr(before, what)} to {getattr(after, what)}")
    if after.store_mb > 2 * before.store_mb:
        result.fail(f"files grew from {before.store_mb:.1f} to {after.store_mb:.1f} MB")
    if late_after > 1.1 * late_before:
        result.fail(f"latency grew from {late_before:.0f} to {late_after:.0f} ms")
    if cost_after > SLOWER * cost_before:
        result.fail(f"computing a window grew from {cost_before:.1f} to {cost_after:.1f} ms")
