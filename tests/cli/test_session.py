"""`harpi record` and its kind, against a session behind the real socket."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harpi.cli import main
from tests.support.control_socket import served
from tests.support.wearer import Wearer

Harpi = Callable[..., int]


@pytest.fixture
def wearer(tmp_path: Path) -> Iterator[Wearer]:
    wearer = Wearer(tmp_path)
    with served(wearer.session, tmp_path):
        yield wearer
    wearer.store.close()


@pytest.fixture
def harpi(tmp_path: Path) -> Harpi:
    """Run a command; give its exit code."""

    def run(*words: str) -> int:
        with pytest.raises(SystemExit) as end:
            main([*words, "--set", f"paths.runtime={tmp_path}"])
        code = end.value.code
        assert code is None or isinstance(code, int)
        return code or 0

    return run


def meanwhile(wearer: Wearer, state: str, then: Callable[[], None]) -> threading.Thread:
    """Do something in another thread once the session is in a state."""
    reached = threading.Event()

    def notice(event: object) -> None:
        if wearer.session.situation.state == state:
            reached.set()

    def wait_and_do() -> None:
        assert reached.wait(20)
        then()

    wearer.session.subscribe(notice)
    thread = threading.Thread(target=wait_and_do)
    thread.start()
    return thread


def test_record_and_stop(
    wearer: Wearer, harpi: Harpi, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harpi("record", "walking", "--position", "left_ankle") == 0
    assert wearer.session.situation.label == "walking"
    assert wearer.session.situation.position == "left_ankle"
    wearer.moves("walking", 8)
    assert harpi("stop") == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("Recording walking.\nTake 1 of walking is kept: 8.0 s,")
    assert shown.err == ""


def test_record_for_some_seconds_waits_and_shows_what_came_of_it(
    wearer: Wearer, harpi: Harpi, capsys: pytest.CaptureFixture[str]
) -> None:
    mover = meanwhile(wearer, "recording", lambda: wearer.moves("walking", 4))
    assert harpi("record", "walking", "--seconds", "3") == 0
    mover.join()
    assert "Recording walking for 3 s.\nTake 1 of walking is kept: 3.0 s" in (
        capsys.readouterr().out
    )


def test_record_for_some_seconds_need_not_wait(wearer: Wearer, harpi: Harpi) -> None:
    assert harpi("record", "walking", "--seconds", "3", "--no-wait") == 0
    assert wearer.session.situation.seconds == 3


def test_a_test_take(wearer: Wearer, harpi: Harpi) -> None:
    assert harpi("record", "walking", "--test") == 0
    assert wearer.session.situation.state == "testing"


def test_a_misspelt_label_is_recorded_with_a_warning_unless_it_is_meant(
    wearer: Wearer, harpi: Harpi, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harpi("record", "wlaking") == 0
    assert "warning: 'wlaking' is a new label; did you mean 'walking'?" in (
        capsys.readouterr().err
    )
    assert harpi("undo") == 0
    assert harpi("record", "wlaking", "--new") == 0
    assert capsys.readouterr().err == ""


def test_a_refused_command_is_one_line_and_exit_code_9(
    wearer: Wearer, harpi: Harpi, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harpi("stop") == 9
    assert capsys.readouterr().err == (
        "harpi: no take is being recorded. Start one with `harpi record LABEL`.\n"
    )
    assert harpi("train") == 9
    assert "5 more windows needed" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("record", "x" * 49),
        ("record", ""),
        ("record", "walking", "--seconds", "0"),
        ("record", "walking", "--seconds", "601"),
        ("record",),
    ],
)
def test_what_cannot_be_is_exit_code_2(
    wearer: Wearer, harpi: Harpi, words: tuple[str, ...]
) -> None:
    assert harpi(*words) == 2
    assert wearer.session.situation.state == "idle"


@pytest.mark.parametrize(
    "words",
    [
        ("record", "walking"),
        ("record", "walking", "--seconds", "3"),
        ("stop",),
        ("train",),
        ("train", "--wait"),
        ("pause",),
        ("resume",),
        ("cancel",),
        ("mount",),
    ],
)
def test_without_a_daemon_each_says_how_to_start_one(
    harpi: Harpi, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert harpi(*words) == 8
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "sudo systemctl start harpi" in error


def test_train_waits_and_shows_how_it_ended(
    wearer: Wearer, harpi: Harpi, capsys: pytest.CaptureFixture[str]
) -> None:
    wearer.records("walking")
    wearer.records("sitting")

    def train() -> None:
        wearer.learner.learns(1, 0.9)
        wearer.learner.ends("taken", "record more of standing")

    trainer = meanwhile(wearer, "training", train)
    assert harpi("train", "--wait") == 0
    trainer.join()
    assert capsys.readouterr().out == (
        "Training walking and sitting.\nTraining: taken.\n- record more of standing\n"
    )


def test_a_training_that_fails_is_exit_code_9(
    wearer: Wearer, harpi: Harpi, capsys: pytest.CaptureFixture[str]
) -> None:
    wearer.records("walking")
    wearer.records("sitting")
    trainer = meanwhile(wearer, "training", lambda: wearer.learner.ends("failed"))
    assert harpi("train", "--wait") == 9
    trainer.join()
    assert "Training: failed." in capsys.readouterr().err


def test_training_need_not_be_waited_for_and_can_rest(wearer: Wearer, harpi: Harpi) -> None:
    wearer.records("walking")
    wearer.records("sitting")
    for command, state in (
        ("train", "training"),
        ("pause", "paused"),
        ("resume", "training"),
        ("cancel", "training"),
    ):
        assert harpi(command) == 0
        assert wearer.session.situation.state == state
    assert wearer.learner.log[-4:] == ["train", "pause", "resume", "cancel"]


def test_undo_and_undo_whole(wearer: Wearer, harpi: Harpi) -> None:
    wearer.records("walking")
    wearer.records("sitting")
    assert harpi("undo") == 0
    assert harpi("undo", "--whole") == 0
    assert wearer.store.takes() == []


def test_forget_asks_first(
    wearer: Wearer, harpi: Harpi, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = []

    def confirm(question: str, *, abort: bool) -> None:
        questions.append(question)

    monkeypatch.setattr("typer.confirm", confirm)
    wearer.records("walking")
    wearer.records("sitting")
    assert harpi("forget", "walking") == 0
    assert [take.label for take in wearer.store.takes()] == ["sitting"]
    assert harpi("forget") == 0
    assert wearer.store.takes() == []
    assert questions == [
        "Forget the label walking and delete 1 takes?",
        "Forget everything and delete 1 takes?",
    ]


def test_forget_need_not_ask(wearer: Wearer, harpi: Harpi) -> None:
    wearer.records("walking")
    assert harpi("forget", "--yes") == 0
    assert wearer.store.takes() == []


def test_mount_begins_a_session(wearer: Wearer, harpi: Harpi) -> None:
    wearer.records("walking")
    assert harpi("mount", "--position", "right_thigh") == 0
    assert wearer.session.situation.position == "right_thigh"
    assert wearer.session.situation.session != wearer.store.takes()[0].session


def test_ctrl_c_ends_the_waiting_and_not_the_take(
    wearer: Wearer,
    harpi: Harpi,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(self: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("harpi.controls.client.Client.events", interrupt)
    assert harpi("record", "walking", "--seconds", "3") == 130
    assert "The take goes on" in capsys.readouterr().err
    assert wearer.session.situation.state == "recording"
