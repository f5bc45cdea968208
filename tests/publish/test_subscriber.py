"""Hearing what devices say, whatever version of MQTT the broker speaks."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import msgspec
import pytest

from harpi.config.schema import MqttSection
from harpi.errors import BrokerError
from harpi.publish import subscriber
from harpi.publish.publisher import MqttPublisher
from harpi.publish.subscriber import Heard, LinkChanged, Subscriber
from tests.support.broker import PATIENCE, Broker, running
from tests.support.proxy import old_broker


def section(broker: Any, **more: object) -> MqttSection:
    return msgspec.convert({"host": broker.host, "port": broker.port, **more}, MqttSection)


@pytest.fixture
def said(broker: Broker) -> Iterator[Broker]:
    """A broker on which a device has said something."""
    publisher = MqttPublisher(section(broker), "arm")
    publisher.start()
    yield broker
    publisher.stop()


def hears_the_device(one: Subscriber) -> bool:
    assert one.next(PATIENCE) == LinkChanged(connected=True)
    return one.next(PATIENCE) == Heard("arm", "status", b"online")


@pytest.mark.broker
@pytest.mark.parametrize(("wanted", "spoken"), [("auto", "5"), ("5", "5"), ("3.1.1", "3.1.1")])
def test_a_broker_of_today_is_spoken_to_as_configured(
    said: Broker, wanted: str, spoken: str
) -> None:
    with closing(Subscriber(section(said, version=wanted), names=("status",))) as one:
        assert one.version == spoken
        assert hears_the_device(one)


@pytest.mark.broker
@pytest.mark.parametrize("says_no", [True, False])
def test_an_old_broker_is_spoken_to_as_it_can(said: Broker, says_no: bool) -> None:
    with (
        old_broker(said, says_no=says_no) as old,
        closing(Subscriber(section(old), names=("status",))) as one,
    ):
        assert one.version == "3.1.1"
        assert hears_the_device(one)
        assert old.versions == [5, 4]


@pytest.mark.broker
def test_an_old_broker_refuses_whoever_insists(broker: Broker) -> None:
    with (
        old_broker(broker, says_no=True) as old,
        pytest.raises(BrokerError, match="Unsupported protocol version"),
    ):
        Subscriber(section(old, version="5"))


@pytest.mark.broker
@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_broker_that_goes_away_and_comes_back_is_told(said: Broker, version: str) -> None:
    with closing(Subscriber(section(said, version=version), names=("status",))) as one:
        assert hears_the_device(one)
        said.kill()
        while one.next(PATIENCE) != LinkChanged(connected=False):
            pass
        said.start()
        while one.next(PATIENCE) != LinkChanged(connected=True):
            pass
        while one.next(PATIENCE) != Heard("arm", "status", b"online"):
            pass


@pytest.mark.broker
def test_the_newest_take_the_place_of_the_oldest(said: Broker) -> None:
    with closing(Subscriber(section(said), names=("status",), capacity=2)) as one:
        for payload in (b"1", b"2", b"3"):
            one._put(Heard("arm", "status", payload))
        assert [one.next(1), one.next(1)][-1] == Heard("arm", "status", b"3")


@pytest.mark.broker
def test_who_has_no_password_is_told_what_to_check(tmp_path: Any) -> None:
    with (
        running(Broker(tmp_path, password="correct horse")) as broker,
        pytest.raises(
            BrokerError, match=r"refuses harpi \(Not authorized\)\. Check mqtt.username and"
        ),
    ):
        Subscriber(section(broker))


def test_what_is_no_broker_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriber, "CONNECT_SECONDS", 0.2)

    class Deaf:
        host = "127.0.0.1"

        def __init__(self, listening: socket.socket) -> None:
            self.port = listening.getsockname()[1]

    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        pytest.raises(BrokerError, match="does not answer as an MQTT broker does"),
    ):
        Subscriber(section(Deaf(listening)))
