"""What the page is told of the diary: a day, or the days up to one."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from typing import Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from harpi.diary.bouts import Bout, Kind
from harpi.diary.keeper import Keeper
from harpi.diary.totals import Day
from harpi.web.auth import refuse
from harpi.web.messages import as_json

MOST_DAYS: Final = 7


class BoutRow(Struct, frozen=True, kw_only=True):
    """A bout; times are seconds since the day began, and what the local clock shows."""

    number: int
    """0 where it cannot be corrected: it goes on, or is not on the disk yet."""
    kind: Kind
    activity: str | None
    start: float
    end: float
    begun: str
    confidence: float | None
    interruptions: int
    corrected: bool

    @classmethod
    def of(cls, bout: Bout, day: Day) -> BoutRow:
        """Tell of the part of a bout that lies within a day."""
        return cls(
            number=0 if bout.going_on else bout.number,
            kind=bout.kind,
            activity=bout.activity,
            start=round(max(bout.start, day.start) - day.start, 1),
            end=round(min(bout.end, day.end) - day.start, 1),
            begun=f"{datetime.fromtimestamp(bout.start).astimezone():%H:%M:%S}",
            confidence=bout.confidence,
            interruptions=bout.interruptions,
            corrected=bout.corrected,
        )


class TotalRow(Struct, frozen=True, kw_only=True):
    """How long something lasted in a day."""

    kind: Kind
    activity: str | None
    seconds: float
    bouts: int


class DayRow(Struct, frozen=True, kw_only=True):
    """A local day."""

    date: str
    seconds: float
    """From midnight to midnight."""
    bouts: tuple[BoutRow, ...]
    totals: tuple[TotalRow, ...]

    @classmethod
    def of(cls, day: Day) -> DayRow:
        """Tell of a day."""
        totals = (
            TotalRow(
                kind=total.kind,
                activity=total.activity,
                seconds=round(total.seconds, 1),
                bouts=total.bouts,
            )
            for total in day.totals
        )
        return cls(
            date=day.date.isoformat(),
            seconds=day.end - day.start,
            bouts=tuple(BoutRow.of(bout, day) for bout in day.bouts),
            totals=tuple(totals),
        )


class Days(Struct, frozen=True, kw_only=True):
    """Consecutive days, and the wearer's goal for each."""

    today: str
    days: tuple[DayRow, ...]
    goal_minutes: float | None
    goal_activities: tuple[str, ...]


class DiaryData:
    """Answers for the page what is asked of the diary; the disk is read beside the event loop.

    Args:
        keeper: of the diary; None where none is kept.
    """

    def __init__(self, keeper: Keeper | None) -> None:
        self._keeper = keeper
        self.routes = [Route("/api/days", self._days)]

    async def _days(self, request: Request) -> Response:
        keeper = self._keeper
        if keeper is None:
            return refuse(404, "No diary is kept: diary.enabled is off.")
        today = keeper.today().date
        try:
            last = date.fromisoformat(request.query_params.get("last", today.isoformat()))
            count = int(request.query_params.get("count", "1"))
            if not 1 <= count <= MOST_DAYS:
                raise ValueError(count)
            days = await asyncio.to_thread(keeper.days, last, count)
        except (ValueError, OverflowError):
            return refuse(400, f"Ask for last=2026-05-01 and count=1 to {MOST_DAYS}.")
        return as_json(
            Days(
                today=today.isoformat(),
                days=tuple(map(DayRow.of, days)),
                goal_minutes=keeper.section.goal_minutes,
                goal_activities=keeper.section.goal_activities,
            )
        )
