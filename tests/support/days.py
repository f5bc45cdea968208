"""Days of a diary to publish, without a wearer."""

from __future__ import annotations

from datetime import UTC, date, datetime

from harpi.diary.bouts import Bout
from harpi.diary.keeper import News, Nudge
from harpi.diary.totals import make_day

MORNING = datetime(2026, 5, 1, 8, tzinfo=UTC).timestamp()
WALK = Bout(
    kind="activity", activity="walking", start=MORNING, end=MORNING + 90, confidence=0.87654
)
PAUSE = Bout(kind="unknown", activity=None, start=MORNING + 90, end=MORNING + 100)


def news(*bouts: Bout, nudge: Nudge | None = None) -> News:
    """What is new on 1 May 2026, in Greenwich."""
    day = make_day(bouts, date(2026, 5, 1), UTC)
    return News(ended=bouts[:1], today=day, nudge=nudge, nudged=False)
