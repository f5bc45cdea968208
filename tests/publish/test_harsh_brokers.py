"""Brokers that end the connection for what they do not allow, and what is no broker at all."""

from __future__ import annotations

import logging
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest

from harpi.config.schema import MqttSection
from harpi.publish import link, publisher
from harpi.publish.publisher import MqttPublisher
from harpi.timebase import SystemTime
from tests.support.broker import wait_until
from tests.support.fake_room import event
from tests.support.harsh_broker import HarshBroker, NoBroker, harsh_broker, no_broker
from tests.support.verdicts import verdict

VERSIONS = ["5", "3.1.1"]


@contextmanager
def publishing(broker: HarshBroker | NoBroker, **more: object) -> Iterator[MqttPublisher]:
    history = {"settle_seconds": 0.0}
    settings = {"host": broker.host, "port": broker.port, "history": history, **more}
    one = MqttPublisher(msgspec.convert(settings, MqttSection), "arm")
    one.start()
    try:
        yield one
    finally:
        one.stop()


def settled(broker: HarshBroker, topic: str) -> None:
    wait_until(lambda: topic in broker.topics, f"{topic} gets through")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "forbidden",
    ["homeassistant/device/harpi-arm/config", "harpi/arm/health", "harpi/arm/event"],
)
def test_a_message_that_ends_the_connection_is_set_aside_and_the_rest_goes_on(
    forbidden: str, version: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with (
        harsh_broker(lambda topic, _size, _hear: topic == forbidden) as broker,
        publishing(broker, version=version) as device,
    ):
        device.publish_at("homeassistant/device/harpi-arm/config", b"{}" * 100)
        device._put("health", b"{}")
        device.publish_event(event("notice"))
        device.publish_verdict(verdict(), SystemTime())
        others = {"homeassistant/device/harpi-arm/config"}
        others |= {f"harpi/arm/{name}" for name in ("health", "event", "state", "history")}
        for topic in others - {forbidden}:
            settled(broker, topic)
        wait_until(lambda: device.troubles(), "it is told")
        assert forbidden not in broker.topics
        before = broker.connections
        for _ in range(20):
            device.publish_verdict(verdict(), SystemTime())
        wait_until(lambda: broker.topics.count("harpi/arm/history") >= 21, "all get through")
        assert broker.connections == before
        (trouble,) = device.troubles()
        assert trouble.startswith(f"ends the connection for {forbidden} with ")
    assert caplog.text.count(f"ends the connection for {forbidden} with ") == 1


def test_what_is_too_long_for_a_broker_of_few_words_is_set_aside_and_shorter_ones_pass() -> (
    None
):
    with (
        harsh_broker(lambda _topic, size, _hear: size > 1000) as broker,
        publishing(broker) as device,
    ):
        device._put("health", b"x" * 2000)
        wait_until(lambda: device.troubles(), "it is set aside")
        device._put("health", b"x" * 100)
        settled(broker, "harpi/arm/health")


def test_a_numbered_message_that_ends_the_connection_leaves_a_gap() -> None:
    with (
        harsh_broker(lambda topic, size, _hear: "history" in topic and size > 1500) as broker,
        publishing(broker) as device,
    ):
        device.record(lambda _stream, _number: b"x" * 3000)
        device.record(lambda _stream, _number: b"short")
        wait_until(lambda: broker.topics.count("harpi/arm/history") >= 2, "gap and message")
        wait_until(lambda: device.figures().waiting == 0, "nothing waits")
        assert device.figures().given_up == 1


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("forbidden", ["homeassistant/status", "harpi/arm/set/#"])
def test_a_subscription_that_ends_the_connection_is_done_without(
    forbidden: str, version: str, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        harsh_broker(lambda topic, _size, hear: hear and topic == forbidden) as broker,
        publishing(broker, version=version) as device,
    ):
        settled(broker, "harpi/arm/status")
        assert forbidden not in broker.heard
        other = {"homeassistant/status", "harpi/arm/set/#"} - {forbidden}
        assert other <= set(broker.heard)
        assert device.troubles() == [f"ends the connection for the subscription to {forbidden}"]
    assert f"the subscription to {forbidden}, it goes on without" in caplog.text


@pytest.mark.parametrize("version", ["auto", *VERSIONS])
@pytest.mark.parametrize(
    ("says", "first", "guess"),
    [
        (b"", True, "mqtt.tls.enabled = true"),
        (b"", False, "mqtt.tls.enabled = true"),
        (b"\x15\x03\x01\x00\x02\x02\x46", False, "speaks TLS; set mqtt.tls.enabled"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", False, "is a web server"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", True, "is an SSH server"),
        (b"220 mail ready\r\n", True, "does not speak MQTT (it says '220 mail ready"),
        (None, False, "does not answer"),
    ],
)
def test_what_is_no_broker_is_told_by_one_warning(
    says: bytes | None,
    first: bool,
    guess: str,
    version: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link, "ANSWER_SECONDS", 0.2)
    with no_broker(says, first=first) as other, publishing(other, version=version) as device:
        wait_until(lambda: other.connections >= 4, "it is tried again and again")
        (trouble,) = device.troubles()
        assert guess in trouble
        assert not device.connected
    assert [r for r in caplog.records if guess in r.message][1:] == []


def test_a_peer_that_hangs_up_within_tls_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with no_broker(b"") as other, publishing(other, tls={"enabled": True}) as device:
        wait_until(device.troubles, "it is told")
        assert "cannot be reached" in device.troubles()[0]


PUBLISH_NOT_UTF8 = b"\x30\x08\x00\x03\xff\xfe\xfdabc"


def test_a_topic_that_is_not_utf8_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with (
        harsh_broker(lambda *_: False) as broker,
        publishing(broker, version="3.1.1") as device,
    ):
        settled(broker, "harpi/arm/status")
        broker.say(PUBLISH_NOT_UTF8)
        wait_until(lambda: "not UTF-8" in caplog.text, "it is said")
        device._put("health", b"{}")
        settled(broker, "harpi/arm/health")
        assert broker.connections == 1


@pytest.mark.parametrize(
    "packet", [b"\x30\x00", b"\x90\x00", b"\x40\x01\x00", b"\xff\xff\xff\xff\xff"]
)
def test_whatever_a_broker_sends_the_link_comes_back(packet: bytes) -> None:
    with (
        harsh_broker(lambda *_: False) as broker,
        publishing(broker, version="3.1.1") as device,
    ):
        settled(broker, "harpi/arm/status")
        broker.say(packet)
        broker.topics.clear()
        wait_until(lambda: device._put("health", b"{}") or "harpi/arm/health" in broker.topics,
                   "it goes on")  # fmt: skip


def test_a_packet_larger_than_any_command_takes_no_memory() -> None:
    heard: list[bytes] = []
    with (
        harsh_broker(lambda *_: False) as broker,
        publishing(broker, version="3.1.1") as device,
    ):
        device.listen(lambda _topic, payload: heard.append(payload))
        settled(broker, "harpi/arm/status")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        body = b"\x00\x14harpi/arm/set/record\x00\x01"
        count, length = 100_000_000 + len(body), b""
        while count:
            count, low = divmod(count, 128)
            length += bytes([low | (128 if count else 0)])
        broker.say(b"\x32" + length + body)
        block = b"x" * 1_000_000
        for _ in range(100):
            broker.say(block)
        wait_until(lambda: heard, "its end is seen")
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000
        assert link.LARGEST_MESSAGE < len(heard[0]) < 1_000_000
        assert broker.connections == 1


def test_a_broker_that_acknowledges_nothing_is_a_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publisher, "STALLED_SECONDS", 0.05)
    with harsh_broker(lambda *_: False) as broker:
        broker.mute = True
        with publishing(broker) as device:
            settled(broker, "harpi/arm/status")
            wait_until(device.troubles, "it is told")
            assert device.troubles()[0].startswith("has acknowledged nothing for")
