"""What `harpi watch` makes of what it hears."""

from __future__ import annotations

import io
import json
import re

import pytest

from harpi.cli.live import Device, JsonLines, PlainLines, Screen, follow, picture
from harpi.publish.messages import State
from harpi.publish.subscriber import Heard, LinkChanged
from harpi.timebase import SystemTime
from tests.support.verdicts import verdict


def state(sequence: int = 7) -> State:
    return State.of(verdict(untrained=["personal"]), sequence, SystemTime())


class Script:
    """A subscriber that hears what a test wants."""

    def __init__(self, *events: Heard | LinkChanged | None) -> None:
        self._events = list(events)

    def next(self, seconds: float) -> Heard | LinkChanged | None:
        return self._events.pop(0)


def test_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    script = Script(
        Heard("arm", "status", b"online"),
        Heard("arm", "health", b"{}"),
        Heard("arm", "event", b"?"),
        Heard("arm", "state", state().encode()),
    )
    follow(script, PlainLines(), topic="harpi/+", verdicts=1)
    captured = capsys.readouterr()
    first, second = captured.out.splitlines()
    assert first == "arm is online"
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT[\d:]{8}Z arm knn=walking:0\.70 generic=walking:0\.70 personal=-",
        second,
    )
    assert "arm/health is not as harpi says it" in captured.err


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    payload = state().encode()
    script = Script(Heard("leg", "status", b"offline"), Heard("leg", "state", payload))
    follow(script, JsonLines(), topic="harpi/+", verdicts=1)
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {"device": "leg", "status": "offline"}
    assert second == {"device": "leg", "state": json.loads(payload)}


def test_silence_and_a_broker_that_goes_away_are_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harpi.cli.live.SILENCE_SECONDS", -1.0)
    script = Script(
        LinkChanged(connected=True),
        None,
        None,
        Heard("arm", "status", b"online"),
        LinkChanged(connected=False),
        LinkChanged(connected=True),
        Heard("arm", "state", state().encode()),
    )
    follow(script, PlainLines(), topic="harpi/+", verdicts=1)
    assert capsys.readouterr().err.splitlines() == [
        "harpi: nothing is said under harpi/+ yet; is the daemon running?",
        "harpi: the broker is away",
        "harpi: the broker is back",
    ]


def test_the_picture_of_a_device() -> None:
    headline, *rows = picture(Device("arm", "online", state()))
    assert re.fullmatch(r"arm  online  \d\d:\d\d:\d\d  window 7", headline)
    assert [row.split()[:3] for row in rows] == [
        ["kNN", "walking", "70%"],
        ["generic", "walking", "70%"],
        ["personal", "not", "trained"],
    ]
    assert rows[0].count("█") == 14


def test_unknown_is_said_with_the_confidence_it_was_not_enough() -> None:
    said = state()
    unknown = State(
        time=said.time,
        sequence=0,
        start=said.start,
        end=said.end,
        knn=said.knn,
        generic=said.generic,
        personal=type(said.generic)(
            answer=None,
            confidence=0.4,
            probabilities={"walking": 0.4},
            unknown=True,
            trained=True,
            latency_ms=1.0,
        ),
    )
    assert picture(Device("arm", "online", unknown))[3].split()[:3] == [
        "personal",
        "unknown",
        "40%",
    ]


def test_the_screen_redraws_in_place_and_keeps_devices_apart() -> None:
    stream = io.StringIO()
    screen = Screen(stream)
    screen.show(Device("arm", "online", state()), "state", b"")
    screen.show(Device("leg", "offline"), "status", b"")
    first, _, second = stream.getvalue().partition("\x1b[4A")
    assert first.count("\n") == 4
    assert second.count("\n") == 6
    assert "leg  offline" in second
    screen.tell("the broker is away")
    assert stream.getvalue().endswith("the broker is away\x1b[K\n\x1b[J")


def test_no_line_is_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    stream = io.StringIO()
    Screen(stream).show(Device("arm", "online", state()), "state", b"")
    lines = stream.getvalue().removesuffix("\x1b[J").replace("\x1b[K", "").splitlines()
    assert max(len(line) for line in lines) <= 30
