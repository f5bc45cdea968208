"""The way to a real broker: there, away, killed, restarted, and picky about whom it lets in."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from harpi.config.schema import MqttSection, TlsSection
from harpi.errors import ConfigError
from harpi.publish.connecting import login, tls_context
from harpi.publish.messages import LoggedVerdict, State
from harpi.publish.publisher import MqttPublisher
from harpi.timebase import SystemTime
from tests.support.broker import (
    Broker,
    listening,
    make_certificates,
    running,
    wait_until,
)
from tests.support.fake_room import event
from tests.support.payloads import validate
from tests.support.verdicts import verdict

pytestmark = pytest.mark.broker


def section(broker: Broker, **more: object) -> MqttSection:
    return msgspec.convert({"host": broker.host, "port": broker.port, **more}, MqttSection)


@contextmanager
def publishing(
    settings: MqttSection, device: str = "arm", history: Path | None = None
) -> Iterator[MqttPublisher]:
    publisher = MqttPublisher(settings, device, history)
    publisher.start()
    try:
        yield publisher
    finally:
        publisher.stop()


def connected(publisher: MqttPublisher) -> None:
    wait_until(lambda: publisher.connected, "the publisher is connected")


def judge(publisher: MqttPublisher, count: int) -> None:
    for _ in range(count):
        publisher.publish_verdict(verdict(worn=True), SystemTime())


def numbers(payloads: list[bytes]) -> list[int]:
    for payload in payloads:
        validate("history", payload)
    return [msgspec.json.decode(payload, type=LoggedVerdict).sequence for payload in payloads]


def state(sequence: int) -> State:
    return State.of(verdict(), sequence, SystemTime())


def sequences(payloads: list[bytes]) -> list[int]:
    return [msgspec.json.decode(payload, type=State).sequence for payload in payloads]


def test_says_online_then_verdicts_then_offline(broker: Broker) -> None:
    with listening(broker) as listener:
        with publishing(section(broker)) as publisher:
            connected(publisher)
            judge(publisher, 5)
            assert numbers(listener.wait_for("history", 5)) == [0, 1, 2, 3, 4]
            wait_until(
                lambda: 4 in sequences(listener.of("state")), "the newest state is there"
            )
        assert listener.wait_for("status", 2) == [b"online", b"offline"]
        assert {message.topic for message in listener.messages} == {
            "harpi/arm/status",
            "harpi/arm/state",
            "harpi/arm/history",
        }


def test_who_comes_late_is_told_how_things_are_and_not_what_happened(broker: Broker) -> None:
    with publishing(section(broker)) as publisher:
        connected(publisher)
        judge(publisher, 3)
        publisher.publish_event(event())
        wait_until(lambda: publisher.history and not publisher.history.waiting, "all is sent")
        with listening(broker) as listener:
            assert sequences(listener.wait_for("state")) == [2]
            assert all(message.retained for message in listener.messages)
            assert listener.of("event") == listener.of("history") == []


def test_what_is_said_before_the_broker_is_there_is_told_when_it_comes(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    with publishing(section(broker)) as publisher:
        publisher.publish_state(state(1))
        with running(broker), listening(broker) as listener:
            assert sequences(listener.wait_for("state")) == [1]


def test_a_broker_that_forgot_is_told_anew_how_things_are(broker: Broker) -> None:
    with publishing(section(broker)) as publisher:
        publisher.publish_state(state(1))
        wait_until(lambda: publisher.figures().sent == 2, "all is sent")
        broker.kill()
        for number in range(2, 40):
            publisher.publish_state(state(number))
        broker.start()
        wait_until(lambda: publisher.figures().connections == 2, "it is back")
        with listening(broker) as listener:
            assert sequences(listener.wait_for("state")) == [39]
            assert listener.wait_for("status") == [b"online"]


def test_a_broker_that_hangs_does_not_hold_the_publisher_up(broker: Broker) -> None:
    with publishing(section(broker)) as publisher:
        connected(publisher)
        wait_until(lambda: publisher.figures().sent == 1, "online is acknowledged")
        broker.freeze()
        judge(publisher, 200)
        assert publisher.history
        assert publisher.history.waiting == 200
        broker.thaw()
        wait_until(lambda: publisher.history and not publisher.history.waiting, "all is sent")


def test_an_unreachable_broker_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broker = Broker(tmp_path)
    logging.getLogger("harpi").propagate = True
    with caplog.at_level(logging.WARNING, "harpi"), publishing(section(broker)):
        wait_until(lambda: caplog.messages, "a warning is given")
    assert caplog.messages == [
        (
            f"broker 127.0.0.1:{broker.port} cannot be reached (Connection refused), "
            "going on without it; check that it runs, and mqtt.host and mqtt.port"
        )
    ]


def test_a_name_that_two_devices_have_is_said(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("harpi").propagate = True
    with (
        caplog.at_level(logging.WARNING, "harpi"),
        publishing(section(broker)) as one,
    ):
        connected(one)
        with publishing(section(broker)):
            wait_until(lambda: "calls itself harpi-arm" in caplog.text, "a warning is given")
    assert "Give each its own device.id" in caplog.text


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text("correct horse\n")
    path.chmod(0o600)
    return path


def test_password_from_a_file(tmp_path: Path, password_file: Path) -> None:
    with running(Broker(tmp_path, password="correct horse")) as broker:
        settings = section(broker, username=broker.user, password_file=str(password_file))
        with publishing(settings) as publisher:
            connected(publisher)


def test_a_wrong_password_is_said_and_never_shown(
    tmp_path: Path, password_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    password_file.write_text("battery staple\n")
    logging.getLogger("harpi").propagate = True
    with (
        running(Broker(tmp_path, password="correct horse")) as broker,
        caplog.at_level(logging.DEBUG),
    ):
        settings = section(broker, username=broker.user, password_file=str(password_file))
        with publishing(settings) as publisher:
            wait_until(lambda: "refuses harpi (Not authorized)" in caplog.text, "a warning")
            assert not publisher.connected
            (trouble,) = publisher.troubles()
            assert trouble.endswith(
                "; check mqtt.username and the password in mqtt.password_file"
            )
    assert "staple" not in caplog.text


def test_tls_by_an_authority_of_our_own(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    with running(Broker(tmp_path, certificates=certificates)) as broker:
        tls = TlsSection(enabled=True, ca_file=str(certificates / "ca.crt"))
        with publishing(section(broker, tls=tls)) as publisher:
            connected(publisher)


def test_tls_refuses_a_broker_that_the_authority_does_not_know(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificates = make_certificates(tmp_path)
    logging.getLogger("harpi").propagate = True
    with running(Broker(tmp_path, certificates=certificates)) as broker:
        settings = section(broker, tls=TlsSection(enabled=True))
        with caplog.at_level(logging.WARNING), publishing(settings) as publisher:
            wait_until(lambda: "its certificate is not trusted" in caplog.text, "a warning")
            assert not publisher.connected


@pytest.mark.parametrize(
    ("content", "mode", "complaint"),
    [
        ("secret\n", 0o644, "every user of this computer may read it. chmod 640"),
        ("", 0o600, "is empty"),
        ("\n", 0o600, "is empty"),
    ],
)
def test_a_password_file_that_cannot_be_used(
    tmp_path: Path, content: str, mode: int, complaint: str
) -> None:
    path = tmp_path / "password"
    path.write_text(content)
    path.chmod(mode)
    with pytest.raises(ConfigError, match=complaint):
        MqttPublisher(MqttSection(username="me", password_file=str(path)), "arm")


def test_a_user_may_go_without_a_password() -> None:
    assert login(MqttSection(username="me")) == ("me", None)


def test_a_certificate_of_ones_own_is_shown(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    section = TlsSection(
        enabled=True,
        cert_file=str(certificates / "broker.crt"),
        key_file=str(certificates / "broker.key"),
    )
    assert tls_context(section).verify_mode == ssl.CERT_REQUIRED
    mixed_up = msgspec.structs.replace(section, key_file=str(certificates / "ca.key"))
    with pytest.raises(ConfigError, match=r"broker\.crt: certificate and key cannot be used"):
        tls_context(mixed_up)


def test_a_missing_password_file_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "nothing"
    with pytest.raises(
        ConfigError, match=f"mqtt.password_file {path}: cannot be read: No such"
    ):
        MqttPublisher(MqttSection(username="me", password_file=str(path)), "arm")


def test_a_certificate_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "ca.crt"
    path.write_text("hello\n")
    tls = TlsSection(enabled=True, ca_file=str(path))
    with pytest.raises(ConfigError, match="is no certificate authority"):
        MqttPublisher(MqttSection(tls=tls), "arm")
