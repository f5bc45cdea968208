"""The sampling loop: from the chip's FIFO to `Samples` with times, whatever happens."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from harpi.errors import ChipNotConfigured, FifoOverflow, HarpiError, SensorError, WrongChip
from harpi.imu.clock import ChipClock, DrainSchedule
from harpi.imu.health import HealthMeter, SensorHealth
from harpi.imu.napping import POLL_SECONDS
from harpi.imu.plausibility import REMEDY as IMPLAUSIBLE_REMEDY
from harpi.imu.plausibility import SignalWatch
from harpi.imu.sensor import Batch, Latch, Sensor
from harpi.supervisor import Supervisor
from harpi.timebase import Timebase
from harpi.types import AXES, Samples, TimeArray

log = logging.getLogger(__name__)

LATE_SECONDS: Final = 0.05
"""By how much the thread may be late without a loss, where the FIFO has room for that and for
what is fetched at once: a slow card or a busy processor holds a program up for so long."""

_HASTE: Final = 1.05
"""How much faster than nominal the chip may fill its FIFO."""

_SHARPNESS_SECONDS: Final = 3e-4
_SHARPNESS_PERIODS: Final = 0.025
"""Within which the next sample shall be foreseen, the wider of the two; else a count is spent
on it."""

_MOST_STEPS: Final = 8
_HUNT_SECONDS: Final = 1e-3
"""Longest step between two counts while the very first sample is waited for."""

_OVERDUE_SECONDS: Final = 0.1
"""How late samples may be before the chip is taken to have failed."""

_BARREN_STARTS: Final = 3
"""Starts of the FIFO in a row that bring no sample before it is done without."""

_FIRST_PAUSE: Final = 0.1
_LAST_PAUSE: Final = 5.0
_PAUSE_SHARE: Final = 0.25
"""Between two attempts to get a sensor back: this share of the time that it has been gone."""

_JOIN_SECONDS: Final = 1.0
_QUIET_SECONDS: Final = 60.0
_QUIETEST_SECONDS: Final = 3600.0
"""Faults of one kind are told of once in this time, which doubles from the first to the second
while they last; the health figures count them all."""

_TEMPERATURE_SECONDS: Final = 30.0


class Sampler:
    """Keeps a chip sampling and hands on what it measures.

    It empties the FIFO just after the sample that completes a window. A thread that comes
    late costs latency but no samples, as long as the FIFO does not run over. Whatever goes
    wrong on the bus or in the chip is recovered from, for as long as it takes, with a gap where
    samples were lost; sampling never gives up.

    Either `start` it on a thread of its own, or call `drain` at every `next_drain`.

    Args:
        chip: the chip; the sampler starts it, and puts it to sleep at the end.
        timebase: what to wait on.
        on_samples: gets every block of samples, on the sampling thread, so it must be quick;
            what it raises is logged and counted, and sampling goes on.
        batch: samples to fetch at once; where None, all of one hop, in equal parts of at most
            half a FIFO, and of less where the rest would be full within `LATE_SECONDS`.
        hop_seconds: from one window to the next; where None, the largest part is fetched.
        first_window_seconds: signal that the first window after a gap needs.
        check_seconds: how often the configuration is read back.
        may_nap: whether the chip may sleep now, where it was told to; asked on the sampling
            thread, again and again while it sleeps.
        on_doubt: told, on the sampling thread, from when to when samples that were handed on
            are not to be believed, and why.
        supervisor: sees what goes wrong on the thread.

    Attributes:
        watch: judges what the sensor shows.
    """

    def __init__(
        self,
        chip: Sensor,
        timebase: Timebase,
        on_samples: Callable[[Samples], None],
        *,
        batch: int | None = None,
        hop_seconds: float | None = None,
        first_window_seconds: float = 0.0,
        check_seconds: float = 5.0,
        may_nap: Callable[[], bool] = lambda: True,
        on_doubt: Callable[[float, float, str], None] = lambda _begin, _end, _why: None,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._supervisor = supervisor or Supervisor()
        self._chip = chip
        self._timebase = timebase
        self._on_samples = on_samples
        self._batch = batch
        self._hop_seconds = hop_seconds
        self._first_window_seconds = first_window_seconds
        self._check_seconds = check_seconds
        self._may_nap = may_nap
        self._on_doubt = on_doubt
        self._nap_wanted = False
        self._napped = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._clock = ChipClock(chip.rate)
        self._meter = HealthMeter()
        self.watch = SignalWatch(chip.rate, chip.ranges, bandwidth=chip.bandwidth)
        self._frozen = False
        self._barren = 0
        self._checked = timebase.monotonic()
        self._awaiting_samples = False
        self._last_time: float | None = None
        self._number = 0
        self._sharpness = _SHARPNESS_SECONDS
        self._chip_in_doubt = False
        self._fifo_in_doubt = False
        self._failing_since: float | None = None
        self._told: dict[str, tuple[float, float]] = {}
        self._schedule = DrainSchedule(1)
        self.next_drain = self._next_check = self._next_temperature = timebase.monotonic()
        """Monotonic seconds at which `drain` should be called next."""

    # --- the thread ---------------------------------------------------------------------

    def start(self, *, patient: bool = False) -> None:
        """Start the chip, then sample on a thread until `stop`.

        Args:
            patient: where the chip does not start, go on trying on the thread.

        Raises:
            SensorError: the chip does not start, and `patient` is off; nothing was left
                running.
        """
        try:
            self._begin()
        except SensorError as error:
            if not patient:
                raise
            self._recover_from(error)
        self._stop.clear()
        self._thread = self._supervisor.thread(self._run, "sampler", vital=True)
        self._thread.start()

    def stop(self) -> None:
        """End sampling and put the chip to sleep; harmless when it does not run."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_JOIN_SECONDS)
            if self._thread.is_alive():
                log.warning("%s: a transfer still hangs in the kernel", self._chip.where)
                return
            self._thread = None
        if self._meter.state != "stopped":
            self._meter.state = "stopped"
            self._chip.close()

    def nap(self) -> None:
        """Let the chip sleep until something moves, or `may_nap` says no; from any thread.

        Samples stop, and go on with a gap that counts as none: nothing was lost in it. A chip
        that cannot sleep samples on.
        """
        self._nap_wanted = True

    def _run(self) -> None:
        while not self._timebase.wait(self._stop, self.next_drain - self._timebase.monotonic()):
            try:
                self.drain()
            except Exception as error:
                # No fault of the sensor; but what it was in the middle of is in doubt.
                self._recover_from(
                    ChipNotConfigured(
                        f"a fault in harpi ({type(error).__name__})", where=self._chip.where
                    )
                )
                raise

    def health(self) -> SensorHealth:
        """Say how the sampling goes; from any thread."""
        figures = self._meter.snapshot(
            self._timebase.monotonic(),
            clock_ppm=self._clock.error_ppm,
            retries=self._chip.retries,
            bus_hertz=self._chip.bus_hertz,
        )
        state = figures.state
        if state == "running" and self._failing_since is not None:
            state = "recovering"  # it was started anew, and no sample has come yet
        return replace(
            figures,
            state=state,
            findings=self.watch.current,
            saturated=self.watch.saturated,
        )

    # --- one step -----------------------------------------------------------------------

    def drain(self) -> None:
        """Do the step that is due: start the chip, look for a sample, or fetch a batch.

        Raises:
            SensorError: the very first start of the chip failed. Later faults are logged,
                counted, and recovered from in the following steps.
        """
        if self._meter.state == "stopped":
            self._begin()
            return
        try:
            if self._meter.state == "recovering":
                self._get_back()
            elif self._meter.state == "asleep":
                self._look_for_motion()
            else:
                self._step()
                if self._nap_wanted:
                    self._fall_asleep()
        except FifoOverflow as overflow:
            self._after_overflow(overflow)
        except HarpiError as error:
            self._recover_from(error)

    def _begin(self) -> None:
        moment = self._started()
        self._next_check = moment + self._check_seconds
        self._next_temperature = moment
        self._resume(moment)

    def _started(self) -> float:
        """Start the chip; give the moment of its first sample at the earliest."""
        moment = self._chip.start()
        self._checked = moment
        return moment

    def _check(self) -> None:
        """Read the configuration back; if it is another, so were the samples since last time.

        Raises:
            ChipNotConfigured: it is another.
            SensorError: the bus failed.
        """
        begun = self._timebase.monotonic()
        try:
            self._chip.check()
        except ChipNotConfigured as error:
            begin, now = self._checked, self._timebase.monotonic()
            self._meter.disturbed += 1
            self._meter.disturbance = error.problem
            self.watch.suspect(begin, now, error.problem)
            self._on_doubt(begin, now, error.problem)
            raise
        self._checked = begun

    def _schedule_of_chip(self) -> DrainSchedule:
        """Plan the drains, once the chip was identified and the size of its FIFO is known."""
        room, rate = self._chip.capacity, self._chip.rate
        if self._batch is not None:
            return DrainSchedule(max(1, min(self._batch, room * 3 // 4)))
        spare = math.ceil(LATE_SECONDS * rate * _HASTE) + 1
        most = max(1, room // 4, min(room // 2, room - spare))
        if self._hop_seconds is not None:
            return DrainSchedule.for_windows(
                self._hop_seconds * rate, self._first_window_seconds * rate, most
            )
        return DrainSchedule(most)

    def _resume(self, moment: float) -> None:
        """Count samples from 1 again, of which none is older than `moment`."""
        self._chip_in_doubt = self._fifo_in_doubt = False
        self._schedule = self._schedule_of_chip()
        self._nap_wanted = False  # whoever wanted it spoke of before
        self._clock.restart(moment)
        self._number = 0
        self._meter.state = "running"
        self._await_next(moment)

    def _step(self) -> None:
        latch = self._chip.latch()
        number = self._number + latch.frames
        if number < self._target - 1:
            self._check()  # by far too few; the clock is not to believe it unseen
        self._clock.observe(number, latch.before, latch.after)
        if number < self._target:
            self._miss(latch)
            return
        self._fifo_in_doubt = True  # a transfer that breaks off has eaten some of it
        batch = self._chip.read(latch)
        self._fifo_in_doubt = False
        self._deliver(batch, number)
        self._look_after_chip(latch.after)
        self._sharpness = max(
            _SHARPNESS_SECONDS,
            _SHARPNESS_PERIODS * self._clock.period,
            3 * (latch.after - latch.before),
        )
        self._await_next(latch.after)

    def _look_after_chip(self, now: float) -> None:
        if now >= self._next_check:
            self._next_check = now + self._check_seconds
            self._check()
        if now >= self._next_temperature:
            self._next_temperature = now + _TEMPERATURE_SECONDS
            self._meter.temperature = self._chip.temperature()

    # --- while nothing moves ------------------------------------------------------------

    def _fall_asleep(self) -> None:
        self._nap_wanted = False
        if not (self._chip.can_nap and self._may_nap()):
            return
        self._chip.nap()
        self._napped = True
        self._meter.state = "asleep"
        self._next_check = self._looked_at() + self._check_seconds
        log.info("%s: nothing moves, asleep until something does", self._chip.where)

    def _look_for_motion(self) -> None:
        if self._chip.moved() or not self._may_nap():
            self._resume(self._started())
            log.info("%s: awake again", self._chip.where)
        elif self._looked_at() >= self._next_check:
            self._next_check += self._check_seconds
            self._chip.check()

    def _looked_at(self) -> float:
        """Take note of a look, and plan the next one."""
        now = self._timebase.monotonic()
        self._meter.looked(now)
        self.next_drain = now + POLL_SECONDS
        return now

    # --- when to look -------------------------------------------------------------------

    def _await_next(self, now: float) -> None:
        """Choose the next sample to wait for."""
        self._target = self._schedule.next(self._number)
        periods = 1.1 * (self._target - self._number) + 4
        self._deadline = now + periods * self._clock.period + _OVERDUE_SECONDS
        self._surprised = False
        self._aim(now)

    def _aim(self, now: float) -> None:
        """Choose the moment to look for the sample waited for.

        Usually that is when it must surely be there. Where this is too vague, the time in
        question is searched in steps from its beginning, each of them a count. So the first
        count that finds the sample also tells when it came.
        """
        earliest, latest = self._clock.expect(self._target)
        width = latest - earliest
        if self._number == 0:
            step = min(width / _MOST_STEPS, _HUNT_SECONDS)
        else:
            step = width / min(max(1, math.ceil(width / self._sharpness)), _MOST_STEPS)
        moment = earliest + step
        self._searching = moment < latest
        if self._surprised:
            moment = max(moment, now + self._clock.period / 4)
        self.next_drain = moment

    def _miss(self, latch: Latch) -> None:
        """Take in that the sample waited for is not there."""
        self._surprised = not self._searching
        if latch.after > self._deadline:
            self._check()
            if self._number == 0:
                if self._do_without_fifo("its FIFO stays empty"):
                    return
                raise ChipNotConfigured(
                    "no samples come, although the chip accepts every setting",
                    where=self._chip.where,
                    remedy="harpi tries its FIFO and its registers in turn; if neither works "
                    "within a minute, replace the sensor",
                )
            raise ChipNotConfigured(
                "the chip no longer takes samples",
                where=self._chip.where,
                remedy="Take its supply away for a second; if it happens again, replace the "
                "sensor",
            )
        self._aim(latch.after)

    # --- what was found -----------------------------------------------------------------

    def _deliver(self, batch: Batch, number: int) -> None:
        times = self._clock.times(number)
        period = self._clock.period
        run: TimeArray = times
        gap = self._number == 0 and self._last_time is not None
        if self._last_time is not None:
            if not gap:
                run = np.concatenate([[self._last_time], times])
            elif not self._napped:
                self._meter.gaps += 1
                self._meter.lost += max(0, round((times[0] - self._last_time) / period) - 1)
        self._napped = False
        self._last_time = float(times[-1])
        self._number = number
        self._meter.samples += len(times)
        self._meter.drained(
            run,
            period,
            moment=batch.latch.after,
            lateness=batch.latch.before - self.next_drain,
            bus_seconds=self._chip.bus_seconds,
        )
        try:
            self._on_samples(Samples(batch.values, times, gap))
        except Exception:
            self._meter.callback_errors += 1
            if self._tell("receiver"):
                log.exception("The receiver of the samples failed; sampling goes on.")
        self._failing_since = None
        self._barren = 0
        if self._awaiting_samples:
            self._awaiting_samples = False
            log.info("%s: samples again", self._chip.where)
        self._judge(batch, times)

    def _judge(self, batch: Batch, times: TimeArray) -> None:
        """Tell of what cannot be true; set a chip up anew whose values all stand still, once.

        Raises:
            ChipNotConfigured: they do.
        """
        before = self.watch.current
        self.watch.take(batch.raw, times)
        now = self.watch.current
        if now == before:
            return
        for finding in now:
            if finding not in before:
                self._on_doubt(finding.since, float(times[-1]), finding.problem)
                if self._tell(f"finding {finding.kind} {finding.axes}"):
                    log.warning(
                        "%s: %s. %s.", self._chip.where, finding.problem, IMPLAUSIBLE_REMEDY
                    )
        if len(now) > len(before):
            self._next_check = float(times[-1])  # the registers may tell why
        frozen, self._frozen = self._frozen, any(len(f.axes) == len(AXES) for f in now)
        if self._frozen and not frozen:
            raise ChipNotConfigured(
                "the values no longer change, not even by noise",
                where=self._chip.where,
                remedy="If it happens again, check the sensor's supply or replace it",
            )

    # --- when something goes wrong ------------------------------------------------------

    def _after_overflow(self, overflow: FifoOverflow) -> None:
        """Empty the FIFO and go on; that it overflows with no sample in between is a fault."""
        if self._barren:
            try:
                if self._do_without_fifo("its FIFO overflows however soon it is emptied"):
                    return
            except HarpiError as error:
                self._recover_from(error)
                return
            self._chip_in_doubt = True
            self._recover_from(overflow)
            return
        self._barren = 1
        if self._tell("overflow"):
            log.warning("%s The samples in it are lost.", overflow)
        self._meter.error = str(overflow)
        try:
            self._resume(self._chip.empty())
        except SensorError as error:
            self._chip_in_doubt = True
            self._recover_from(error)

    def _do_without_fifo(self, why: str) -> bool:
        """Where several starts have brought no sample, read the chip in its other way.

        Returns:
            Whether that is done now.

        Raises:
            SensorError: the bus failed.
        """
        self._barren += 1
        if self._barren < _BARREN_STARTS or not self._chip.do_without_fifo():
            return False
        log.warning(
            "%s: %s, so its registers are read sample by sample. A program that comes late "
            "then loses samples.",
            self._chip.where,
            why,
        )
        self._barren = 0
        self._resume(self._timebase.monotonic())
        return True

    def _get_back(self) -> None:
        """Go on after a fault, and lose as little by it as may be.

        Where only the bus failed, the chip has gone on sampling, and its FIFO holds all that
        was not fetched. It is reset only where it may not be what it was.
        """
        if self._chip_in_doubt:
            self._resume(self._started())
            self._meter.recoveries += 1
        else:
            self._check()
            if self._fifo_in_doubt:
                self._resume(self._chip.empty())
            else:
                self._meter.state = "running"
                self._await_next(self._timebase.monotonic())

    def _recover_from(self, error: HarpiError) -> None:
        recovering, doubted = self._meter.state == "recovering", self._chip_in_doubt
        of_the_bus = not isinstance(error, ChipNotConfigured | WrongChip)
        sampled = self._number > 0 and (recovering or self._meter.state == "running")
        self._chip_in_doubt = doubted or not (of_the_bus and sampled)
        if self._tell(f"fault {type(error).__name__}"):
            log.warning("%s Trying again until it works.", error)
            self._awaiting_samples = True
        self._meter.state = "recovering"
        self._meter.error = str(error)
        self._meter.faults += 1
        self.next_drain = now = self._timebase.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        elif doubted or not (recovering and self._chip_in_doubt):
            pause = (now - self._failing_since) * _PAUSE_SHARE
            self.next_drain += min(max(_FIRST_PAUSE, pause), _LAST_PAUSE)
        # Else the bus works again, and the chip can be reset at once.

    def _tell(self, topic: str) -> bool:
        """Whether it is time again to tell of a fault of this kind."""
        now = self._timebase.monotonic()
        last, pause = self._told.get(topic, (-math.inf, 0.0))
        if now < last + pause:
            return False
        lasting = now < last + pause + _QUIETEST_SECONDS
        pause = min(2 * pause, _QUIETEST_SECONDS) if lasting and pause else _QUIET_SECONDS
        self._told[topic] = now, pause
        return True
