"""Days and their totals: UTC inside, the local day outside.

A day begins at midnight of the local clock and ends at the next one, so it has 23 or 25 hours
where the clock changes for summer time. A bout that goes on over midnight counts on both days,
on each with its part.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from itertools import pairwise

from msgspec import Struct

from harpi.diary.bouts import Bout, Kind


class Total(Struct, frozen=True, kw_only=True):
    """How long one activity lasted in all."""

    kind: Kind
    activity: str | None
    seconds: float
    bouts: int

    @property
    def name(self) -> str:
        """What people are shown."""
        return self.activity or self.kind.replace("_", " ")


class Day(Struct, frozen=True, kw_only=True):
    """One local day."""

    date: date
    start: float
    end: float
    """Seconds since 1970, UTC; the day has so many seconds as are between them."""
    bouts: tuple[Bout, ...]
    """As they are kept; the first and the last may reach beyond the day."""
    totals: tuple[Total, ...]
    """Activities first, what lasted longest in front."""

    @property
    def covered(self) -> float:
        """Seconds of which there is a bout."""
        return sum(total.seconds for total in self.totals)


def day_of(moment: float, zone: tzinfo | None = None) -> date:
    """Return the local day of a moment; `zone` is that of the computer where not given."""
    return datetime.fromtimestamp(moment, zone).date()


def midnight(day: date, zone: tzinfo | None = None) -> float:
    """Return when a local day begins, seconds since 1970."""
    return datetime.combine(day, time.min, tzinfo=zone).timestamp()


def bounds(day: date, zone: tzinfo | None = None) -> tuple[float, float]:
    """Return when a local day begins and ends."""
    return midnight(day, zone), midnight(day + timedelta(days=1), zone)


def total(bouts: Iterable[Bout], start: float, end: float) -> tuple[Total, ...]:
    """Add up what lies between two moments."""
    seconds: dict[tuple[Kind, str | None], float] = {}
    counts: dict[tuple[Kind, str | None], int] = {}
    for bout in bouts:
        inside = min(bout.end, end) - max(bout.start, start)
        if inside > 0:
            what = (bout.kind, bout.activity)
            seconds[what] = seconds.get(what, 0.0) + inside
            counts[what] = counts.get(what, 0) + 1
    found = [
        Total(kind=kind, activity=activity, seconds=length, bouts=counts[kind, activity])
        for (kind, activity), length in seconds.items()
    ]
    return tuple(sorted(found, key=lambda one: (one.kind != "activity", -one.seconds)))


def make_day(bouts: Iterable[Bout], day: date, zone: tzinfo | None = None) -> Day:
    """Make a day of bouts, of which some may lie outside it."""
    start, end = bounds(day, zone)
    within = tuple(bout for bout in bouts if bout.end > start and bout.start < end)
    return Day(date=day, start=start, end=end, bouts=within, totals=total(within, start, end))


def overlaps(bouts: Sequence[Bout]) -> bool:
    """Tell whether two bouts overlap, or stand in another order than that of time."""
    return any(after.start < before.end for before, after in pairwise(bouts))
