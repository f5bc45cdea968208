"""The diary on the page: a day, a week, a year behind it, and a bout that is corrected."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest

from harpi.commands import Correct
from harpi.diary.bouts import Bout
from harpi.diary.store import FILE_NAME, Diary
from tests.support.broker import wait_until
from tests.support.browser import Tab
from tests.web.conftest import Served

BOUTS = 200
"""Of a day."""
ACTIVITIES = ("walking", "sitting", "standing", "running")
WALK = datetime.now().astimezone().date() - timedelta(days=1)


def at(day: date, hour: int = 0) -> float:
    return datetime.combine(day, time(hour)).timestamp()


def bout(activity: str, start: float, end: float) -> Bout:
    return Bout(kind="activity", activity=activity, start=start, end=end, confidence=0.9)


@pytest.fixture
def worn(make_served: Callable[..., Served], tmp_path: Path) -> Served:
    """A page with a day of two bouts in its diary."""
    diary = Diary(tmp_path / FILE_NAME)
    diary.begin_run("1.0")
    walk = bout("walking", at(WALK, 8), at(WALK, 9))
    diary.save([walk, bout("sitting", at(WALK, 9), at(WALK, 12))], [])
    diary.close()
    served = make_served(diary__goal_minutes=90)
    served.keeper.work()
    served.greet()
    return served


def test_a_day_has_bouts_totals_and_the_goal(worn: Served) -> None:
    found = worn.ask(f"/api/days?last={WALK}").json
    (day,) = found["days"]
    assert day["date"] == WALK.isoformat()
    assert [(b["activity"], b["begun"], b["number"]) for b in day["bouts"]] == [
        ("walking", "08:00:00", 1),
        ("sitting", "09:00:00", 2),
    ]
    assert [(t["activity"], t["seconds"]) for t in day["totals"]] == [
        ("sitting", 10_800),
        ("walking", 3600),
    ]
    assert (found["goal_minutes"], found["goal_activities"]) == (90, ["walking", "running"])


def test_a_week_is_seven_days(worn: Served) -> None:
    days = worn.ask(f"/api/days?last={WALK + timedelta(days=1)}&count=7").json["days"]
    assert [len(day["bouts"]) for day in days] == [0, 0, 0, 0, 0, 2, 0]


@pytest.mark.parametrize(
    "asked", ["last=yesterday", "count=0", "count=8", "count=x", "last=0001-01-01&count=7"]
)
def test_what_cannot_be_asked_is_refused(worn: Served, asked: str) -> None:
    assert worn.ask(f"/api/days?{asked}").status == 400


def test_without_a_diary_that_is_said(make_served: Callable[..., Served]) -> None:
    served = make_served()
    served.server.stop()  # type: ignore[union-attr]
    served.keeper = None  # type: ignore[assignment]
    served.start()
    assert "No diary is kept" in served.ask("/api/days").json["message"]


@pytest.mark.browser
def test_a_bout_is_corrected_on_the_page(tab: Tab, worn: Served) -> None:
    tab.open(f"{worn.origin}/#day")
    tab.wait_for("document.body?.dataset.link === 'live'")
    tab.wait_for_text("#day-totals", "The diary has nothing of it.")
    tab.click("#day-before")
    tab.wait_for_text("#day-goal", "Goal: 60 of 90 minutes of walking, running")
    assert "3 h 0 min" in tab.text("#day-totals")
    tab.click("#day-bouts li:last-child button")
    tab.wait_for("document.querySelector('#day-bouts input')")
    tab.run("document.querySelector('#day-bouts input').value = 'rowing'")
    tab.click("#day-bouts button.main")
    wait_until(lambda: Correct(label="rowing", bout=1) in worn.room.commands, "it is sent")
    tab.wait_for_text("#said", "Done.")
    tab.open("about:blank")  # it asks for the day anew, of a server that ends


@pytest.mark.browser
def test_a_year_of_wear_is_shown_a_week_at_a_time(
    tab: Tab, make_served: Callable[..., Served], tmp_path: Path
) -> None:
    rng = random.Random(1)
    today = datetime.now().astimezone().date()
    diary = Diary(tmp_path / FILE_NAME)
    diary.begin_run("1.0")
    made, before = [], ""
    for number in range(-365, 0):
        start = at(today + timedelta(days=number))
        for place in range(BOUTS):
            before = rng.choice([one for one in ACTIVITIES if one != before])
            made.append(bout(before, start + 400 * place, start + 400 * (place + 1)))
    diary.save(made, [])
    diary.close()
    served = make_served()
    served.keeper.work()
    tab.open(f"{served.origin}/#day")
    tab.wait_for("document.body?.dataset.link === 'live'")
    tab.click("#day-week")
    tab.wait_for(f"document.querySelectorAll('.day-line rect').length === {6 * BOUTS}")
    tab.run("document.querySelector('#day-week').checked = false")
    tab.click("#day-before")
    tab.wait_for(f"document.querySelectorAll('#day-bouts li').length === {BOUTS}")
    root = "document.documentElement"
    assert tab.run(f"{root}.scrollWidth <= {root}.clientWidth")
