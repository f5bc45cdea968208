"""The mosquitto settings that ship with harpi keep out whom they should; a real one says so."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from harpi import shipped
from harpi.commands import Stop
from harpi.config.loading import build
from harpi.config.schema import DiarySection, MqttSection
from harpi.evaluation.runs import RunLog
from harpi.publish.commands import MqttCommands
from harpi.publish.homeassistant import Discovery
from harpi.publish.messages import DiaryToday, EndedBout, json_schema
from harpi.publish.publisher import MqttPublisher
from harpi.timebase import SystemTime
from tests.support.broker import (
    Broker,
    binary,
    make_certificate,
    make_certificates,
    running,
    wait_until,
)
from tests.support.conditions import health
from tests.support.days import WALK, news
from tests.support.fake_room import FakeRoom
from tests.support.verdicts import verdict

pytestmark = pytest.mark.broker

USERS = ("arm", "leg", "homeassistant", "viewer", "guest")
NOT_AUTHORISED = 0x87


class ShippedBroker(Broker):
    """A mosquitto with the settings that ship, in another folder and on another port."""

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(folder)
        self.certificates = make_certificates(folder)
        for user in USERS:
            make_certificate(folder, user)
        passwords = folder / "harpi.passwords"
        passwords.touch()
        for user in USERS:
            subprocess.run(
                [binary("mosquitto_passwd"), "-b", passwords, user, f"{user}'s secret"],
                check=True,
            )
        text = shipped.path(f"firmware_config/mosquitto/{name}").read_text()
        text = text.replace("listener 8883", f"listener {self.port} {self.host}")
        text = text.replace("/etc/mosquitto/certs", str(folder))
        text = text.replace("/etc/mosquitto", str(folder))
        acl = shipped.path("firmware_config/mosquitto/harpi.acl").read_text()
        (folder / "harpi.acl").write_text(acl)
        as_root = "user root\n" if os.geteuid() == 0 else ""
        self._settings.write_text(as_root + text)


@pytest.fixture(scope="module", params=["passwords.conf", "certificates.conf"])
def broker(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[ShippedBroker]:
    folder = tmp_path_factory.mktemp("broker")
    with running(ShippedBroker(folder, request.param)) as one:
        assert isinstance(one, ShippedBroker)
        yield one


class Person:
    """Somebody with an account, who tries things."""

    def __init__(self, broker: ShippedBroker, name: str) -> None:
        self.heard: dict[str, bytes] = {}
        self._verdicts: dict[int, int] = {}
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5
        )
        folder = broker.certificates
        self._client.username_pw_set(name, f"{name}'s secret")
        self._client.tls_set(
            str(folder / "ca.crt"), str(folder / f"{name}.crt"), str(folder / f"{name}.key")
        )
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        wait_until(self._client.is_connected, f"{name} is connected")

    def may_say(self, topic: str, payload: bytes = b"?") -> bool:
        number = self._client.publish(topic, payload, qos=1).mid
        wait_until(lambda: number in self._verdicts, "the broker has decided")
        return self._verdicts[number] != NOT_AUTHORISED

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_publish(
        self, _client: object, _data: object, number: int, reason: Any, _props: object
    ) -> None:
        self._verdicts[number] = reason.value

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        self.heard[message.topic] = message.payload


@contextmanager
def somebody(broker: ShippedBroker, name: str) -> Iterator[Person]:
    person = Person(broker, name)
    try:
        yield person
    finally:
        person.close()


def section(broker: ShippedBroker, device: str) -> MqttSection:
    folder = broker.certificates
    password = folder / f"{device}.password"
    password.write_text(f"{device}'s secret\n")
    password.chmod(0o600)
    tls = {"enabled": True, "ca_file": f"{folder}/ca.crt"}
    tls |= {"cert_file": f"{folder}/{device}.crt", "key_file": f"{folder}/{device}.key"}
    return msgspec.convert(
        {
            "host": broker.host,
            "port": broker.port,
            "username": device,
            "password_file": str(password),
            "tls": tls,
        },
        MqttSection,
    )


@contextmanager
def device(broker: ShippedBroker, room: FakeRoom) -> Iterator[MqttPublisher]:
    """All that harpi says and hears, of a device called arm."""
    plain = build({"device.id": "arm", "paths.state": str(broker.folder)})
    config = msgspec.structs.replace(plain, mqtt=section(broker, "arm"))
    publisher = MqttPublisher(config.mqtt, "arm")
    discovery = Discovery(publisher, room, config, {})
    runs = RunLog(broker.folder / "evaluations.jsonl")
    door = MqttCommands(publisher, room, config.mqtt.commands, runs)
    publisher.start()
    door.start()
    try:
        wait_until(lambda: publisher.connected, "the device is connected")
        yield publisher
    finally:
        door.stop()
        publisher.stop()
        discovery.close()


def test_a_device_may_say_all_that_harpi_says_and_hears_its_commands(
    broker: ShippedBroker,
) -> None:
    room = FakeRoom()
    with (
        somebody(broker, "homeassistant") as home,
        somebody(broker, "viewer") as viewer,
        device(broker, room) as publisher,
    ):
        publisher.publish_verdict(verdict(), SystemTime())
        publisher.publish_health(health())
        publisher.publish_report(b"{}")
        publisher.publish_diary(DiaryToday.of(news(WALK), DiarySection()))
        publisher.publish_bout(EndedBout.of(WALK))
        assert home.may_say("harpi/arm/set/stop", b'{"id": "1"}')
        wait_until(lambda: room.commands == [Stop()], "the command is done")
        topics = {f"harpi/arm/{name}" for name in ("status", *json_schema()["properties"])}
        wait_until(lambda: topics <= viewer.heard.keys(), "all is heard")
        topics.add("homeassistant/device/harpi-arm/config")
        wait_until(lambda: topics <= home.heard.keys(), "all is heard")
        assert not viewer.may_say("harpi/arm/set/stop", b"{}")
        assert publisher.figures().sent >= 5


def test_a_device_may_say_and_hear_only_its_own(broker: ShippedBroker) -> None:
    with somebody(broker, "homeassistant") as home, somebody(broker, "leg") as leg:
        assert leg.may_say("harpi/leg/status", b"online")
        for topic in (
            "harpi/arm/status",
            "harpi/arm/state",
            "harpi/arm/set/train",
            "harpi/leg/set/train",
            "harpi/leg/other",
            "harpi/leg/state/deeper",
            "homeassistant/device/harpi-arm/config",
            "homeassistant/status",
            "elsewhere",
        ):
            assert not leg.may_say(topic), topic
        assert home.may_say("harpi/arm/set/train")
        assert home.may_say("homeassistant/status", b"online")
        assert home.may_say("harpi/leg/set/stop")
        wait_until(lambda: "harpi/leg/set/stop" in leg.heard, "what is for it is heard")
        own = {"harpi/leg/set/stop", "harpi/leg/status"}
        assert leg.heard.keys() == {*own, "homeassistant/status"}


def test_a_stranger_can_neither_read_nor_command(broker: ShippedBroker) -> None:
    room = FakeRoom()
    with (
        somebody(broker, "guest") as guest,
        somebody(broker, "viewer") as viewer,
        device(broker, room) as publisher,
    ):
        publisher.publish_verdict(verdict(), SystemTime())
        wait_until(lambda: "harpi/arm/history" in viewer.heard, "others hear it")
        assert not guest.may_say("harpi/arm/set/train", b"{}")
        assert not guest.may_say("harpi/arm/set", b'{"command": "train"}')
        assert not guest.may_say("harpi/arm/state", b"{}")
    assert room.commands == []
    assert guest.heard == {}


def connects(broker: ShippedBroker, *, name: str | None, secret: str, tls: bool) -> bool:
    client = paho.Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
    answers: list[Any] = []
    client.on_connect = lambda _client, _data, _flags, reason, _props: answers.append(reason)
    client.on_disconnect = lambda *_: answers.append(None)
    if name is not None:
        client.username_pw_set(name, secret)
    if tls:
        client.tls_set(str(broker.certificates / "ca.crt"))
    try:
        client.connect(broker.host, broker.port)
    except OSError:
        return False
    client.loop_start()
    wait_until(lambda: answers, "the broker has answered")
    client.disconnect()
    client.loop_stop()
    return answers[0] is not None and not answers[0].is_failure


@pytest.mark.parametrize(
    ("name", "secret", "tls"),
    [
        (None, "", True),
        ("arm", "guessed", True),
        ("nobody", "nobody's secret", True),
        ("arm", "arm's secret", False),
    ],
)
def test_who_has_no_account_stays_out(
    broker: ShippedBroker, name: str | None, secret: str, tls: bool
) -> None:
    assert not connects(broker, name=name, secret=secret, tls=tls)
