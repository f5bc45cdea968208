"""Commands by MQTT, and what is told of them and of everything else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from harpi.commands import Answer, Command, Event, Record, Situation, Status, Stop, Train, Undo
from harpi.config.schema import MqttSection
from harpi.evaluation.report import Report, summary_of
from harpi.evaluation.runs import RunLog
from harpi.publish.commands import WAITING, MqttCommands
from harpi.publish.messages import LoggedEvaluation, LoggedResult
from harpi.publish.publisher import MqttPublisher
from tests.support.broker import Broker, Listener, listening, running, wait_until
from tests.support.fake_room import FakeRoom
from tests.support.judgements import contest
from tests.support.payloads import validate

pytestmark = pytest.mark.broker


class Room(FakeRoom):
    """Tells of every command but `status` as the session does; may fail, or be slow."""

    def __init__(self) -> None:
        super().__init__()
        self.open = threading.Event()
        self.open.set()

    def command(self, command: Command, source: str, *, at: float | None = None) -> Answer:
        self.open.wait(10)
        if isinstance(command, Train):
            raise RuntimeError("a fault")
        answer = super().command(command, source, at=at)
        if not isinstance(command, Status):
            self.happens("answer", source=source, ok=answer.ok, message=answer.message)
        return answer


def log_of(broker: Broker) -> RunLog:
    return RunLog(broker.folder / "evaluations.jsonl")


@contextmanager
def serving(broker: Broker, room: Room, **commands: object) -> Iterator[MqttPublisher]:
    settings = {"host": broker.host, "port": broker.port, "commands": commands}
    section = msgspec.convert(settings, MqttSection)
    publisher = MqttPublisher(section, "arm")
    door = MqttCommands(publisher, room, section.commands, log_of(broker))
    publisher.start()
    door.start()
    try:
        wait_until(lambda: publisher.connected, "the door is open")
        yield publisher
    finally:
        room.open.set()
        door.stop()
        publisher.stop()


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
def ear(broker: Broker) -> Iterator[Listener]:
    with listening(broker, "harpi/arm/+") as one:
        yield one


class Sender:
    def __init__(self, broker: Broker) -> None:
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    def __call__(self, topic: str, payload: bytes = b"", *, retain: bool = False) -> None:
        info = self._client.publish(f"harpi/arm/{topic}", payload, qos=1, retain=retain)
        info.wait_for_publish(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def send(broker: Broker) -> Iterator[Sender]:
    one = Sender(broker)
    yield one
    one.close()


def events(ear: Listener, count: int) -> list[Event]:
    payloads = ear.wait_for("event", count)
    for payload in payloads:
        validate("event", payload)
    return [msgspec.json.decode(payload, type=Event) for payload in payloads]


def test_a_command_is_done_and_answered_once_with_the_id_of_the_request(
    broker: Broker, room: Room, ear: Listener, send: Sender
) -> None:
    with serving(broker, room):
        send("set/record", b'{"label": "walking", "id": "mine-1"}')
        send("set/stop", b'{"id": "mine-2"}')
        first, second = events(ear, 2)
    assert room.commands == [Record(label="walking"), Stop()]
    assert room.sources == {"mqtt"}
    assert (first.id, first.ok, first.situation.state) == ("mine-1", True, "recording")
    assert (second.id, second.situation.state) == ("mine-2", "idle")


def test_a_command_that_is_delivered_twice_is_done_once(
    broker: Broker, room: Room, ear: Listener, send: Sender
) -> None:
    with serving(broker, room):
        for _ in range(2):
            send("set/stop", b'{"id": "mine"}')
        send("set/stop", b'{"id": "another"}')
        send("set/record", b'{"label": "walking", "id": "mine"}')
        for _ in range(2):
            send("set/undo", b"{}")
        first, second, *_ = events(ear, 6)
    assert room.commands == [Stop(), Stop(), Record(label="walking"), Undo(), Undo()]
    assert (second.id, second.ok) == ("mine", first.ok)
    assert second.message == f"This came twice and was done once: {first.message}"


def test_a_command_may_name_itself(
    broker: Broker, room: Room, ear: Listener, send: Sender
) -> None:
    with serving(broker, room):
        send("set", b'{"command": "status", "id": "s"}')
        (answer,) = events(ear, 1)
    assert room.commands == [Status()]
    assert (answer.id, answer.source) == ("s", "mqtt")


def test_what_is_no_command_is_answered(
    broker: Broker, room: Room, ear: Listener, send: Sender
) -> None:
    with serving(broker, room):
        send("set/dance", b'{"id": "d"}')
        send("set/record", b'{"label": "walking", "force": true, "id": "f"}')
        send("set/record", b"walking")
        dance, force, bare = events(ear, 3)
    assert room.commands == []
    assert not any(event.ok for event in (dance, force, bare))
    assert (dance.id, force.id, bare.id) == ("d", "f", None)
    assert "there is no command 'dance'" in dance.message
    assert "there is no field force" in force.message


def test_a_fault_in_the_room_is_answered_and_does_not_close_the_door(
    broker: Broker, room: Room, ear: Listener, send: Sender
) -> None:
    with serving(broker, room):
        send("set/train", b'{"id": "t"}')
        send("set/record", b'{"label": "sitting"}')
        fault, _ = events(ear, 2)
    assert (fault.ok, fault.id) == (False, "t")
    assert room.commands == [Record(label="sitting")]


def test_a_retained_command_is_not_obeyed_at_any_connection(
    broker: Broker, room: Room, ear: Listener, send: Sender
) -> None:
    send("set/record", b'{"label": "walking"}', retain=True)
    with serving(broker, room) as publisher:
        broker.kill()
        wait_until(lambda: not publisher.connected, "the connection is lost")
        broker.start()
        wait_until(lambda: publisher.connected, "it is back")
        again = Sender(broker)
        again("set/record", b'{"label": "cycling"}', retain=True)
        again("set/stop")
        again.close()
        wait_until(lambda: Stop() in room.commands, "the stop is done")
    assert room.commands == [Record(label="cycling"), Stop()]


def test_too_many_commands_are_refused_in_words_and_others_are_done_later(
    broker: Broker, room: Room, ear: Listener, send: Sender
) -> None:
    with serving(broker, room, per_minute=1200, burst=2):
        for number in range(4):
            send("set/status", b'{"id": "%d"}' % number)
        answers = events(ear, 4)
        refused = [answer for answer in answers if not answer.ok]
        assert {answer.id for answer in refused} <= {"2", "3"}
        assert refused
        assert "too many commands" in refused[0].message
        done = len(room.commands)
        wait_until(lambda: not send("set/stop") and len(room.commands) > done, "rest helps")


def test_a_slow_room_holds_up_neither_the_link_nor_the_memory(
    broker: Broker, room: Room, ear: Listener, send: Sender
) -> None:
    with serving(broker, room, burst=100, per_minute=6000) as publisher:
        room.open.clear()
        for number in range(WAITING + 5):
            send("set/stop", b'{"id": "%d"}' % number)
        waiting = events(ear, 4)
        assert all("wait already" in event.message for event in waiting)
        publisher.publish_session(Situation(state="paused", session=3, position="leg"))
        wait_until(lambda: b'"paused"' in b"".join(ear.of("session")), "it goes on speaking")
        room.open.set()
        wait_until(lambda: len(room.commands) >= WAITING, "all that waited is done")


def test_commands_can_be_switched_off(
    broker: Broker, room: Room, ear: Listener, send: Sender
) -> None:
    with serving(broker, room, enabled=False) as publisher:
        send("set/stop")
        publisher.publish_session(Situation(state="paused", session=3, position="leg"))
        wait_until(lambda: b'"paused"' in b"".join(ear.of("session")), "it still speaks")
    assert room.commands == []


def test_who_comes_late_is_told_how_things_stand(
    broker: Broker, room: Room, send: Sender
) -> None:
    with serving(broker, room):
        send("set/record", b'{"label": "walking"}')
        wait_until(lambda: room.commands, "it is done")
        with listening(broker, "harpi/arm/session") as late:
            (payload, *_) = late.wait_for("session")
    validate("session", payload)
    assert msgspec.json.decode(payload, type=Situation).state in ("idle", "recording")


def test_how_training_ended_is_numbered(broker: Broker, room: Room, ear: Listener) -> None:
    with serving(broker, room):
        room.happens("notice", message="Head 3 is in use.", outcome="taken", advice=("More.",))
        (payload,) = ear.wait_for("history")
        (notice,) = events(ear, 1)
    validate("history", payload)
    result = msgspec.json.decode(payload, type=LoggedResult)
    assert (result.sequence, result.result, result.advice) == (0, "taken", ("More.",))
    assert result.message == notice.message


def test_lost_messages_are_asked_for(
    broker: Broker, room: Room, ear: Listener, send: Sender
) -> None:
    with serving(broker, room):
        for number in range(3):
            room.happens("notice", message=str(number), outcome="kept")
        ear.wait_for("history", 3)
        send("set/repeat", b'{"first": 1, "last": 5, "id": "r"}')
        assert len(ear.wait_for("history", 5)) == 5
        (answer,) = [event for event in events(ear, 4) if event.id == "r"]
    assert not answer.ok
    assert answer.message == "2 of 5 messages are sent again; the others are no longer kept."


def run() -> Report:
    """An evaluation with as much to say as there can be."""
    takes = [
        (label, {"knn": label, "generic": "walking", "personal": "sitting"})
        for label in ("walking", "sitting", "standing") * 4
    ]
    return contest(takes)[1]


def test_what_came_of_an_evaluation_is_numbered_and_short(
    broker: Broker, room: Room, ear: Listener
) -> None:
    found = summary_of(run())
    with serving(broker, room):
        room.happens("notice", message="Run 1.", evaluation=found)
        (payload,) = ear.wait_for("history")
        (notice,) = events(ear, 1)
    validate("history", payload)
    logged = msgspec.json.decode(payload, type=LoggedEvaluation)
    assert (logged.sequence, logged.evaluation) == (0, found)
    assert notice.evaluation == found
    assert len(found.findings) == 3
    assert len(payload) < 1024


def test_the_whole_report_comes_when_it_is_asked_for(
    broker: Broker, room: Room, ear: Listener, send: Sender
) -> None:
    with serving(broker, room):
        send("set/report", b'{"id": "none"}')
        (none,) = events(ear, 1)
        log = log_of(broker)
        first, second = log.append(run()), log.append(run())
        send("set/report", b'{"run": 1, "id": "one"}')
        send("set/report", b'{"id": "last"}')
        send("set/report", b'{"run": 3, "id": "three"}')
        _, one, last, three = events(ear, 4)
        payloads = ear.wait_for("report", 2)
    assert "there is no run last" in none.message
    assert (one.ok, one.message, last.message) == (
        True,
        "Run 1 is on /report.",
        "Run 2 is on /report.",
    )
    assert "there is no run 3" in three.message
    assert [msgspec.json.decode(payload, type=Report) for payload in payloads] == [
        first,
        second,
    ]
    validate("report", payloads[0])


def test_what_the_broker_cannot_take_is_said_and_harms_nothing_else(
    tmp_path: Path, room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        running(Broker(tmp_path, max_packet_size=2000)) as broker,
        listening(broker) as ear,
        serving(broker, room) as publisher,
    ):
        log_of(broker).append(run())
        send = Sender(broker)
        send("set/report", b'{"id": "big"}')
        (refused,) = events(ear, 1)
        publisher.publish_at("harpi/arm/config", b"x" * 3000)
        send("set/stop", b'{"id": "s"}')
        send.close()
        assert len(events(ear, 2)) == 2
        assert publisher.figures().connections == 1
    assert not refused.ok
    assert "the broker takes 2000" in refused.message
    assert "harpi/arm/config with 3144 bytes is not sent" in caplog.text
