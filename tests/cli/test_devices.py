"""What `harpi watch` makes of what it hears."""

from __future__ import annotations

import json
import re

import msgspec
import pytest

from harpi.cli.devices import JsonLines, PlainLines, follow
from harpi.cli.terminal import StopFlag
from harpi.publish.messages import State
from harpi.publish.subscriber import Heard, LinkChanged
from harpi.timebase import SystemTime
from tests.support.verdicts import verdict


def state(sequence: int = 7) -> State:
    return State.of(verdict(untrained=["personal"]), sequence, SystemTime())


def event(kind: str, message: str) -> str:
    situation = {"state": "idle", "session": 1, "position": "right_arm"}
    return json.dumps(
        {
            "kind": kind,
            "time": "2026-05-31T12:00:00Z",
            "source": "test",
            "ok": True,
            "message": message,
            "situation": situation,
        }
    )


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
        Heard("arm", "history", b"?"),
        Heard("arm", "state", state().encode()),
    )
    follow(script, PlainLines(), StopFlag(), topic="harpi/+", verdicts=1)
    captured = capsys.readouterr()
    first, second = captured.out.splitlines()
    assert first == "arm is online"
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT[\d:]{8}Z arm activity=\S+ "
        r"knn=walking:0\.70 generic=walking:0\.70 personal=-",
        second,
    )
    assert "arm/health is not a message of harpi" in captured.err


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    payload = state().encode()
    script = Script(Heard("leg", "status", b"offline"), Heard("leg", "state", payload))
    follow(script, JsonLines(), StopFlag(), topic="harpi/+", verdicts=1)
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {"device": "leg", "status": "offline"}
    assert second == {"device": "leg", "state": json.loads(payload)}


def test_silence_and_a_broker_that_goes_away_are_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harpi.cli.devices.SILENCE_SECONDS", -1.0)
    script = Script(
        LinkChanged(connected=True),
        None,
        None,
        Heard("arm", "status", b"online"),
        LinkChanged(connected=False),
        LinkChanged(connected=True),
        Heard("arm", "state", state().encode()),
    )
    follow(script, PlainLines(), StopFlag(), topic="harpi/+", verdicts=1)
    assert capsys.readouterr().err.splitlines() == [
        "harpi: nothing is said under harpi/+ yet; is the daemon running?",
        "harpi: the broker is away; trying again until it is back",
        "harpi: the broker is back",
    ]


def test_what_happens_in_the_session_is_a_line_and_progress_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = Script(
        Heard("arm", "event", event("progress", "Epoch 3").encode()),
        Heard("arm", "event", event("notice", "Take 3 is kept.").encode()),
        Heard("arm", "state", state().encode()),
    )
    follow(script, PlainLines(), StopFlag(), topic="harpi/+", verdicts=1)
    assert capsys.readouterr().out.splitlines()[0] == "arm: Take 3 is kept."


def test_what_a_terminal_would_obey_is_not_passed_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J"
    said = msgspec.json.decode(state().encode())
    said["knn"]["answer"] = evil
    script = Script(
        Heard(evil, "status", evil.encode()),
        Heard(evil, "event", event("notice", evil).encode()),
        Heard(evil, "state", b"{" + evil.encode()),
        Heard(evil, "state", msgspec.json.encode(said)),
    )
    follow(script, PlainLines(), StopFlag(), topic="harpi/+", verdicts=1)
    captured = capsys.readouterr()
    assert captured.out.count("owned") == 6
    assert "is not a message of harpi" in captured.err
    assert "\x1b" not in captured.out + captured.err
