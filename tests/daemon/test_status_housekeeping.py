"""The watchdog is fed by progress, and reports are made in time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harpi.daemon.status import GIVE_BACK_SECONDS, Housekeeping
from harpi.imu.emulator.virtual_time import VirtualTime
from harpi.imu.health import SensorHealth
from harpi.systemd import Notifier


class Sampling:
    """A sampler whose progress a test decides."""

    def __init__(self) -> None:
        self.now = SensorHealth(state="running")

    def read_at(self, moment: float) -> None:
        self.now = replace(self.now, last_read=moment)

    def health(self) -> SensorHealth:
        return self.now


class Notes(Notifier):
    """A way to systemd that remembers what was said."""

    def __init__(self, watchdog: float | None = None) -> None:
        micros = "" if watchdog is None else str(int(watchdog * 1e6))
        super().__init__({"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": micros})
        self.said: list[str] = []

    def _send(self, message: str) -> None:
        self.said.append(message)


def make(
    sampling: Sampling, notes: Notes, timebase: VirtualTime, every: float = 10.0
) -> Housekeeping:
    return Housekeeping(
        sampling,
        notes,
        timebase,
        watch=lambda health: None,
        report=lambda health: f"read at {health.last_read}",
        report_seconds=every,
    )


def test_an_attempt_to_get_the_sensor_back_feeds_the_watchdog_and_is_told() -> None:
    sampling, notes, timebase = Sampling(), Notes(30.0), VirtualTime()
    housekeeping = make(sampling, notes, timebase)
    for faults in (0, 1, 1, 2):
        sampling.now = replace(sampling.now, state="recovering", faults=faults)
        housekeeping.tick()
        timebase.advance(1.0)
    assert notes.said == ["WATCHDOG=1", "STATUS=read at None", "WATCHDOG=1"]


def test_the_watchdog_is_fed_by_every_read_and_by_no_tick_alone() -> None:
    sampling, notes, timebase = Sampling(), Notes(30.0), VirtualTime()
    housekeeping = make(sampling, notes, timebase, every=1e6)
    housekeeping.tick()
    assert notes.said == []
    for moment in (1.0, 1.0, 2.0, 2.0, 2.0):
        timebase.advance(1.0)
        sampling.read_at(moment)
        housekeeping.tick()
    assert notes.said.count("WATCHDOG=1") == 2


def test_reports_begin_with_the_first_samples_and_go_on_when_they_stop() -> None:
    sampling, notes, timebase = Sampling(), Notes(), VirtualTime()
    housekeeping = make(sampling, notes, timebase, every=10.0)
    for second in range(35):
        if second == 5:
            sampling.read_at(5.0)
        housekeeping.tick()
        timebase.advance(1.0)
    assert [line for line in notes.said if line.startswith("STATUS")] == [
        "STATUS=read at 5.0"
    ] * 3


@pytest.mark.parametrize(
    ("watchdog", "every", "period"),
    [(None, 10.0, 1.0), (30.0, 10.0, 1.0), (2.0, 10.0, 0.5), (30.0, 0.2, 0.2)],
)
def test_ticks_come_often_enough(watchdog: float | None, every: float, period: float) -> None:
    assert make(Sampling(), Notes(watchdog), VirtualTime(), every).period == period


def test_memory_is_given_back_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    given_back: list[float] = []
    timebase = VirtualTime()
    monkeypatch.setattr(
        "harpi.daemon.status.give_back_memory",
        lambda: given_back.append(timebase.monotonic()),
    )
    housekeeping = make(Sampling(), Notes(), timebase)
    for _ in range(12):
        timebase.advance(GIVE_BACK_SECONDS / 4)
        housekeeping.tick()
    assert len(given_back) == 3
