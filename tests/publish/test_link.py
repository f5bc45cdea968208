"""Which version of MQTT is spoken with whom, and what only version 5 can say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from harpi import __version__
from harpi.config.schema import MqttSection
from harpi.publish.publisher import MqttPublisher
from tests.support.broker import Broker, listening, wait_until
from tests.support.proxy import OldBroker, old_broker

pytestmark = pytest.mark.broker


@contextmanager
def publishing(broker: Broker | OldBroker, **more: object) -> Iterator[MqttPublisher]:
    settings = {"host": broker.host, "port": broker.port, **more}
    publisher = MqttPublisher(msgspec.convert(settings, MqttSection), "arm")
    publisher.start()
    try:
        wait_until(lambda: publisher.connected, "the publisher is connected")
        yield publisher
    finally:
        publisher.stop()


@pytest.mark.parametrize(("wanted", "spoken"), [("auto", "5"), ("5", "5"), ("3.1.1", "3.1.1")])
def test_a_broker_of_today_is_spoken_to_as_configured(
    broker: Broker, wanted: str, spoken: str
) -> None:
    with publishing(broker, version=wanted) as publisher, listening(broker) as listener:
        assert publisher.figures().version == spoken
        assert listener.wait_for("status") == [b"online"]


@pytest.mark.parametrize("says_no", [True, False])
def test_an_old_broker_is_spoken_to_as_it_can(broker: Broker, says_no: bool) -> None:
    with (
        old_broker(broker, says_no=says_no) as old,
        publishing(old) as publisher,
        listening(broker) as listener,
    ):
        assert publisher.figures().version == "3.1.1"
        assert listener.wait_for("status") == [b"online"]
        assert old.versions == [5, 4]


def test_a_broker_that_learns_version_5_is_spoken_to_in_it(broker: Broker) -> None:
    with old_broker(broker) as old, publishing(old) as publisher:
        broker.kill()
        wait_until(lambda: not publisher.connected, "the connection is lost")
        broker.start()
        wait_until(lambda: publisher.connected, "it is back")
        assert old.versions[-2:] == [5, 4]


def test_version_5_tells_what_a_message_is_and_who_wrote_it(broker: Broker) -> None:
    heard: list[Any] = []
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_connect = lambda client, *_: client.subscribe("harpi/arm/+")
    client.on_message = lambda _client, _data, message: heard.append(message)
    with publishing(broker):
        client.connect(broker.host, broker.port)
        client.loop_start()
        wait_until(lambda: heard, "the status is heard")
        client.disconnect()
        client.loop_stop()
    properties = heard[0].properties
    assert properties.ContentType == "text/plain"
    assert properties.UserProperty == [("version", __version__)]
