"""When Home Assistant is told, and how that is taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.publish
import pytest

from harpi.commands import LabelCount
from harpi.config import Config
from harpi.config.loading import build
from harpi.publish.entities import discovery_payloads
from harpi.publish.homeassistant import (
    BIRTHS_PER_MINUTE,
    FILE_NAME,
    MOST,
    Announced,
    AnnouncedFile,
    Discovery,
)
from harpi.publish.publisher import MqttPublisher
from tests.support.broker import Broker, Listener, listening, running, wait_until
from tests.support.fake_room import FakeRoom
from tests.support.verdicts import verdict

PAGE = Path(__file__).resolve().parents[2] / "docs/home-assistant.md"
ANSWERS = {"knn": ("walking",), "generic": ("walking", "sitting"), "personal": ()}


def configured(**settings: object) -> Config:
    return build(
        {"device.id": "arm", **{key.replace("__", "."): v for key, v in settings.items()}}
    )


def described(payload: bytes) -> dict[str, Any]:
    return dict(json.loads(payload)["cmps"])


@contextmanager
def announcing(
    broker: Broker, room: FakeRoom, **settings: object
) -> Iterator[tuple[MqttPublisher, Discovery]]:
    where = {"mqtt.host": broker.host, "mqtt.port": broker.port}
    config = configured(**{"paths.state": str(broker.folder), **where, **settings})
    publisher = MqttPublisher(config.mqtt, config.device.name)
    discovery = Discovery(publisher, room, config, ANSWERS)
    publisher.start()
    try:
        wait_until(lambda: publisher.connected, "it is connected")
        yield publisher, discovery
    finally:
        publisher.stop()
        discovery.close()


@pytest.fixture
def ear(broker: Broker) -> Iterator[Listener]:
    with listening(broker, "homeassistant/#") as one:
        yield one


@pytest.mark.broker
def test_the_announcement_is_retained(broker: Broker) -> None:
    with (
        announcing(broker, FakeRoom()) as (publisher, _),
        listening(broker, "homeassistant/#") as first,
    ):
        first.wait_for("config")
        wait_until(lambda: publisher.figures().sent == 2, "all is sent")
        with listening(broker, "homeassistant/#") as late:
            late.wait_for("config")
            assert late.messages[0].retained


@pytest.mark.broker
def test_new_labels_are_announced_and_old_ones_are_not_repeated(
    broker: Broker, ear: Listener
) -> None:
    room = FakeRoom()
    with announcing(broker, room) as (_, discovery):
        ear.wait_for("config")
        discovery.see(verdict({"walking": 0.5, "rowing": 0.5}))
        newer = described(ear.wait_for("config", 2)[-1])
        assert newer["personal_activity"]["ops"] == ["walking", "rowing", "untrained"]
        discovery.see(verdict({"walking": 0.1, "rowing": 0.9}))
        room.become(labels=(LabelCount(label="rowing"),))
        room.happens("notice")
        room.happens("notice")
        newest = described(ear.wait_for("config", 3)[-1])
        assert "record_rowing" in newest
        room.become(labels=())
        room.happens("notice")
        assert described(ear.wait_for("config", 4)[-1])["record_rowing"] == {"p": "button"}
    assert len(ear.of("config")) == 4


@pytest.mark.broker
def test_it_is_announced_again_when_home_assistant_is_born(
    broker: Broker, ear: Listener
) -> None:
    with announcing(broker, FakeRoom()):
        ear.wait_for("config")
        for payload in (b"offline", b"online"):
            paho.mqtt.publish.single(
                "homeassistant/status", payload, hostname=broker.host, port=broker.port
            )
        first, second = ear.wait_for("config", 2)
        assert first == second
    assert len(ear.of("config")) == 2


@pytest.mark.broker
def test_switched_off_from_the_start_nothing_is_said(broker: Broker, ear: Listener) -> None:
    with announcing(broker, FakeRoom(), mqtt__discovery__enabled=False) as (device, discovery):
        discovery.see(verdict({"rowing": 1.0}))
        wait_until(lambda: device.figures().sent == 1, "the status is sent")
    assert ear.messages == []


@pytest.mark.broker
def test_a_flood_of_births_is_not_answered_by_one_of_announcements(
    broker: Broker, ear: Listener
) -> None:
    with announcing(broker, FakeRoom()) as (device, _):
        ear.wait_for("config")
        paho.mqtt.publish.multiple(
            [("homeassistant/status", b"online", 1, False)] * 300,
            hostname=broker.host,
            port=broker.port,
        )
        device.publish_at("homeassistant/end", b"x")
        ear.wait_for("end")
    assert len(ear.of("config")) <= 1 + BIRTHS_PER_MINUTE


@pytest.mark.broker
def test_a_broker_that_says_its_limit_gets_parts_and_all_are_taken_back(
    tmp_path: Path,
) -> None:
    with running(Broker(tmp_path, max_packet_size=2500)) as broker:
        with announcing(broker, FakeRoom()), listening(broker, "homeassistant/#") as ear:
            labels = configured().learning.labels
            (payload,) = discovery_payloads(configured(), ANSWERS, labels)
            whole = set(described(payload))
            wait_until(
                lambda: (
                    {name for said in ear.of("config") for name in described(said)} == whole
                ),
                "all of it is announced",
            )
        with (
            listening(broker, "homeassistant/#") as ear,
            announcing(broker, FakeRoom(), mqtt__discovery__enabled=False),
        ):
            parts = {m.topic for m in ear.messages if m.payload}
            wait_until(
                lambda: {m.topic for m in ear.messages if not m.payload} >= parts, "all went"
            )


@pytest.mark.broker
def test_switched_off_it_is_taken_back(broker: Broker, ear: Listener) -> None:
    with announcing(broker, FakeRoom()):
        ear.wait_for("config")
    with announcing(broker, FakeRoom(), mqtt__discovery__enabled=False) as (_, discovery):
        discovery.see(verdict({"rowing": 1.0}))
        assert ear.wait_for("config", 2)[-1] == b""
    assert len(ear.of("config")) == 2


def rowing() -> FakeRoom:
    room = FakeRoom()
    room.become(labels=(LabelCount(label="rowing"),))
    return room


@pytest.mark.broker
def test_a_label_that_went_while_the_device_was_off_loses_its_button(
    broker: Broker, ear: Listener
) -> None:
    with announcing(broker, rowing()):
        assert "name" in described(ear.wait_for("config")[-1])["record_rowing"]
    for _ in range(2):  # Home Assistant may have been off, too
        with announcing(broker, FakeRoom()):
            pass
        assert described(ear.of("config")[-1])["record_rowing"] == {"p": "button"}
    with announcing(broker, rowing()):
        pass
    assert "name" in described(ear.of("config")[-1])["record_rowing"]


@pytest.mark.broker
def test_under_another_name_the_old_device_is_taken_back(broker: Broker, ear: Listener) -> None:
    with announcing(broker, rowing()):
        ear.wait_for("config")
    with announcing(broker, FakeRoom(), device__id="leg"):
        ear.wait_for("config", 3)
    said = [(message.topic, bool(message.payload)) for message in ear.messages]
    assert said == [
        ("homeassistant/device/harpi-arm/config", True),
        ("homeassistant/device/harpi-arm/config", False),
        ("homeassistant/device/harpi-leg/config", True),
    ]
    assert "record_rowing" not in described(ear.of("config")[-1])


@pytest.mark.broker
@pytest.mark.parametrize("content", [b"", b"[]", b'{"topic": 3}', b"\xff", b'{"format": 2}'])
def test_what_was_announced_and_cannot_be_read_is_said_and_done_without(
    broker: Broker, ear: Listener, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    file = broker.folder / FILE_NAME
    file.write_bytes(content)
    with announcing(broker, rowing()):
        ear.wait_for("config")
    assert f"{file} is not read" in caplog.text
    assert AnnouncedFile(file).read().labels[-1] == "rowing"


def test_a_memory_that_cannot_be_written_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    file = AnnouncedFile(tmp_path / "file" / FILE_NAME)
    file.write(Announced(topic="topic", labels=("walking",)))
    file.close()
    assert "is not written" in caplog.text


def test_the_labels_that_were_told_first_are_forgotten_first(tmp_path: Path) -> None:
    file = AnnouncedFile(tmp_path / FILE_NAME)
    for count in (3, MOST + 5):
        file.write(Announced(topic="topic", labels=tuple(f"label {n}" for n in range(count))))
    file.close()
    labels = file.read().labels
    assert (len(labels), labels[-1]) == (MOST, f"label {MOST + 4}")
