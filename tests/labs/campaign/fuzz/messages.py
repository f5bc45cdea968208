"""What comes over MQTT and the local socket: commands, and what other devices say."""

from __future__ import annotations

import contextlib
import io
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from harpi import commands
from harpi.cli.devices import JsonLines, PlainLines, follow
from harpi.cli.roster import Roster
from harpi.cli.terminal import StopFlag
from harpi.commands import COMMANDS, Answer, Command, Event, decode, encode
from harpi.config.schema import CommandsSection, SocketSection
from harpi.controls.socket import ControlSocket
from harpi.errors import ControlError
from harpi.evaluation.runs import RunLog
from harpi.imu.emulator import VirtualTime
from harpi.publish.commands import MqttCommands
from harpi.publish.messages import Health, State
from harpi.publish.subscriber import Heard, LinkChanged
from harpi.supervisor import Supervisor
from tests.labs.campaign.fuzz.hostile import json_seeds, json_words, nested
from tests.labs.campaign.fuzz.target import Feed, Target
from tests.support.conditions import condition
from tests.support.fake_room import FakeRoom, event
from tests.support.verdicts import verdict

_COMMAND = b'{"command":"record","label":"walking","seconds":15,"position":"arm","test":true}'
_EVERY = [
    b'{"command":"stop"}',
    b'{"command":"undo","whole":true}',
    b'{"command":"relabel","takes":[1,2],"label":"sitting"}',
    b'{"command":"forget","label":"walking","confirmed":true}',
    b'{"command":"use","head":3}',
    b'{"command":"mount","position":"leg"}',
    b'{"command":"status"}',
]


def _command(folder: Path) -> Feed:
    del folder

    def feed(content: bytes) -> None:
        command = decode(content)
        assert decode(encode(command)) == command

    return feed


class _Publisher:
    """Takes what the door says to the broker."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def publish_event(self, said: Event) -> None:
        self.events.append(said)
        msgspec.json.encode(said)

    def repeat(self, first: int, last: int) -> int:
        return max(0, min(last, first + 10) - first)

    supervisor = Supervisor()

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


def _mqtt(folder: Path) -> Feed:
    publisher = _Publisher()
    door = MqttCommands(
        publisher,  # type: ignore[arg-type]
        FakeRoom(),
        CommandsSection(),
        RunLog(folder / "evaluations.jsonl"),
    )

    def feed(content: bytes) -> None:
        name, _, payload = content.partition(b"\n")
        topic = "set" + name.decode("utf-8", "replace")
        publisher.events.clear()
        door._obey(topic, payload)
        door._turn_away(topic, payload, "too many")
        assert publisher.events, "every request is answered"
        if not publisher.events[0].ok:
            assert len(msgspec.json.encode(publisher.events[0])) < 20_000

    return feed


def _mqtt_seeds() -> Sequence[bytes]:
    named = (b"/record\n" + seed for seed in json_seeds(b'{"label":"walking","id":"1"}'))
    aside = (b"/repeat\n" + seed for seed in json_seeds(b'{"first":0,"last":9}'))
    whole = (b"\n" + seed for seed in json_seeds(_COMMAND[:-1] + b',"id":"1"}'))
    report = (b"/report\n" + seed for seed in json_seeds(b'{"run":3}'))
    return [*named, *aside, *whole, *report, b"/stop\n", b"/\n", b"/\xff\n{}", b"/record/x\n"]


def _heard(folder: Path) -> Feed:
    del folder
    roster = Roster()

    class Once:
        """Says one thing, and that the link is gone."""

        def __init__(self, heard: Heard, ending: StopFlag) -> None:
            self.said: list[Heard | LinkChanged] = [heard, LinkChanged(connected=False)]
            self.ending = ending

        def next(self, seconds: float) -> Heard | LinkChanged | None:
            del seconds
            if len(self.said) == 1:
                self.ending.asked = True
            return self.said.pop(0)

    def feed(content: bytes) -> None:
        first, _, payload = content.partition(b"\n")
        device, _, name = first.decode("utf-8", "replace").partition("/")
        heard = Heard(device, name, payload)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            for view in (PlainLines(), JsonLines()):
                ending = StopFlag()
                follow(Once(heard, ending), view, ending, topic="harpi/+")
            if (member := roster.note(heard)) is not None:
                print(member.line(), *member.row())
                roster.members.clear()
        for line in (out.getvalue() + err.getvalue()).split("\n"):
            assert line.isprintable(), f"a terminal would obey {line!r}"

    return feed


def _heard_seeds() -> Sequence[bytes]:
    said = {
        "state": State.of(verdict({"walking": 0.9}), 1, VirtualTime(1000.0)).encode(),
        "health": condition().health.encode(),
        "session": msgspec.json.encode(FakeRoom().situation),
        "event": msgspec.json.encode(event()),
    }
    return [
        b"arm/status\nonline",
        b"\x1b[2J/status\n\x1b[2J",
        *(
            f"arm/{name}\n".encode() + seed
            for name, sound in said.items()
            for seed in json_seeds(sound)
        ),
    ]


class _Room(FakeRoom):
    """A room whose door closes when somebody wants to follow, and so waits for nothing."""

    door: ControlSocket

    def subscribe(self, listener: Any) -> None:
        super().subscribe(listener)
        self.door._ending.set()

    def command(self, command: Command, source: str, *, at: float | None = None) -> Answer:
        self.commands.clear()
        return super().command(command, source, at=at)


def _socket(folder: Path) -> Feed:
    room = _Room()
    looked: list[int] = []
    room.door = ControlSocket(
        room,
        folder,
        SocketSection(),
        examine=lambda: b"{}",
        look_again=lambda: looked.append(1),
    )

    def feed(content: bytes) -> None:
        looked.clear()
        room.listeners.clear()
        room.door._ending.clear()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
            theirs.settimeout(0.05)
            ours.sendall(content)
            ours.shutdown(socket.SHUT_WR)
            room.door._serve(theirs)
            ours.setblocking(False)
            answers = b""
            with contextlib.suppress(BlockingIOError, ConnectionResetError):
                while got := ours.recv(1 << 20):
                    answers += got
        for line in answers.split(b"\n")[:-1]:
            msgspec.json.decode(line)

    return feed


def _answers(folder: Path) -> Feed:
    from harpi.controls.client import Client

    path = folder / "harpi.sock"

    def feed(content: bytes) -> None:
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
            listening.bind(str(path))
            listening.listen()
            with Client(folder) as client:
                daemon, _ = listening.accept()
                with daemon, contextlib.suppress(ControlError):
                    daemon.sendall(content)
                    daemon.shutdown(socket.SHUT_WR)
                    client.ask(commands.Status())
                    client.begin_to_follow()
                    for number, _ in enumerate(client.events()):
                        assert number < len(content)

    return feed


_KINDS = [*COMMANDS.values(), Event, Answer, commands.Situation]
_TAGS = tuple(f'"command":"{name}"'.encode() for name in COMMANDS)

TARGETS = [
    Target(
        "command",
        "commands as JSON, whichever door they come in by",
        _command,
        lambda: [*json_seeds(_COMMAND), *_EVERY, b" " * 4097],
        (*json_words(*_KINDS), *_TAGS),
        largest=4200,
        share=12.0,
        json=True,
    ),
    Target(
        "mqtt",
        "messages to the topics below `/set`",
        _mqtt,
        _mqtt_seeds,
        (*json_words(*_KINDS), *_TAGS, *(f"/{name}\n".encode() for name in COMMANDS)),
        largest=4400,
        share=4.0,
        json=True,
    ),
    Target(
        "socket",
        "the daemon's end of the local socket",
        _socket,
        lambda: [
            *(seed + b"\n" for seed in json_seeds(_COMMAND)),
            b"\n".join([*_EVERY, b'{"command":"examine"}', b""]),
            b'{"command":"look"}\n{"command":"follow"}\n',
            b"\n" * 600,
            b"a" * 5000,
        ],
        (*json_words(*_KINDS), *_TAGS, b"\n", b'"command":"follow"', b'"command":"examine"'),
        largest=8192,
        share=1.0,
        json=True,
    ),
    Target(
        "answers",
        "a command's end of the local socket",
        _answers,
        lambda: [
            *(
                seed + b"\n"
                for seed in json_seeds(
                    msgspec.json.encode(FakeRoom().command(commands.Status(), "test"))
                )
            ),
            *(seed + b"\n" for seed in json_seeds(encode(event()))),
            nested(),
        ],
        json_words(Answer, Event, commands.Situation),
        largest=8192,
        share=0.4,
        json=True,
    ),
    Target(
        "heard",
        "what devices say on a broker, for `harpi watch` and `harpi fleet`",
        _heard,
        _heard_seeds,
        (
            *json_words(State, Health, Event, commands.Situation),
            b"arm/health\n",
            b"arm/event\n",
        ),
        largest=6000,
        share=0.6,
        json=True,
    ),
]
