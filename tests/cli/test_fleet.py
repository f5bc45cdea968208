"""`harpi fleet`, and a fleet."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from harpi.cli.roster import Roster, gather, print_list
from harpi.cli.terminal import StopFlag, console_on
from harpi.publish.subscriber import Heard, LinkChanged
from tests.publish.test_messages import health
from tests.support.broker import Broker, Listener, listening, running, wait_until
from tests.support.command import end, harpi, running_harpi
from tests.support.terminal import Terminal

ROOT = Path(__file__).parents[2]
COUNT = 100


class Script:
    """A subscriber that hears what a test wants, and then silence."""

    def __init__(self, *events: Heard | LinkChanged) -> None:
        self._events = list(events)

    def next(self, seconds: float) -> Heard | LinkChanged | None:
        return self._events.pop(0) if self._events else None


def heard(*said: tuple[str, str, bytes]) -> Roster:
    roster = Roster()
    script = Script(LinkChanged(connected=True), *(Heard(*one) for one in said))
    gather(script, roster, StopFlag())
    return roster


def well(version: str = "0.1.0") -> bytes:
    return msgspec.structs.replace(health(), version=version, time=datetime.now(UTC)).encode()


def listed(roster: Roster) -> list[str]:
    stream = io.StringIO()
    print_list(roster, console_on(stream), json=False)
    return stream.getvalue().splitlines()


def test_each_device_has_a_line_in_the_order_of_names() -> None:
    roster = heard(
        ("leg", "status", b"offline"),
        ("arm", "health", well("0.1.1")),
        ("arm", "status", b"online"),
        ("leg", "health", well()),
        ("new", "status", b"online"),
    )
    header, arm, leg, new, _, total = [*listed(roster)[:4], "", listed(roster)[-1]]
    assert header.split()[:3] == ["device", "status", "version"]
    assert arm.split()[:5] == ["arm", "online", "0.1.1", "running", "50.0"]
    assert leg.split()[:3] == ["leg", "offline", "0.1.0"]
    assert new.split() == ["new", "online", *"------"]
    assert total.strip() == "2 of 3 devices are online"


def test_what_no_device_says_is_passed_over() -> None:
    roster = heard(
        ("arm", "status", b"\xff"),
        ("arm", "status", b"maybe"),
        ("arm", "health", b"{}"),
        ("arm", "health", b"\x00"),
    )
    assert roster.members == {}


def test_a_name_cannot_command_the_terminal() -> None:
    roster = heard(("a\x1b[2Jb", "status", b"online"))
    assert "\x1b" not in "".join(listed(roster))


# --- on a broker --------------------------------------------------------------------------


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running(Broker(tmp_path)) as one:
        yield one


@contextmanager
def fleet_of(broker: Broker, count: int) -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, "-m", "tests.support.fleet", broker.host, str(broker.port)]
    with subprocess.Popen(
        [*words, str(count), broker.folder], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def devices_of(listener: Listener, ending: str) -> set[str]:
    return {
        message.topic.split("/")[1]
        for message in list(listener.messages)
        if message.topic.endswith(f"/{ending}")
    }


@pytest.mark.broker
def test_a_hundred_devices_are_listed_and_missed_when_they_vanish(broker: Broker) -> None:
    words = ["fleet", "--json", "--host", broker.host, "--port", str(broker.port)]
    with listening(broker) as listener:
        with fleet_of(broker, COUNT) as process:
            there = json.loads(harpi(*words).stdout)
            assert [one["device"] for one in there] == [f"unit-{n:03}" for n in range(COUNT)]
            assert [one["version"] for one in there] == [f"0.1.{n}" for n in range(COUNT)]
            assert {one["status"] for one in there} == {"online"}
            for topic in ("status", "state", "health", "history"):
                assert len(devices_of(listener, topic)) == COUNT
            process.kill()
            # Nobody says goodbye: the broker does it for each of them.
            wait_until(
                lambda: listener.of("status").count(b"offline") == COUNT, "all wills are read"
            )
        gone = json.loads(harpi(*words).stdout)
    assert {one["status"] for one in gone} == {"offline"}
    assert len(gone) == COUNT


@pytest.mark.broker
def test_what_a_window_costs_on_the_way_is_little(broker: Broker) -> None:
    with listening(broker) as listener, fleet_of(broker, 1):
        state, history = listener.wait_for("state")[0], listener.wait_for("history")[0]
    assert len(state) + len(history) < 1280


@pytest.mark.broker
def test_changes_are_told_as_they_come(broker: Broker) -> None:
    where = ["--host", broker.host, "--port", str(broker.port)]
    with (
        running_harpi("fleet", "--watch", *where) as people,
        running_harpi("fleet", "--watch", "--json", *where) as machine,
        fleet_of(broker, 1) as process,
    ):
        assert people.stdout
        assert machine.stdout
        first = people.stdout.readline()
        assert first.startswith("unit-000  ")
        process.kill()
        while "offline" not in people.stdout.readline():
            pass
        while json.loads(machine.stdout.readline())["status"] != "offline":
            pass
        for watcher in (people, machine):
            assert "Traceback" not in end(watcher)


@pytest.mark.broker
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_on_a_terminal_the_list_is_redrawn_in_its_place(
    broker: Broker, number: signal.Signals
) -> None:
    terminal = Terminal("fleet", "--watch", "--host", broker.host, "--port", str(broker.port))
    with fleet_of(broker, 30) as process:
        wait_until(lambda: "30 of 30 devices are online" in terminal.picture, "all are on")
        assert "unit-020" in terminal.picture
        assert "9 more than fit" in terminal.picture
        process.kill()
        wait_until(lambda: "0 of 30 devices are online" in terminal.picture, "none is left")
    broker.kill()
    wait_until(lambda: "the broker is away" in terminal.picture, "it is said to be away")
    broker.start()
    wait_until(lambda: "the broker is away" not in terminal.picture, "it is said to be back")
    assert terminal.end(number) == 130
    assert "\x1b[2J" not in terminal.written
    _, left, after = terminal.written.rpartition("\x1b[?1049l")
    assert left
    assert "unit-029" in after
    assert "Traceback" not in terminal.written


@pytest.mark.broker
def test_nobody_there_is_said(broker: Broker) -> None:
    done = harpi("fleet", "--host", broker.host, "--port", str(broker.port))
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "harpi: no device is known under harpi/\n"
