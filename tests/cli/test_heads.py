"""`harpi heads` as a person uses it, with and without a running daemon."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harpi.cli import main
from harpi.commands import Discard
from harpi.learning.heads import HeadRegistry
from harpi.recognition.head import LearntTake
from tests.support.control_socket import served
from tests.support.fake_room import FakeRoom
from tests.support.models import DATA, tiny_base, tiny_head
from tests.support.wearer import Wearer

Harpi = Callable[..., int]


@pytest.fixture
def harpi(tmp_path: Path) -> Harpi:
    """Run a command; give its exit code."""

    def run(*words: str) -> int:
        settings = (
            f"paths.runtime={tmp_path}",
            f"paths.state={tmp_path}",
            f"models.base={DATA / 'tiny_base.tflite'}",
        )
        with pytest.raises(SystemExit) as end:
            main(["heads", *words, *(word for s in settings for word in ("--set", s))])
        code = end.value.code
        assert code is None or isinstance(code, int)
        return code or 0

    return run


@pytest.fixture
def shelf(tmp_path: Path) -> HeadRegistry:
    """Two heads, of which the second is in use."""
    shelf = HeadRegistry(tmp_path / "heads")
    head = replace(
        tiny_head(),
        created=datetime(2024, 5, 1, 12, 30, tzinfo=UTC),
        figures={"accuracy": 0.925, "windows": 40},
        takes=(LearntTake(number=1, label="still", right=0.9, whole=False),),
    )
    shelf.add(replace(head, step=0))
    shelf.add(replace(head, takes=(LearntTake(number=1, label="still", whole=True),)))
    return shelf


@pytest.mark.usefixtures("local_time")
def test_the_list_shows_figures_and_marks_the_head_in_use(
    harpi: Harpi, shelf: HeadRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harpi("list") == 0

    assert capsys.readouterr().out.splitlines() == [
        "  head  made              labels  takes  windows     right",
        "*    2  2024-05-01 18:00       2      1       40     92.5%  gradient",
        "     1  2024-05-01 18:00       2      1       40    ~92.5%  closed form",
    ]


def test_the_list_for_machines(
    harpi: Harpi, shelf: HeadRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.path(1).write_bytes(b"nonsense")

    assert harpi("list", "--json") == 0

    second, first = map(json.loads, capsys.readouterr().out.splitlines())
    assert second["labels"] == ["still", "fast"]
    assert (second["head"], second["current"], second["method"]) == (2, True, "gradient")
    assert second["figures"]["accuracy"] == 0.925
    assert (first["head"], first["current"]) == (1, False)
    assert "damaged" in first["problem"]


def test_a_damaged_head_is_listed_with_its_problem(
    harpi: Harpi, shelf: HeadRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.path(1).write_bytes(b"nonsense")

    assert harpi("list") == 0

    assert "not a head, or damaged" in capsys.readouterr().out.splitlines()[2]


def test_an_empty_shelf_says_how_to_fill_it(
    harpi: Harpi, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harpi("list") == 0

    assert "harpi train" in capsys.readouterr().out


@pytest.mark.parametrize("head", ["1", "previous"])
def test_going_back_without_a_daemon(
    harpi: Harpi, shelf: HeadRegistry, head: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harpi("use", head) == 0

    assert capsys.readouterr().out == "Head 1 is in use.\n"
    assert shelf.load(tiny_base()).number == 1


def test_going_back_while_the_daemon_runs_is_its_business(
    harpi: Harpi, shelf: HeadRegistry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wearer = Wearer(tmp_path / "wearer")
    with served(wearer.session, tmp_path):
        assert harpi("use", "1") == 0
        assert harpi("use", "previous") == 0
    wearer.store.close()

    assert wearer.learner.log == ["use 1", "use None"]
    assert capsys.readouterr().out.splitlines()[0] == "Head 1 is in use."
    assert shelf.load(tiny_base()).number == 2, "the daemon changes the shelf, not the command"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("use", "7"), 9, "there is no head 7"),
        (("use", "newest"), 2, "'newest' is neither a number nor `previous`"),
        (("use", "0"), 2, "neither a number"),
        (("delete", "2"), 9, "head 2 is in use"),
        (("delete", "9"), 9, "there is no head 9"),
    ],
)
def test_what_cannot_be_done_is_said(
    harpi: Harpi,
    shelf: HeadRegistry,
    words: tuple[str, ...],
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert harpi(*words) == code

    assert said in capsys.readouterr().err
    assert shelf.numbers == [1, 2]


def test_a_running_daemon_is_asked_to_delete_a_head(
    harpi: Harpi, shelf: HeadRegistry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    room = FakeRoom()
    with served(room, tmp_path):
        assert harpi("delete", "1") == 0
        room.answer = {"ok": False, "message": "head 2 is in use. Use another one first."}
        assert harpi("delete", "2") == 9
    assert room.commands == [Discard(head=1), Discard(head=2)]
    assert shelf.numbers == [1, 2]
    assert "head 2 is in use" in capsys.readouterr().err


def test_a_head_is_deleted(harpi: Harpi, shelf: HeadRegistry) -> None:
    assert harpi("delete", "1") == 0

    assert shelf.numbers == [2]
