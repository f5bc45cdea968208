"""`harpi start` leads a wearer through the first run."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harpi.cli import start
from harpi.commands import Evaluated, Event, Guide, Score
from tests.cli.test_session import Harpi, harpi
from tests.support.control_socket import served
from tests.support.wearer import Wearer

__all__ = ["harpi"]


class Follower(threading.Thread):
    """Does what the guide asks for, and lets training and evaluation end."""

    def __init__(self, wearer: Wearer) -> None:
        super().__init__(daemon=True)
        self._wearer = wearer
        self._events: queue.Queue[Event | None] = queue.Queue()
        wearer.session.subscribe(self._events.put)

    def run(self) -> None:
        evaluating = False
        while (event := self._events.get()) is not None:
            situation = event.situation
            if event.kind != "answer" or not event.ok:
                continue
            if situation.state in ("recording", "testing") and situation.label:
                self._wearer.moves(situation.label, 11)
            elif situation.state == "training":
                self._wearer.learner.ends()
            elif situation.evaluating and not evaluating:
                self._wearer.examiner.logged.append(RUN)
                self._wearer.examiner.ends()
            evaluating = situation.evaluating

    def end(self) -> None:
        self._events.put(None)
        self.join(20)


RUN = Evaluated(
    run=1,
    time=datetime.now(UTC),
    takes=2,
    windows=20,
    scores={
        "generic": Score(accuracy=0.4, macro_f1=0.4),
        "personal": Score(accuracy=0.95, macro_f1=0.9),
    },
    findings=(),
)


@pytest.fixture
def wearer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wearer]:
    monkeypatch.setattr(start, "COUNTDOWN", 0)
    wearer = Wearer(tmp_path)
    follower = Follower(wearer)
    follower.start()
    with served(wearer.session, tmp_path):
        yield wearer
    follower.end()
    wearer.store.close()


def test_from_nothing_to_a_plain_verdict(
    wearer: Wearer, harpi: Harpi, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harpi("start", "walking", "sitting", "--yes", "--position", "left_ankle") == 0
    said = capsys.readouterr()
    assert said.err == ""
    lines = said.out.splitlines()
    steps = [line for line in lines if line.startswith(("Do ", "That is", "Test", "Let"))]
    assert [line.split(" for")[0] for line in steps if line.startswith("Do")] == [
        *("Do walking", "Do sitting", "Do walking once more", "Do sitting once more"),
    ]
    assert lines[-1].endswith(
        "the personal model is right 95% of the time, the generic one 40%. harpi knows you now."
    )
    takes = [(take.label, take.split, take.position) for take in wearer.store.takes()]
    assert takes == [
        *(2 * [("walking", "train", "left_ankle"), ("sitting", "train", "left_ankle")]),
        ("walking", "test", "left_ankle"),
        ("sitting", "test", "left_ankle"),
    ]
    assert wearer.session.situation.guide is None


def test_without_names_it_takes_the_configured_activities(wearer: Wearer, harpi: Harpi) -> None:
    assert harpi("start", "--yes", "--set", "learning.labels=['standing', 'sitting']") == 0
    assert {take.label for take in wearer.store.takes()} == {"standing", "sitting"}


@pytest.mark.parametrize("words", [["walking"], ["walking", "walking"], ["walking", ""]])
def test_what_cannot_be_taught_is_refused(
    wearer: Wearer, harpi: Harpi, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert harpi("start", *words, "--yes") in (2, 9)
    assert "harpi: " in capsys.readouterr().err
    assert wearer.store.takes() == []
    assert wearer.session.situation.guide is None


def test_without_a_daemon_it_says_how_to_start_one(
    tmp_path: Path, harpi: Harpi, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harpi("start", "walking", "sitting", "--yes") == 8
    assert "no harpi is running" in capsys.readouterr().err


def test_a_step_that_is_refused_again_and_again_ends_it(
    wearer: Wearer, harpi: Harpi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wearer, "moves", lambda label, seconds: wearer.sensor_fails(20))
    assert harpi("start", "walking", "sitting", "--yes") == 9
    assert wearer.store.takes() == []
    assert wearer.session.situation.guide is None


def test_the_guide_waits_while_something_is_recorded(wearer: Wearer) -> None:
    assert wearer.say(Guide(labels=("walking", "sitting"))).ok
    step = wearer.session.situation.guide
    assert step is not None
    assert (step.step, step.label) == ("record", "walking")
    assert wearer.say(Guide()).ok
    assert wearer.session.situation.guide is None
