"""The diary's file: what is saved stays, whatever happens to the daemon and the disk."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from harpi.diary.bouts import Bout
from harpi.diary.store import Diary
from harpi.errors import BoutNotFound, DiaryError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "diary.db"


def bout(activity: str, start: float, end: float) -> Bout:
    return Bout(
        kind="activity",
        activity=activity,
        start=start,
        end=end,
        confidence=0.9,
        interruptions=2,
        position="right_arm",
        models="base 1.1",
    )


def opened(path: Path, limit_mb: int = 64) -> Diary:
    diary = Diary(path, limit_mb)
    diary.begin_run("1.0")
    return diary


def names(diary: Diary) -> list[str | None]:
    return [one.activity for one in diary.between(0, 1e9)]


def test_a_bout_is_read_as_it_was_saved(path: Path) -> None:
    opened(path).save([bout("walking", 10, 20.5)], [])
    (found,) = Diary(path, read_only=True).between(0, 100)
    assert found == Bout(
        kind="activity",
        activity="walking",
        start=10,
        end=20.5,
        confidence=0.9,
        interruptions=2,
        position="right_arm",
        models="base 1.1",
        number=1,
    )


def test_what_goes_on_is_replaced_by_what_came_of_it(path: Path) -> None:
    diary = opened(path)
    diary.save([], [bout("a", 0, 10), bout("b", 10, 12)])
    diary.save([bout("a", 0, 14)], [bout("c", 14, 20)])
    assert [(b.activity, b.end, b.going_on) for b in diary.between(0, 100)] == [
        ("a", 14, False),
        ("c", 20, True),
    ]
    diary.save([], [bout("c", 14, 30)])
    assert [b.number for b in diary.between(0, 100)] == [1, 2]


def test_what_went_on_when_the_power_failed_has_ended(path: Path) -> None:
    opened(path).save([], [bout("a", 0, 10)])
    copy = path.with_name("after")
    copy.mkdir()
    for file in path.parent.glob("diary.db*"):
        shutil.copy(file, copy)
    after = opened(copy / "diary.db")
    after.save([bout("b", 20, 30)], [])
    assert [(b.activity, b.going_on) for b in after.between(0, 100)] == [
        ("a", False),
        ("b", False),
    ]
    assert after.last_end() == 10


def test_a_day_is_what_touches_it(path: Path) -> None:
    diary = opened(path)
    diary.save([bout(str(n), 10 * n, 10 * n + 10) for n in range(10)], [])
    assert [b.activity for b in diary.between(35, 60)] == ["3", "4", "5"]
    assert [b.activity for b in diary.between(30, 60)] == ["3", "4", "5"]
    assert diary.between(200, 300) == []


def test_what_this_run_saved_moves_with_the_clock_and_nothing_else(path: Path) -> None:
    opened(path).save([bout("a", 0, 10)], [])
    diary = opened(path)
    diary.save([bout("b", 20, 30)], [])
    diary.save([], [], shift=1000)
    assert [(b.activity, b.start) for b in diary.between(0, 1e9)] == [("a", 0), ("b", 1020)]


def test_a_bout_is_corrected(path: Path) -> None:
    diary = opened(path)
    diary.save([bout("a", 0, 10)], [bout("b", 10, 20)])
    assert diary.correct(1, "rowing").activity == "a"
    assert diary.bout(1).activity == "rowing"
    assert diary.bout(1).corrected
    with pytest.raises(DiaryError, match="still goes on"):
        diary.correct(2, "rowing")
    with pytest.raises(BoutNotFound):
        diary.correct(3, "rowing")


def test_a_day_is_deleted_for_good(path: Path) -> None:
    diary = opened(path)
    diary.save([bout("secret_thing", 0, 10), bout("b", 10, 20)], [bout("c", 20, 25)])
    assert diary.delete(0, 9) == 1
    assert names(diary) == ["b", "c"]
    diary.close()
    files = b"".join(file.read_bytes() for file in path.parent.glob("diary.db*"))
    assert b"secret_thing" not in files


def test_at_its_limit_the_oldest_bouts_make_room(path: Path) -> None:
    diary = opened(path, limit_mb=1)
    for n in range(20):
        diary.save([bout("a", 1000 * n + k, 1000 * n + k + 1) for k in range(1000)], [])
    assert diary.used_bytes() <= 1_000_000
    assert diary.forgotten > 0
    kept = diary.between(0, 1e9)
    assert kept[-1].end == 20_000
    assert kept[0].start > 0


def test_a_year_takes_little_room(path: Path) -> None:
    """30 days of 300 bouts each; 12 times as much is a year."""
    diary = opened(path)
    for day in range(30):
        diary.save(
            [bout("walking", 300.0 * day + k, 300 * day + k + 1) for k in range(300)], []
        )
    assert 12 * diary.used_bytes() < 12_000_000


def test_no_diary_yet_is_said(path: Path) -> None:
    with pytest.raises(DiaryError, match="no diary yet"):
        Diary(path, read_only=True)


@pytest.mark.parametrize("content", [b"no database at all", b"SQLite format 3\0" + b"x" * 4000])
def test_a_damaged_file_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(DiaryError, match="diary"):
        opened(path)
    assert path.read_bytes() == content


def test_another_database_is_no_diary(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE mine (x)")
    with pytest.raises(DiaryError, match="another database"):
        opened(path)


def test_a_diary_of_a_newer_harpi_is_refused(path: Path) -> None:
    opened(path).close()
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version = 99")
    with pytest.raises(DiaryError, match="Update harpi"):
        opened(path)


def test_a_save_that_fails_leaves_all_as_it_was(path: Path) -> None:
    diary = opened(path)
    diary.save([bout("a", 0, 10)], [bout("b", 10, 20)])
    pages = diary._connection.execute("PRAGMA page_count").fetchone()[0]
    diary._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(DiaryError, match="full"):
        diary.save([bout("x" * 48, k, k + 1) for k in range(20, 4000)], [])
    assert names(diary) == ["a", "b"]
    diary._connection.execute("PRAGMA max_page_count = 1000000")
    diary.save([bout("b", 10, 25)], [])
    assert [(b.activity, b.end) for b in diary.between(0, 100)] == [("a", 10), ("b", 25)]
