"""`harpi day` as a person uses it, and as a program does."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest

from harpi.cli import main
from harpi.commands import Correct, Erase
from harpi.diary.bouts import Bout
from harpi.diary.store import Diary
from tests.support.control_socket import served
from tests.support.fake_room import FakeRoom

Harpi = Callable[..., int]

DAY = "2026-05-01"


@pytest.fixture
def harpi(tmp_path: Path) -> Harpi:
    """Run a command; give its exit code."""

    def run(*words: str) -> int:
        settings = (f"paths.runtime={tmp_path}", f"paths.state={tmp_path}", "device.id=arm")
        with pytest.raises(SystemExit) as end:
            main([*words, *(word for s in settings for word in ("--set", s))])
        code = end.value.code
        assert code is None or isinstance(code, int)
        return code or 0

    return run


def at(hour: int, minute: int = 0, day: int = 1) -> float:
    return datetime(2026, 5, day, hour, minute).astimezone().timestamp()


@pytest.fixture
def diary(tmp_path: Path) -> Diary:
    """A day: an hour of walking, one of sitting, one unknown, and a night off the arm."""
    diary = Diary(tmp_path / "diary.db")
    diary.begin_run("1.0")
    known = {"position": "right_arm", "models": "generic 1.1, no head"}
    diary.save(
        [
            Bout(kind="not_worn", activity=None, start=at(0) - 60, end=at(8), **known),
            Bout(
                kind="activity",
                activity="walking, slowly",
                start=at(8),
                end=at(9),
                confidence=0.9,
                interruptions=2,
                **known,
            ),
            Bout(
                kind="activity",
                activity="sitting",
                start=at(9),
                end=at(10, 30),
                confidence=0.8,
                **known,
            ),
            Bout(kind="unknown", activity=None, start=at(10, 30), end=at(11), **known),
        ],
        [],
    )
    return diary


def test_a_day_is_a_bar_totals_and_bouts(
    harpi: Harpi, diary: Diary, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harpi("day", DAY) == 0
    bar, *lines = capsys.readouterr().out.splitlines()
    assert bar.startswith("Fri 2026-05-01 |---")
    assert "-www" in bar
    assert bar.index("w") < bar.index("s") < bar.index("?")
    assert lines[0].split() == ["s", "sitting", "1", "h", "30", "min", "once"]
    assert "- not worn                8 h 0 min  once" in lines
    assert any("walking, slowly  90% sure, 2 interruptions" in line for line in lines)
    assert lines[-1] == "As said by generic 1.1, no head."


def test_a_week_has_a_bar_for_each_day(
    harpi: Harpi, diary: Diary, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harpi("day", "2026-05-03", "--week") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:14] for line in lines[:7]][4:] == [
        "Fri 2026-05-01",
        "Sat 2026-05-02",
        "Sun 2026-05-03",
    ]
    assert any(line.startswith("- not worn") and "8 h 1 min" in line for line in lines)


def test_json_has_totals_that_are_the_sum_of_the_bouts(
    harpi: Harpi, diary: Diary, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harpi("day", DAY, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["date"] == DAY
    assert [bout["activity"] for bout in found["bouts"]] == [
        None,
        "walking, slowly",
        "sitting",
        None,
    ]
    assert sum(one["seconds"] for one in found["totals"]) == 11 * 3600


def test_csv_has_a_line_for_each_bout(
    harpi: Harpi, diary: Diary, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harpi("day", DAY, "--csv", "--week") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["activity"] for row in rows] == ["", "walking, slowly", "sitting", ""]
    assert rows[1]["seconds"] == "3600.0"


def test_influx_lines_escape_what_a_label_may_hold(
    harpi: Harpi, diary: Diary, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harpi("day", DAY, "--influx") == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line == (
        "harpi_bout,device=arm,kind=activity,activity=walking\\,\\ slowly,position=right_arm "
        f"seconds=3600.000,interruptions=2i,confidence=0.900 {round(at(8))}000000000"
    )


def test_a_goal_is_shown(
    harpi: Harpi, diary: Diary, capsys: pytest.CaptureFixture[str]
) -> None:
    goal = ("--set", "diary.goal_minutes=120", "--set", 'diary.goal_activities=["sitting"]')
    assert harpi("day", DAY, *goal) == 0
    assert "Goal: 90 of 120 minutes of sitting." in capsys.readouterr().out


@pytest.mark.parametrize("when", ["today", "yesterday", "2020-01-01"])
def test_a_day_without_bouts_is_said(
    harpi: Harpi, diary: Diary, when: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harpi("day", when) == 0
    assert "The diary has nothing of it." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("day", "tomorrow"), 2, "'tomorrow' is no day"),
        (("day", "2026-02-30"), 2, "is no day"),
        (("day", "0001-01-01", "--week"), 2, "no diary of"),
        (("day", "9999-12-31"), 2, "no diary of"),
        (("day", "--csv", "--json"), 2, "exclude each other"),
        (("day", "--week", "--delete"), 2, "one day"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(
    harpi: Harpi,
    diary: Diary,
    words: tuple[str, ...],
    code: int,
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert harpi(*words) == code
    assert says in capsys.readouterr().err


def test_where_there_is_no_diary_that_is_said(
    harpi: Harpi, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harpi("day") == 6
    assert "no diary yet" in capsys.readouterr().err


def test_without_a_daemon_a_bout_is_corrected_and_a_day_deleted(
    harpi: Harpi, diary: Diary, capsys: pytest.CaptureFixture[str]
) -> None:
    diary.save([], [Bout(kind="unknown", activity=None, start=at(11), end=at(12))])
    assert harpi("correct", "rowing", "--bout", "5") == 0
    assert "was unknown, and is rowing now" in capsys.readouterr().out
    assert diary.bout(5).corrected
    assert harpi("day", DAY, "--delete", "--yes") == 0
    assert "Deleted from the diary of 2026-05-01: 5 bouts." in capsys.readouterr().out
    assert diary.between(0, 1e11) == []


def test_what_is_not_there_cannot_be_deleted(
    harpi: Harpi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harpi("day", DAY, "--delete", "--yes") != 0
    assert "no diary yet" in capsys.readouterr().err
    assert not (tmp_path / "diary.db").exists()


def test_a_running_daemon_deletes_and_corrects(harpi: Harpi, tmp_path: Path) -> None:
    room = FakeRoom()
    with served(room, tmp_path):
        assert harpi("day", DAY, "--delete", "--yes") == 0
        assert harpi("correct", "rowing", "--bout", "17") == 0
    assert room.commands == [Erase(day=date(2026, 5, 1)), Correct(label="rowing", bout=17)]
