"""Somebody looks at the page of the demo, and presses its buttons."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harpi.cli import demo as command
from harpi.commands import Answer, Command, Delete, Pause, Record, Train
from harpi.demo.runner import ScaledTime, Scene, SceneScore
from harpi.demo.screen import Silence
from harpi.demo.setup import RunningDemo, set_up
from harpi.types import Verdict


class Visitor(Silence):
    """Watches, and presses buttons of the page whenever the wearer has pressed one."""

    def __init__(self, *presses: Command) -> None:
        self.play: RunningDemo | None = None
        self.presses = presses
        self.seen: list[str | None] = []

    def command(self, answer: Answer) -> None:
        self.press(*self.presses)

    def press(self, *presses: Command) -> None:
        assert self.play is not None
        for each in presses:
            self.play._daemon.session.command(each, "page")

    def verdict(self, scene: Scene | None, truth: str | None, verdict: Verdict) -> None:
        self.seen.append(truth)


@contextmanager
def visited(visitor: Visitor) -> Iterator[RunningDemo]:
    with set_up(visitor, SceneScore(), subject="25", speed=None) as play:
        visitor.play = play
        yield play


@pytest.mark.parametrize(
    "presses",
    [
        (Record(label="lying"),),
        (Train(),),
        (Train(), Pause()),
        (Delete(takes=(1, 2, 3)),),
    ],
    ids=["records", "trains", "trains and pauses", "deletes"],
)
def test_whatever_a_visitor_presses_the_play_goes_on_to_its_end(
    presses: tuple[Command, ...],
) -> None:
    with visited(Visitor(*presses)) as play:
        outcome = play.perform()
    windows = outcome.score.windows
    assert windows("after the lesson") > 0.9 * windows("strap turned") > 0
    assert outcome.lost == 0


def test_in_the_encore_the_wearer_does_what_is_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    visitor = Visitor()
    steps = iter(range(10))

    def is_watched(_play: RunningDemo) -> bool:
        step = next(steps, None)
        if step == 6:
            visitor.press(Record(label="lying"))
        return step is not None

    monkeypatch.setattr(RunningDemo, "is_watched", is_watched)
    with visited(visitor) as play:
        play.perform()
        visitor.seen.clear()
        play.encore()
    assert len(set(visitor.seen)) > 2
    assert set(visitor.seen[-16:]) == {"lying"}


def test_without_a_page_nobody_looks() -> None:
    with visited(Visitor()) as play:
        assert play.page is None
        assert not play.is_watched()


def test_time_goes_on_where_it_was_at_another_speed() -> None:
    scaled = ScaledTime(8.0)
    before = scaled.monotonic()
    scaled.go(1.0)
    assert 0 <= scaled.monotonic() - before < 1.0


# --- on the command line ----------------------------------------------------------------


def test_the_demo_serves_its_page_to_this_computer_and_ends_when_it_is_told() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "harpi", "demo"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "DISPLAY": ":9"},
    )
    try:
        assert process.stdout is not None
        address = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())
        assert address is not None
        with urllib.request.urlopen(address[0]) as page:
            assert b"harpi" in page.read()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 143
    assert errors == ""


@pytest.mark.parametrize(
    ("environment", "tty", "opened"),
    [
        ({"DISPLAY": ":0"}, True, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True, True),
        ({"DISPLAY": ":0"}, False, False),
        ({}, True, False),
        ({"DISPLAY": "localhost:10.0", "SSH_CONNECTION": "a b"}, True, False),
        ({"DISPLAY": ":0", "CI": "true"}, True, False),
    ],
)
def test_a_browser_is_opened_only_where_a_person_sits_before_a_desktop(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    tty: bool,
    opened: bool,
) -> None:
    opener = tmp_path / "xdg-open"
    opener.write_text("#!/bin/sh\n")
    opener.chmod(0o755)
    started: list[list[str]] = []
    out = io.StringIO()
    monkeypatch.setattr(out, "isatty", lambda: tty)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(
        subprocess, "Popen", lambda words, **_: started.append([str(word) for word in words])
    )
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION", "SSH_TTY", "CI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**environment, "PATH": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    command.open_on_desktop("http://localhost:6050/")
    assert started == ([[str(opener), "http://localhost:6050/"]] if opened else [])
