"""Commands by MQTT, and events on it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from harpi.commands import Answer, Command, Event, Listener, Record, Situation, Train
from harpi.config.schema import MqttSection
from harpi.publish.door import MqttDoor
from harpi.publish.mqtt import MqttPublisher
from tests.support.broker import Broker, listening, wait_until
from tests.support.broker import Listener as Ear
from tests.support.payloads import validate

pytestmark = pytest.mark.broker


class Room:
    """A room that does what it is told and remembers it."""

    situation = Situation(state="idle", session=1, position="arm")

    def __init__(self) -> None:
        self.done: list[tuple[Command, str]] = []
        self._listeners: list[Listener] = []

    def command(self, command: Command, source: str, *, at: float | None = None) -> Answer:
        if isinstance(command, Train):
            raise RuntimeError("a fault")
        self.done.append((command, source))
        event = Event(
            kind="answer",
            time=datetime.now(UTC),
            source=source,
            ok=True,
            message="Recording.",
            situation=self.situation,
        )
        for listener in self._listeners:
            listener(event)
        return Answer(ok=True, message="Recording.", situation=self.situation)

    def subscribe(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def unsubscribe(self, listener: Listener) -> None:
        self._listeners.remove(listener)


@pytest.fixture
def room(broker: Broker) -> Iterator[Room]:
    section = msgspec.convert({"host": broker.host, "port": broker.port}, MqttSection)
    publisher, room = MqttPublisher(section, "arm"), Room()
    MqttDoor(publisher, room)
    publisher.start()
    wait_until(lambda: publisher.connected, "the door is open")
    yield room
    publisher.stop()


@pytest.fixture
def ear(broker: Broker) -> Iterator[Ear]:
    with listening(broker, "harpi/arm/event") as one:
        yield one


def send(broker: Broker, name: str, payload: bytes, *, retain: bool = False) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect(broker.host, broker.port)
    client.loop_start()
    client.publish(f"harpi/arm/set/{name}", payload, qos=1, retain=retain).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def event(payload: bytes) -> Event:
    return msgspec.json.decode(payload, type=Event)


def test_a_command_is_done_and_its_answer_is_an_event(
    broker: Broker, room: Room, ear: Ear
) -> None:
    send(broker, "record", b"walking")
    (payload,) = ear.wait_for("event")
    assert room.done == [(Record(label="walking"), "mqtt")]
    assert event(payload).message == "Recording."
    validate("event", payload)
    assert not ear.messages[0].retained


def test_what_is_no_command_is_answered(broker: Broker, room: Room, ear: Ear) -> None:
    send(broker, "dance", b"")
    (payload,) = ear.wait_for("event")
    assert not event(payload).ok
    assert "there is no command 'dance'" in event(payload).message
    assert room.done == []


def test_a_fault_in_the_room_does_not_close_the_door(
    broker: Broker, room: Room, ear: Ear
) -> None:
    send(broker, "train", b"")
    send(broker, "record", b"sitting")
    ear.wait_for("event")
    assert room.done == [(Record(label="sitting"), "mqtt")]


def test_a_retained_command_is_not_obeyed(broker: Broker, ear: Ear) -> None:
    send(broker, "record", b"walking", retain=True)
    section = msgspec.convert({"host": broker.host, "port": broker.port}, MqttSection)
    publisher, room = MqttPublisher(section, "arm"), Room()
    MqttDoor(publisher, room)
    publisher.start()
    wait_until(lambda: publisher.connected, "the door is open")
    send(broker, "record", b"sitting")
    ear.wait_for("event")
    publisher.stop()
    assert room.done == [(Record(label="sitting"), "mqtt")]
