"""How well the sampling goes, in figures, and whether the chip still measures."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

import numpy as np

from harpi.imu.plausibility import Finding
from harpi.types import TimeArray

SensorState = Literal["stopped", "running", "asleep", "recovering"]

_SPAN_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class SensorHealth:
    """The sampling's state; rate, jitter, lateness and bus share cover the last 10 s.

    Attributes:
        state: whether samples flow, the chip is asleep until something moves, or a fault is
            being recovered from.
        rate: samples per second that were delivered; 0 while unknown.
        jitter_s: standard deviation of the intervals between the times of the samples.
        lateness_s: worst delay of the sampling thread. It costs latency, never a sample,
            until it comes near the time that the FIFO takes to fill.
        clock_ppm: how much faster than nominal the chip samples, parts per million.
        samples: delivered since the start.
        lost: missing in the gaps, estimated from the length of each.
        gaps: how often samples were lost.
        recoveries: how often the chip was reset and configured anew.
        faults: how often something went wrong; each attempt to recover that fails counts.
        retries: transfers that had to be repeated.
        callback_errors: blocks of samples that their receiver failed on.
        bus_share: share of the time in which the bus was busy with the sensor, as measured
            around each transfer.
        bus_hertz: clock of the bus as the longest transfers show it; None where all are short.
        temperature: of the chip, °C, every half minute; None before the first samples.
        last_read: monotonic seconds of the last samples, or of the last look at a chip that is
            asleep; None before the first.
        error: the fault that is being recovered from, or the last one; None without any.
        findings: what the values show that cannot be true, now.
        saturated: samples at the end of the range, of the accelerometer and the gyroscope.
        disturbed: how often the chip's registers were found changed by somebody else.
        disturbance: what was changed the last time; None where nothing was.
    """

    state: SensorState = "stopped"
    rate: float = 0.0
    jitter_s: float = 0.0
    lateness_s: float = 0.0
    clock_ppm: float = 0.0
    samples: int = 0
    lost: int = 0
    gaps: int = 0
    recoveries: int = 0
    faults: int = 0
    retries: int = 0
    callback_errors: int = 0
    bus_share: float = 0.0
    bus_hertz: float | None = None
    temperature: float | None = None
    last_read: float | None = None
    error: str | None = None
    findings: tuple[Finding, ...] = ()
    saturated: tuple[int, int] = (0, 0)
    disturbed: int = 0
    disturbance: str | None = None


class _Drain(NamedTuple):
    """Running totals as they stood after one drain."""

    moment: float
    sample_time: float
    samples: int
    bus_seconds: float
    intervals: int
    deviation: float
    lateness: float


class HealthMeter:
    """Gathers the figures on the sampling thread and hands them out on any.

    The public attributes are counters of the sampling thread; see `SensorHealth`.
    """

    def __init__(self) -> None:
        self.state: SensorState = "stopped"
        self.samples = 0
        self.lost = 0
        self.gaps = 0
        self.recoveries = 0
        self.faults = 0
        self.callback_errors = 0
        self.temperature: float | None = None
        self.error: str | None = None
        self.disturbed = 0
        self.disturbance: str | None = None
        self._drains: deque[_Drain] = deque()
        self._looked: float | None = None
        self._lock = threading.Lock()

    def drained(
        self,
        times: TimeArray,
        period: float,
        *,
        moment: float,
        lateness: float,
        bus_seconds: float,
    ) -> None:
        """Take in one block of samples.

        Args:
            times: of the samples, float64 ``[n]``, and first of the one before them unless
                there is a gap between.
            period: seconds between samples, as estimated.
            moment: monotonic seconds when they were read.
            lateness: seconds by which that was later than planned.
            bus_seconds: what all transfers took so far.
        """
        deviation = np.diff(times) - period
        intervals, squares = len(deviation), float(deviation @ deviation)
        with self._lock:
            if self._drains:
                intervals += self._drains[-1].intervals
                squares += self._drains[-1].deviation
            self._drains.append(
                _Drain(
                    moment,
                    float(times[-1]),
                    self.samples,
                    bus_seconds,
                    intervals,
                    squares,
                    lateness,
                )
            )
            while self._drains[0].moment < moment - _SPAN_SECONDS:
                self._drains.popleft()

    def looked(self, moment: float) -> None:
        """Take note of a look at a chip that is asleep, at this monotonic moment."""
        with self._lock:
            self._looked = moment

    def snapshot(
        self, now: float, *, clock_ppm: float, retries: int, bus_hertz: float | None
    ) -> SensorHealth:
        """Give the figures as they stand at the monotonic moment `now`."""
        with self._lock:
            read = self._drains[-1].moment if self._drains else None
            last_read = max((m for m in (read, self._looked) if m is not None), default=None)
            drains = [drain for drain in self._drains if drain.moment >= now - _SPAN_SECONDS]
        health = SensorHealth(
            state=self.state,
            clock_ppm=clock_ppm,
            samples=self.samples,
            lost=self.lost,
            gaps=self.gaps,
            recoveries=self.recoveries,
            faults=self.faults,
            retries=retries,
            bus_hertz=bus_hertz,
            callback_errors=self.callback_errors,
            temperature=self.temperature,
            last_read=last_read,
            error=self.error,
            disturbed=self.disturbed,
            disturbance=self.disturbance,
        )
        if len(drains) < 2:
            return health
        first, last = drains[0], drains[-1]
        # Where samples flow, the times of the samples themselves are the better measure.
        seconds = now - first.moment
        if self.state == "running":
            seconds = last.sample_time - first.sample_time
        intervals = max(1, last.intervals - first.intervals)
        return replace(
            health,
            rate=(last.samples - first.samples) / seconds,
            jitter_s=max(0.0, (last.deviation - first.deviation) / intervals) ** 0.5,
            lateness_s=max(drain.lateness for drain in drains),
            bus_share=(last.bus_seconds - first.bus_seconds) / (last.moment - first.moment),
        )
