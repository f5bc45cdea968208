"""The diary of a daemon: clocks that are set, power cuts, full disks, nights, nudges."""

from __future__ import annotations

import shutil
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from harpi.config.schema import DiarySection
from harpi.diary.bouts import Bout
from harpi.diary.keeper import ASLEEP_SECONDS, LOOK_SECONDS, SAVE_SECONDS, Keeper, News
from harpi.diary.store import Diary
from harpi.diary.totals import overlaps
from harpi.errors import DiaryError
from harpi.imu.emulator import VirtualTime
from tests.support.verdicts import verdict

BERLIN = ZoneInfo("Europe/Berlin")
DAY = 86_400.0
HOP = 0.64
NOON = datetime(2026, 5, 1, 12, tzinfo=BERLIN).timestamp()


class Wearer:
    """Somebody whose diary is kept, on a computer whose clock can be set.

    Attributes:
        clock: what the computer's clock shows at monotonic 0, UTC.
        news: what was told.
    """

    def __init__(self, path: Path, clock: float = NOON, **settings: object) -> None:
        self.path = path
        self.clock = clock
        self.time = VirtualTime()
        self.news: list[News] = []
        self.begin(**settings)

    def begin(self, **settings: object) -> None:
        self.keeper = Keeper(
            DiarySection(**settings),  # type: ignore[arg-type]
            self.path,
            self.time,
            models=lambda: "base 1.1",
            tell=lambda news: self.news.append(news),
            utc=lambda: self.clock + self.time.monotonic(),
            zone=BERLIN,
        )

    def does(self, activity: str | None, seconds: float, *, worn: bool = True) -> None:
        for _ in range(round(seconds / HOP)):
            self.time.advance(HOP)
            shares = {activity or "walking": 1.0}
            now = self.time.monotonic()
            self.keeper.see(verdict(shares, end=now, unknown=activity is None, worn=worn))
            self.keeper.tick()

    def rests(self, seconds: float) -> None:
        for _ in range(round(seconds / LOOK_SECONDS)):
            self.time.advance(LOOK_SECONDS)
            self.keeper.tick()

    @property
    def diary(self) -> list[Bout]:
        return Diary(self.path, read_only=True).between(0, 1e11)

    def told(self) -> list[tuple[str | None, float]]:
        return [(bout.activity, round(bout.seconds, -1)) for bout in self.diary]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "diary.db"


@pytest.fixture
def wearer(path: Path) -> Wearer:
    return Wearer(path)


def test_what_was_done_is_kept_when_it_ends(wearer: Wearer) -> None:
    wearer.keeper.position = "right_arm"
    wearer.does("walking", 300)
    wearer.does("sitting", 600)
    wearer.keeper.stop()
    assert wearer.told() == [("walking", 300), ("sitting", 600)]
    assert {(bout.position, bout.models) for bout in wearer.diary} == {
        ("right_arm", "base 1.1")
    }
    assert wearer.diary[0].start == pytest.approx(NOON, abs=3)


@pytest.mark.parametrize("step", [0.0, -86_400.0, 3600.0])
def test_when_the_samples_of_a_bout_came_is_known_however_the_clock_is_set(
    wearer: Wearer, step: float
) -> None:
    wearer.does("sitting", 300)
    begun = wearer.time.monotonic()
    wearer.does("walking", 300)
    ended = wearer.time.monotonic()
    wearer.clock += step
    wearer.does("sitting", 300)
    (walk,) = [bout for bout in wearer.diary if bout.activity == "walking"]
    moments = wearer.keeper.moments(wearer.keeper.correct(walk.number, "rowing"))
    assert moments == pytest.approx((begun, ended), abs=4)


def test_of_a_bout_of_an_earlier_run_it_is_not_known(wearer: Wearer) -> None:
    wearer.does("walking", 200)
    wearer.keeper.stop()
    wearer.time.advance(60)
    wearer.begin()
    wearer.does("sitting", 100)
    assert wearer.keeper.moments(wearer.keeper.correct(1, "rowing")) is None


def test_a_power_cut_costs_a_minute_at_most(wearer: Wearer, tmp_path: Path) -> None:
    wearer.does("walking", 1000)
    copy = tmp_path / "after"
    copy.mkdir()
    for file in tmp_path.glob("diary.db*"):
        shutil.copy(file, copy)
    (bout,) = Diary(copy / "diary.db").between(0, 1e11)
    assert 1000 - bout.seconds < SAVE_SECONDS + LOOK_SECONDS + HOP


def test_a_restart_goes_on_with_another_bout(wearer: Wearer) -> None:
    wearer.does("walking", 200)
    wearer.keeper.stop()
    wearer.begin()
    wearer.does("walking", 200)
    wearer.keeper.stop()
    assert wearer.told() == [("walking", 200), ("walking", 200)]
    assert not overlaps(wearer.diary)


def test_a_wrong_time_after_booting_is_put_right(wearer: Wearer) -> None:
    """A Raspberry Pi has no clock of its own: the network tells the time after a while."""
    wearer.clock = 1000.0
    wearer.begin()
    wearer.does("walking", 200)
    wearer.clock = NOON
    wearer.does("sitting", 200)
    wearer.keeper.stop()
    assert wearer.told() == [("walking", 200), ("sitting", 200)]
    assert wearer.diary[0].start == pytest.approx(NOON, abs=3)
    assert wearer.diary[0].end == wearer.diary[1].start


@pytest.mark.parametrize("step", [-DAY, DAY, -3600.0, 2.5])
def test_a_clock_that_is_set_and_set_back_changes_nothing(wearer: Wearer, step: float) -> None:
    wearer.does("walking", 200)
    wearer.clock += step
    wearer.does("sitting", 200)
    assert not overlaps(wearer.diary)
    assert wearer.diary[0].start == pytest.approx(NOON + step, abs=3)
    wearer.clock -= step
    wearer.does("running", 200)
    wearer.keeper.stop()
    assert wearer.told() == [("walking", 200), ("sitting", 200), ("running", 200)]
    assert wearer.diary[0].start == pytest.approx(NOON, abs=3)
    assert not overlaps(wearer.diary)


def test_a_clock_before_the_end_of_the_diary_is_said_and_nothing_is_lost(path: Path) -> None:
    wearer = Wearer(path)
    wearer.does("walking", 200)
    wearer.keeper.stop()
    wearer.clock -= DAY
    wearer.begin()
    wearer.does("sitting", 200)
    (problem,) = wearer.keeper.problems
    assert "clock" in problem
    wearer.clock += DAY
    wearer.does("sitting", 100)
    assert wearer.keeper.problems == ()
    wearer.keeper.stop()
    assert wearer.told() == [("walking", 200), ("sitting", 300)]
    assert not overlaps(wearer.diary)


def test_a_full_disk_is_said_and_what_was_done_waits(
    wearer: Wearer, monkeypatch: pytest.MonkeyPatch
) -> None:
    wearer.does("walking", 200)
    with monkeypatch.context() as patch:
        patch.setattr(Diary, "save", _full)
        wearer.does("sitting", 200)
        wearer.does("running", 200)
        assert "disk is full" in wearer.keeper.problems[0]
        known = {total.name for total in wearer.keeper.today().totals}
        assert known == {"walking", "sitting", "running"}
    wearer.does("running", 70)
    assert wearer.keeper.problems == ()
    wearer.keeper.stop()
    assert wearer.told() == [("walking", 200), ("sitting", 200), ("running", 270)]


def _full(diary: Diary, *_: object) -> None:
    raise DiaryError("the disk is full", where=str(diary.path), remedy="Free some space")


def test_a_diary_that_cannot_be_opened_is_said_and_begins_when_it_can(path: Path) -> None:
    path.write_bytes(b"something else entirely")
    wearer = Wearer(path)
    wearer.does("walking", 200)
    assert "damaged" in wearer.keeper.problems[0]
    path.unlink()
    wearer.does("walking", 100)
    assert wearer.keeper.problems == ()
    wearer.keeper.stop()
    assert sum(bout.seconds for bout in wearer.diary) == pytest.approx(300, abs=3)


def test_a_sensor_that_sleeps_ends_the_bout(wearer: Wearer) -> None:
    wearer.does("walking", 200)
    wearer.rests(ASLEEP_SECONDS + 2 * LOOK_SECONDS)
    assert [bout.activity for news in wearer.news for bout in news.ended] == ["walking"]


def test_at_midnight_another_day_begins(path: Path) -> None:
    wearer = Wearer(path, clock=datetime(2026, 5, 1, 23, 55, tzinfo=BERLIN).timestamp())
    wearer.does("walking", 600)
    today = wearer.keeper.today()
    assert today.date.isoformat() == "2026-05-02"
    assert today.covered == pytest.approx(300, abs=4)


def test_today_is_what_is_kept_and_what_goes_on(wearer: Wearer) -> None:
    wearer.does("walking", 300)
    wearer.does(None, 60)
    wearer.does("sitting", 300)
    wearer.does("walking", 30)
    totals = {one.name: round(one.seconds, -1) for one in wearer.keeper.today().totals}
    assert totals == {"walking": 330, "sitting": 300, "unknown": 60}


def test_each_bout_that_ended_is_told_once(wearer: Wearer) -> None:
    for _ in range(3):
        wearer.does("walking", 100)
        wearer.does("sitting", 100)
    ended = [bout.activity for news in wearer.news for bout in news.ended]
    assert ended == ["walking", "sitting", "walking", "sitting", "walking"]


def test_the_last_bout_is_told_at_the_end(wearer: Wearer) -> None:
    wearer.does("walking", 100)
    wearer.keeper.stop()
    assert [bout.activity for bout in wearer.news[-1].ended] == ["walking"]
    assert wearer.news[-1].today.covered == pytest.approx(100, abs=4)


def test_a_correction_shows_in_the_totals(wearer: Wearer) -> None:
    wearer.does("walking", 300)
    wearer.does("sitting", 300)
    assert wearer.keeper.correct(1, "rowing").activity == "walking"
    assert {total.name for total in wearer.keeper.today().totals} == {"rowing", "sitting"}


def test_a_day_is_deleted(wearer: Wearer) -> None:
    wearer.does("walking", 300)
    wearer.clock += DAY
    wearer.rests(70)
    wearer.clock -= DAY
    wearer.does("sitting", 300)
    assert wearer.keeper.delete_day(date(2026, 4, 30)) == 0
    assert wearer.keeper.delete_day(date(2026, 5, 1)) == 2
    wearer.does("running", 100)
    assert [total.name for total in wearer.keeper.today().totals] == ["running"]


def test_who_sits_too_long_is_told_once_and_again_after_as_long(path: Path) -> None:
    wearer = Wearer(path, nudge_minutes=5, nudge_activities=("sitting",))
    wearer.does("walking", 400)
    assert not any(news.nudge for news in wearer.news)
    wearer.does("sitting", 700)
    nudged = [news.nudge for news in wearer.news if news.nudged]
    assert [nudge.minutes for nudge in nudged if nudge] == pytest.approx([5, 10], abs=0.2)
    wearer.does("walking", 100)
    assert wearer.news[-1].nudge is None


def test_the_disk_is_written_once_a_minute(
    wearer: Wearer, monkeypatch: pytest.MonkeyPatch
) -> None:
    wearer.does("walking", 60)
    saved = []
    save = Diary.save
    monkeypatch.setattr(
        Diary, "save", lambda self, *what: (saved.append(what), save(self, *what))[1]
    )
    for _ in range(20):
        wearer.does("walking", 20)
        wearer.does("sitting", 20)
    assert len(saved) <= 800 / SAVE_SECONDS + 1
