"""Keeps the diary while harpi runs: verdicts in, bouts out, never in the way of the sampling.

`see` notes a verdict in a microsecond. A thread of the keeper's own makes bouts of what was
noted every `LOOK_SECONDS`, and saves them every `SAVE_SECONDS`: so much of a day is lost at
most when the power fails. Where the file cannot be written, that is a problem to tell, the
bouts wait in memory, and everything else goes on.

Times are those of a clock that nobody sets, as of the moment when they are saved. Where the
clock of the computer is set, what this run of the daemon has saved moves along: a Raspberry Pi
without a clock of its own begins with the wrong time, and learns the right one from the
network. No run begins before the one before has ended, whatever the clock says.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta, tzinfo
from pathlib import Path
from typing import Final

from msgspec import Struct

from harpi import __version__
from harpi.commands import Event
from harpi.config.schema import DiarySection
from harpi.diary.bouts import Bout, BoutMaker, Hop
from harpi.diary.store import Diary
from harpi.diary.totals import Day, bounds, day_of, make_day, midnight
from harpi.errors import DiaryError
from harpi.supervisor import Supervisor
from harpi.timebase import SystemTime, Timebase
from harpi.types import Verdict

LOOK_SECONDS: Final = 5.0
SAVE_SECONDS: Final = 60.0
"""How often the file is written; so much is lost at most when the power fails."""
MOST_NOTED: Final = 2000
"""Verdicts that may wait for the thread: 20 minutes."""
MOST_WAITING: Final = 10_000
"""Bouts that may wait for a disk that is full; then the oldest are given up."""
SET_SECONDS: Final = 2.0
"""From how far a step of the clock is one; less is its ordinary correction."""

ASLEEP_SECONDS: Final = 60.0
"""Without a verdict for so long, the last bout has ended: the sensor sleeps, or is gone."""

log = logging.getLogger(__name__)


class Nudge(Struct, frozen=True, kw_only=True):
    """What the wearer has done for longer than they want to."""

    activity: str
    minutes: float
    """For how long."""
    limit: float
    """From how many minutes they want to be told."""


class News(Struct, frozen=True, kw_only=True):
    """What is new in the diary.

    Attributes:
        ended: bouts that ended.
        today: the day until now.
        nudge: what should end now; None where nothing should.
        nudged: it became due just now.
    """

    ended: tuple[Bout, ...]
    today: Day
    nudge: Nudge | None
    nudged: bool


class Keeper:
    """Keeps the diary of one daemon.

    Either `start` it on a thread of its own, or call `work` often enough.

    Args:
        section: what the wearer wants.
        path: the file.
        timebase: the clock that the verdicts' times are of.
        models: tells which base and head give the answers now.
        tell: gets the `News`, on the keeper's thread.
        supervisor: sees what goes wrong.
        utc: the clock of the computer, seconds since 1970.
        zone: whose midnight ends a day; that of the computer where not given.

    Attributes:
        section: what the wearer wants.
        position: where on the body the sensor is.
    """

    def __init__(
        self,
        section: DiarySection,
        path: Path,
        timebase: Timebase,
        *,
        models: Callable[[], str],
        tell: Callable[[News], None] = lambda news: None,
        supervisor: Supervisor | None = None,
        utc: Callable[[], float] | None = None,
        zone: tzinfo | None = None,
    ) -> None:
        self.section = section
        self._path = path
        self._timebase = timebase
        self._models = models
        self._tell_news = tell
        self._supervisor = supervisor or Supervisor()
        self._zone = zone
        self._clock = Clock(timebase, utc)
        self._begun = timebase.monotonic()
        self._maker = BoutMaker()
        self._noted: deque[Verdict] = deque(maxlen=MOST_NOTED)
        self._waiting: deque[Bout] = deque(maxlen=MOST_WAITING)
        self._shift = 0.0
        self._diary: Diary | None = None
        self._problem = ""
        self._today: tuple[date, list[Bout]] | None = None
        self._next_look = timebase.monotonic() + LOOK_SECONDS
        self._next_save = timebase.monotonic() + SAVE_SECONDS
        self._nudged: float | None = None
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._ending = False
        self._thread: threading.Thread | None = None
        self.position = "unspecified"

    # --- for the daemon ---------------------------------------------------------------------

    def hear(self, event: Event) -> None:
        """Note where on the body the sensor is now."""
        self.position = event.situation.position

    def see(self, verdict: Verdict) -> None:
        """Note a verdict; never waits."""
        self._noted.append(verdict)

    def start(self) -> None:
        """Work on a thread until `stop`."""
        self._thread = self._supervisor.thread(self._run, "diary")
        self._thread.start()

    def stop(self) -> None:
        """Save what there is, tell of it, and end."""
        self._ending = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with self._lock:
            self._take_noted()
            self._maker.finish()
            ended = tuple(self._maker.settled())
            self._waiting.extend(ended)
            self._save()
            news = News(ended=ended, today=self.today(), nudge=None, nudged=False)
            if self._diary is not None:
                self._diary.close()
                self._diary = None
        self._tell_news(news)

    def work(self) -> None:
        """Make bouts of what was noted, and save them where that is due."""
        with self._lock:
            news = self._look()
        if news is not None:
            self._tell_news(news)

    def tick(self) -> None:
        """Work where it is time to."""
        now = self._timebase.monotonic()
        if now >= self._next_look:
            self._next_look = now + LOOK_SECONDS
            self.work()

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with the diary, and what to do about it; sentences."""
        found = [self._problem] if self._problem else []
        if self._clock.ahead > SET_SECONDS:
            found.append(
                f"The clock stands {_length(self._clock.ahead)} before the end of the diary. "
                "The diary goes on from its end until the clock is right: check the date."
            )
        if self._diary is not None and self._diary.forgotten:
            found.append(
                f"The diary has reached {self.section.limit_mb} MB: its "
                f"{self._diary.forgotten} oldest bouts were deleted. Raise diary.limit_mb to "
                "keep more."
            )
        return tuple(found)

    # --- for the session --------------------------------------------------------------------

    def today(self) -> Day:
        """Return the day until now, with what has not been saved yet."""
        with self._lock:
            going_on = self._maker.pending()
            now = going_on[-1].end if going_on else self._clock.now()
            day = day_of(now, self._zone)
            if self._today is None or self._today[0] != day:
                self._today = day, self._read(midnight(day, self._zone), now)
            known = [*self._today[1], *self._waiting, *going_on]
            return make_day(known, day, self._zone)

    def days(self, last: date, count: int) -> list[Day]:
        """Return consecutive days up to one, as `today`; what cannot be read is missing.

        Raises:
            ValueError: there are no such days; also `OverflowError`.
        """
        dates = [last - timedelta(days=before) for before in reversed(range(count))]
        start, end = bounds(dates[0], self._zone)[0], bounds(last, self._zone)[1]
        with self._lock:
            known = [*self._read(start, end), *self._waiting, *self._maker.pending()]
        return [make_day(known, day, self._zone) for day in dates]

    def correct(self, number: int, activity: str) -> Bout:
        """Set what the wearer did in a bout that has ended; return it as it was.

        Raises:
            DiaryError: there is no such bout, it goes on, or the diary cannot be written.
        """
        with self._lock:
            self._today = None
            return self._opened().correct(number, activity)

    def moments(self, bout: Bout) -> tuple[float, float] | None:
        """Return the monotonic times at which a bout began and ended.

        Returns:
            None for a bout from before this run, of which the times of samples are not known.
        """
        with self._lock:
            begin, end = bout.start - self._clock.offset, bout.end - self._clock.offset
        return (begin, end) if begin >= self._begun else None

    def delete_day(self, day: date) -> int:
        """Delete a local day for good, and what reaches into it; return how many bouts.

        What goes on begins anew with the next hop.

        Raises:
            DiaryError: the diary cannot be written.
        """
        start, end = bounds(day, self._zone)
        with self._lock:
            self._today = None
            self._take_noted()
            self._maker.finish()
            self._save()
            return self._opened().delete(start, end)

    # --- inside -----------------------------------------------------------------------------

    def _look(self) -> News | None:
        """Make bouts, save them where that is due, and return what is new."""
        self._take_noted()
        seen = self._maker.seen
        if seen is not None and self._clock.now() - seen > ASLEEP_SECONDS:
            self._maker.finish()
        ended = tuple(self._maker.settled())
        self._waiting.extend(ended)
        now = self._timebase.monotonic()
        due = now >= self._next_save
        if due:
            self._next_save = now + SAVE_SECONDS
            self._save()
        nudge, nudged = self._look_at_nudge()
        if not (due or ended or nudged):
            return None
        return News(ended=ended, today=self.today(), nudge=nudge, nudged=nudged)

    def _run(self) -> None:
        while not self._ending:
            self.work()
            self._wake.wait(LOOK_SECONDS)

    def _opened(self) -> Diary:
        if self._diary is None:
            diary = Diary(self._path, self.section.limit_mb)
            try:
                diary.begin_run(__version__)
                self._clock.not_before(diary.last_end())
            except BaseException:
                diary.close()
                raise
            self._diary = diary
        return self._diary

    def _take_noted(self) -> None:
        if self._diary is None and not self._problem:
            try:
                self._opened()  # tells when the last run ended
            except DiaryError as error:
                self._tell(error)
        if step := self._clock.look():
            log.warning("the clock was set by %.0f s; the diary follows", step)
            self._shift += step
            self._maker.shift(step)
            self._waiting = deque((b.moved(step) for b in self._waiting), MOST_WAITING)
            self._today = None
            self._nudged = None if self._nudged is None else self._nudged + step
        models = self._models()
        while self._noted:
            verdict = self._noted.popleft()
            hop = Hop.of(verdict, self._clock.offset, self.position, models)
            if hop.end > self._clock.earliest:
                self._maker.push(replace(hop, start=max(hop.start, self._clock.earliest)))

    def _save(self) -> None:
        """Save all bouts; where that fails, they wait for the next time."""
        self._waiting.extend(self._maker.settled())
        ended = list(self._waiting)
        try:
            diary = self._opened()
            diary.save(ended, self._maker.pending(), self._shift)
        except DiaryError as error:
            self._tell(error)
            return
        self._problem = ""
        self._shift = 0.0
        self._waiting.clear()
        if self._today is not None:
            self._today[1].extend(ended)

    def _tell(self, error: DiaryError) -> None:
        if not self._problem:
            log.warning("%s The diary waits; all else goes on.", error)
        self._problem = f"{error} The diary waits until then."

    def _read(self, start: float, end: float) -> list[Bout]:
        """Return what was saved of a stretch of time and has ended."""
        if self._diary is None:
            return []
        try:
            return [one for one in self._diary.between(start, end) if not one.going_on]
        except DiaryError as error:
            self._tell(error)
            return []

    def _look_at_nudge(self) -> tuple[Nudge | None, bool]:
        """Tell what should end, and whether that became due just now."""
        limit = self.section.nudge_minutes
        going_on = self._maker.pending() if limit is not None else []
        if limit is None or not going_on:
            return None, False
        last = going_on[-1]
        if last.activity not in self.section.nudge_activities or last.seconds < 60 * limit:
            self._nudged = None
            return None, False
        # Once for a bout, and once more for each time that it lasts so long again.
        due = self._nudged is None or last.end >= self._nudged + 60 * limit
        if due:
            self._nudged = last.end
        assert last.activity is not None  # noqa: S101 - it is one of the configured
        minutes = round(last.seconds / 60, 1)
        return Nudge(activity=last.activity, minutes=minutes, limit=limit), due


class Clock:
    """UTC of monotonic times, and how far the clock of the computer was set meanwhile.

    Attributes:
        offset: what monotonic seconds lack to UTC.
        earliest: UTC before which nothing of this run may be.
        ahead: seconds by which the diary is before the clock of the computer, as it must not
            begin before its end.
    """

    def __init__(self, timebase: Timebase, utc: Callable[[], float] | None = None) -> None:
        self._timebase = timebase
        system = isinstance(timebase, SystemTime)
        # Sleep of the computer is no step of its clock: CLOCK_BOOTTIME goes on meanwhile.
        self._elapsed = _boot_time if system else timebase.monotonic
        if utc is None:
            begun = time.time() - timebase.monotonic()
            utc = time.time if system else lambda: begun + timebase.monotonic()
        self._utc = utc
        self._first = timebase.monotonic()
        self._floor = self.earliest = -math.inf
        self._before = self._measure()
        self._raw = self._utc() - self._timebase.monotonic()
        self.offset, self.ahead = self._raw, 0.0

    def not_before(self, moment: float | None) -> None:
        """Let no time of this run be before a moment, UTC."""
        if moment is not None:
            self.earliest = moment
            self._floor = moment - self._first
        self._bound()

    def now(self) -> float:
        """Return UTC now."""
        return self._timebase.monotonic() + self.offset

    def look(self) -> float:
        """Look at the clock; return by how much what was seen in this run has to move."""
        measured = self._measure()
        step, self._before = measured - self._before, measured
        before = self.offset
        raw = self._utc() - self._timebase.monotonic()
        asleep = raw - self._raw - step
        self._raw = raw
        self._bound()
        if abs(step) <= SET_SECONDS:
            return 0.0
        return self.offset - before - asleep

    def _measure(self) -> float:
        return self._utc() - self._elapsed()

    def _bound(self) -> None:
        self.offset = max(self._raw, self._floor)
        self.ahead = self.offset - self._raw


def _boot_time() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _length(seconds: float) -> str:
    for size, word in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {word}"
    return f"{seconds:.0f} s"
