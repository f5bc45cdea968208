"""A real daemon, ended or held up by the system, short of memory, disk or a right clock."""

from __future__ import annotations

import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harpi.commands import Record, Status, Stop, Train
from harpi.controls.client import Client
from harpi.publish.messages import Condition
from harpi.store.store import FILE_NAME, Store
from tests.labs.campaign.device import Device, device
from tests.labs.campaign.result import Result
from tests.labs.campaign.said import gist
from tests.labs.rigs.clock import build as build_clock
from tests.labs.rigs.disk import build as build_disk
from tests.support.takes import ROOMY

RATE = 50
FIFO_FRAMES = 85
YEAR = 365 * 86400


@dataclass
class Outcome:
    """How a trial ended; what must not be is in `wrong`."""

    what: str
    said: str = "-"
    back: float | None = None
    lost: int | None = None
    unavoidable: int | None = None
    wrong: str = ""


def _settled(one: Device, kept: dict[int, str], head: int | None) -> str:
    """Tell what is missing of all that had been acknowledged."""
    now = one.kept()
    if missing := {number for number, digest in kept.items() if now.get(number) != digest}:
        return f"takes {sorted(missing)} are gone"
    if head is not None and one.head() not in (head, head + 1):
        return f"head {head} is not in use any more"
    return f"{one.tracebacks()} tracebacks in the log" if one.tracebacks() else ""


def _taught(one: Device) -> tuple[dict[int, str], int]:
    """Start it and teach it; give what is acknowledged then."""
    one.start()
    for label in ("walking", "sitting"):
        one.records(label, 8.0)
    said, head = one.trains(), one.head()
    if head is None:
        raise RuntimeError(said)
    return one.kept(), head


def killed(while_: str, chance: random.Random) -> Outcome:
    """SIGKILL while it is idle, records, or trains."""
    with device() as one:
        kept, head = _taught(one)
        if while_ == "recording":
            one.ask(Record(label="walking"))
            time.sleep(chance.uniform(2.5, 4.0))
        elif while_ == "training":
            one.ask(Train())
            time.sleep(chance.uniform(0.0, 0.5))
        one.signal(signal.SIGKILL)
        back = one.start()
        wrong = _settled(one, kept, head)
        what = "starts anew with all that was kept"
        if while_ == "recording":
            what += "; the take that was cut off is kept as interrupted"
            one.end()
            if not wrong and not _interrupted(one):
                wrong = "nothing is left of the take that was recorded"
        return Outcome(what, _newest(one), back, wrong=wrong)


def _interrupted(one: Device) -> bool:
    with Store(one.state / FILE_NAME, ROOMY) as store:
        return any("interrupted" in take.flags and take.count for take in store.takes())


def stopped(seconds: float) -> Outcome:
    """SIGSTOP, and SIGCONT some time later."""
    with device() as one:
        one.start()
        before = one.condition().health.sensor.samples
        one.signal(signal.SIGSTOP)
        time.sleep(seconds)
        one.signal(signal.SIGCONT)
        back = one.comes_back(
            lambda: one.condition().health.sensor.samples > before + RATE, "samples come"
        )
        sensor = one.condition().health.sensor
        unavoidable = max(0, int((seconds - FIFO_FRAMES / RATE) * RATE))
        wrong = "" if sensor.state == "running" else f"the sensor is {sensor.state}"
        what = "the FIFO has kept all" if not sensor.lost else "a gap, counted"
        return Outcome(
            what, _newest(one), back, sensor.lost, min(unavoidable, sensor.lost), wrong
        )


def short_of_memory() -> Outcome:
    """No byte more than it has; then it is told to train."""
    with device() as one:
        kept, head = _taught(one)
        ear, hand = Client(one.folder / "run"), Client(one.folder / "run")
        ear.begin_to_follow()
        hand.ask(Status())
        status = Path(f"/proc/{one.pid}/status").read_text()
        size = next(int(x.split()[1]) for x in status.splitlines() if x.startswith("VmSize"))
        _, hard = resource.prlimit(one.pid, resource.RLIMIT_AS)
        resource.prlimit(one.pid, resource.RLIMIT_AS, (1024 * size, hard))
        answer = hand.ask(Train())
        said = answer.message
        if answer.ok:
            said = next(event.message for event in ear.events() if event.outcome)
        refused = one.ask(Status())
        lost = hand.examine(Condition).health.sensor.lost
        ear.close()
        hand.close()
        resource.prlimit(one.pid, resource.RLIMIT_AS, (hard, hard))
        wrong = _settled(one, kept, head)
        again = one.trains()
        back = one.comes_back(lambda: one.condition().health.recognition.windows, "verdicts")
        if not refused.ok and "memory" not in refused.message:
            wrong = wrong or f"a client is put out without a reason: {refused.message}"
        what = f"sampling goes on; with memory again: {gist(again)}"
        return Outcome(what, gist(said), back, lost, 0, wrong)


def on_a_bad_disk(library: Path, how: str) -> Outcome:
    """A disk that fills up, cannot be written, or is slow, while takes are recorded."""
    with device() as one:
        if how == "read-only":
            _taught(one)
            one.end()
        one.environment = {
            "LD_PRELOAD": str(library),
            "DISK_FOLDER": str(one.state),
            **{
                "full": {"DISK_BYTES": "250000"},
                "read-only": {"DISK_READ_ONLY": "1"},
                "slow": {"DISK_SLOW": "300"},
            }[how],
        }
        kept = one.kept() if how == "read-only" else {}
        one.start()
        ear = Client(one.folder / "run")
        ear.begin_to_follow()
        said = ""
        for _ in range(10 if how == "full" else 2):
            answer = one.records("walking", 4.0)
            if answer.ok:
                kept = one.kept()
            else:
                said = answer.message
                if how == "full":  # the take ended by itself
                    said = next(event.message for event in ear.events() if not event.ok)
                break
        ear.close()
        lost = one.condition().health.sensor.lost
        one.end()
        one.environment = {}
        back = one.start()
        again = one.records("sitting", 4.0)
        wrong = _settled(one, kept, None)
        if not again.ok:
            wrong = wrong or f"nothing can be recorded on a good disk: {again.message}"
        if how != "slow" and not said:
            wrong = wrong or "nothing was said"
        what = {
            "full": f"{len(kept)} takes are kept, then recording is refused; it predicts on",
            "read-only": "predicts on with the old head; recording is refused",
            "slow": "takes are kept; nobody waits for the disk but who ends a take",
        }[how]
        return Outcome(what, gist(said) or "-", back, lost, 0, wrong)


def with_a_wrong_clock(library: Path, seconds: int) -> Outcome:
    """The system clock is set while a take is recorded."""
    with device() as one:
        clock = one.folder / "clock"
        clock.write_text("0")
        one.environment = {"LD_PRELOAD": str(library), "CLOCK_FILE": str(clock)}
        one.start()
        one.ask(Record(label="walking"))
        time.sleep(3.0)
        begun = time.monotonic()
        clock.write_text(str(seconds))
        windows = one.condition().health.recognition.windows
        back = one.comes_back(
            lambda: one.condition().health.recognition.windows > windows, "verdicts come"
        )
        time.sleep(max(0.0, 3.0 - (time.monotonic() - begun)))
        answer = one.ask(Stop())
        condition = one.condition()
        kept = one.kept()
        wrong = _settled(one, kept, None)
        if not answer.ok or not kept:
            wrong = wrong or f"the take is lost: {answer.message}"
        off = (condition.health.time.timestamp() - time.time()) - seconds
        if abs(off) > 60:
            wrong = wrong or f"times that are told are off by {off:.0f} s"
        what = "nothing but the times that are told from then on"
        return Outcome(what, "-", back, condition.health.sensor.lost, 0, wrong)


def _newest(one: Device) -> str:
    said = one.warnings()
    return gist(said[-1]) if said else "-"


def try_all(result: Result, chance: random.Random, quick: bool) -> None:
    """Try everything that the system does to a process; add a row for each."""
    with tempfile.TemporaryDirectory() as folder:
        disk, clock = build_disk(Path(folder)), build_clock(Path(folder))
        trials: list[tuple[str, int, Callable[[], Outcome]]] = [
            *(
                (f"SIGKILL while {doing}", 1 if quick else 2, lambda d=doing: killed(d, chance))
                for doing in ("idle", "recording", "training")
            ),
            *(
                (
                    f"SIGSTOP, and SIGCONT {t:g} s later",
                    1 if quick else 2,
                    lambda t=t: stopped(t),
                )
                for t in (0.5, 5.0)
            ),
            ("no more memory while it trains", 1, short_of_memory),
            ("disk full", 1, lambda: on_a_bad_disk(disk, "full")),
            ("disk read-only", 1, lambda: on_a_bad_disk(disk, "read-only")),
            ("disk slow: 0.3 s a sync", 1, lambda: on_a_bad_disk(disk, "slow")),
            ("system clock set on by a year", 1, lambda: with_a_wrong_clock(clock, YEAR)),
            ("system clock set back by a day", 1, lambda: with_a_wrong_clock(clock, -86400)),
        ]
        for words, times, trial in trials[:: 3 if quick else 1]:
            add_row(result, words, [trial() for _ in range(times)])


def add_row(result: Result, words: str, outcomes: list[Outcome]) -> None:
    """Sum the trials of one fault up."""
    for one in outcomes:
        if one.wrong:
            result.fail(f"{words}: {one.wrong}")
    back = sorted(one.back for one in outcomes if one.back is not None)
    lost = sorted(one.lost for one in outcomes if one.lost is not None)
    worst = max(outcomes, key=lambda one: (one.lost or 0) - (one.unavoidable or 0))
    result.add(
        words,
        len(outcomes),
        outcomes[0].what if not any(one.wrong for one in outcomes) else "see below",
        outcomes[0].said,
        f"{back[len(back) // 2]:.1f} s ({back[-1]:.1f} s)" if back else "-",
        f"{lost[len(lost) // 2]} ({lost[-1]})" if lost else "-",
        f"{worst.unavoidable} of {worst.lost}" if lost else "-",
        "none" if not any(one.wrong for one in outcomes) else "see below",
    )
    print(f"faults: {words}", file=sys.stderr, flush=True)
