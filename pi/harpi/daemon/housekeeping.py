"""What has to be done now and then: feed the watchdog, tell how things are, tidy the memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Protocol

from harpi.imu.health import SensorHealth
from harpi.memory import give_back_memory
from harpi.systemd import Notifier
from harpi.timebase import Timebase

LONGEST_PERIOD: Final = 1.0
GIVE_BACK_SECONDS: Final = 3600.0
"""How often freed memory is given back: takes that are shown or purged leave some behind."""
_JOIN_SECONDS: Final = 1.0


class Source(Protocol):
    """Where the figures come from; the sampler is one."""

    def health(self) -> SensorHealth:
        """Say how the sampling goes."""
        ...


class Housekeeping:
    """Feeds systemd's watchdog by the progress of the sampling, and reports now and then.

    The watchdog is fed when samples were read since it was fed last, or when an attempt to
    get the sensor back came to its end, and not otherwise: a daemon whose sampling hangs is
    restarted, one whose sensor is missing goes on looking for it.

    Either `start` it on a thread of its own, or call `tick` often enough.

    Args:
        source: shows the progress of the sampling.
        notifier: the way to systemd.
        timebase: what to wait on.
        watch: gets the figures at every tick.
        report: called every `report_seconds`, and gives the line for `systemctl status`.
        report_seconds: how often.
    """

    def __init__(
        self,
        source: Source,
        notifier: Notifier,
        timebase: Timebase,
        *,
        watch: Callable[[SensorHealth], object],
        report: Callable[[SensorHealth], str],
        report_seconds: float,
    ) -> None:
        self._source = source
        self._notifier = notifier
        self._timebase = timebase
        self._watch = watch
        self._report = report
        self._report_seconds = report_seconds
        self._next_report = timebase.monotonic()
        self._next_giving_back = self._next_report + GIVE_BACK_SECONDS
        self._progress: tuple[float | None, int] = (None, 0)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        watchdog = notifier.watchdog_seconds or 4 * LONGEST_PERIOD
        self.period = min(LONGEST_PERIOD, watchdog / 4, report_seconds)
        """Seconds between two ticks."""

    def tick(self) -> None:
        """Do what is due."""
        health = self._source.health()
        self._watch(health)
        progress = (health.last_read, health.faults)
        if progress != self._progress:
            self._progress = progress
            self._notifier.alive()
        now = self._timebase.monotonic()
        begun = health.last_read is not None or health.faults > 0
        if now >= self._next_report and begun:
            self._next_report = now + self._report_seconds
            self._notifier.status(self._report(health))
        if now >= self._next_giving_back:
            self._next_giving_back = now + GIVE_BACK_SECONDS
            give_back_memory()

    def start(self) -> None:
        """Tick on a thread until `stop`."""
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; harmless when there is none."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        while not self._timebase.wait(self._stop, self.period):
            self.tick()
