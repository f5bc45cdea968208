"""Verdicts and a broker that goes away: nothing numbered is missing at the subscriber."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from harpi.config.schema import MqttSection
from harpi.publish.messages import Gap, Logged, LoggedResult, LoggedVerdict
from harpi.publish.publisher import MqttPublisher
from harpi.timebase import SystemTime
from tests.support.broker import Broker, listening, wait_until
from tests.support.proxy import Gate, gate
from tests.support.verdicts import verdict

pytestmark = pytest.mark.broker


@contextmanager
def publishing(
    broker: Broker | Gate, folder: Path, **history: object
) -> Iterator[MqttPublisher]:
    settings = {
        "host": broker.host,
        "port": broker.port,
        "history": {"settle_seconds": 1.5, "per_second": 2000, **history},
    }
    section = msgspec.convert(settings, MqttSection)
    publisher = MqttPublisher(section, "arm", folder / "history")
    publisher.start()
    try:
        yield publisher
    finally:
        publisher.stop()


def judge(publisher: MqttPublisher, count: int) -> None:
    for _ in range(count):
        publisher.publish_verdict(verdict(), SystemTime())


def logged(payloads: list[bytes]) -> list[Logged]:
    return [msgspec.json.decode(payload, type=Logged) for payload in payloads]


def first_seen(entries: list[Logged]) -> list[int]:
    """Give the numbers in the order in which each was heard first."""
    return list(dict.fromkeys(entry.sequence for entry in entries))


def everything_sent(publisher: MqttPublisher) -> Callable[[], bool]:
    return lambda: publisher.history is not None and publisher.history.waiting == 0


@contextmanager
def judging(publisher: MqttPublisher) -> Iterator[Callable[[], int]]:
    """Let verdicts come without end, faster than from any sensor."""
    ending, count = threading.Event(), itertools.count()
    done = [0]

    def run() -> None:
        for done[0] in count:
            judge(publisher, 1)
            if ending.wait(0.002):
                return

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield lambda: done[0]
    finally:
        ending.set()
        thread.join()


def test_nothing_is_missing_when_the_broker_is_killed_in_the_middle_of_a_stream(
    broker: Broker, tmp_path: Path
) -> None:
    with publishing(broker, tmp_path) as publisher, listening(broker) as listener:
        with judging(publisher) as judged:
            for _ in range(2):
                so_far = len(listener.of("history"))
                wait_until(
                    lambda so_far=so_far: len(listener.of("history")) > so_far + 50, "a stream"
                )
                broker.kill()
                at_the_kill = judged()
                wait_until(
                    lambda n=at_the_kill: judged() > n + 50, "verdicts are given meanwhile"
                )
                broker.start()
        wait_until(everything_sent(publisher), "all is sent")
        total = judged() + 1
        wait_until(
            lambda: len(first_seen(logged(listener.of("history")))) == total,
            "all is heard",
        )
        heard = logged(listener.of("history"))
    assert first_seen(heard) == list(range(total))
    assert all(isinstance(entry, LoggedVerdict) for entry in heard)


def test_nothing_is_missing_after_an_outage_with_a_restart_of_the_daemon_in_it(
    broker: Broker, tmp_path: Path
) -> None:
    with gate(broker) as way, listening(broker) as listener:
        with publishing(way, tmp_path) as publisher:
            judge(publisher, 10)
            listener.wait_for("history", 10)
            way.cut()
            wait_until(lambda: not publisher.connected, "it is cut off")
            judge(publisher, 10)
        with publishing(way, tmp_path) as publisher:
            judge(publisher, 10)
            way.shut = False
            judge(publisher, 10)
            wait_until(everything_sent(publisher), "all is sent")
        heard = logged(listener.wait_for("history", 40))
    assert first_seen(heard) == list(range(40))
    assert len({entry.stream for entry in heard}) == 1


def test_a_pause_that_ends_between_two_looks_at_the_clock_does_not_hold_up_what_waits(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause, looks = 0.1, itertools.count()

    def later_at_every_look() -> float:
        return 0.3 * pause * next(looks)

    clock = SimpleNamespace(monotonic=later_at_every_look)
    monkeypatch.setattr("harpi.publish.publisher.time", clock)
    with publishing(broker, tmp_path, per_second=1 / pause) as publisher:
        judge(publisher, 10)
        wait_until(everything_sent(publisher), "all is sent")


def test_what_a_subscriber_missed_it_can_ask_for(broker: Broker, tmp_path: Path) -> None:
    with publishing(broker, tmp_path) as publisher:
        judge(publisher, 20)
        wait_until(everything_sent(publisher), "all is sent")
        with listening(broker) as listener:
            assert publisher.repeat(5, 9) == 5
            assert first_seen(logged(listener.wait_for("history", 5))) == [5, 6, 7, 8, 9]


def test_a_subscriber_with_a_session_misses_nothing_while_it_is_away(
    broker: Broker, tmp_path: Path
) -> None:
    heard: list[bytes] = []

    def subscriber() -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id="notebook", clean_session=False
        )
        client.on_connect = lambda client, *_: client.subscribe("harpi/arm/history", qos=1)
        client.on_message = lambda _client, _data, message: heard.append(message.payload)
        client.connect(broker.host, broker.port)
        client.loop_start()
        return client

    with publishing(broker, tmp_path) as publisher:
        client = subscriber()
        wait_until(client.is_connected, "it is there")
        judge(publisher, 5)
        wait_until(lambda: len(heard) >= 5, "five are heard")
        client.disconnect()
        client.loop_stop()
        judge(publisher, 20)
        wait_until(everything_sent(publisher), "all is sent")
        client = subscriber()
        wait_until(lambda: len(heard) >= 25, "all are heard")
        client.disconnect()
        client.loop_stop()
    assert first_seen(logged(heard)) == list(range(25))


def long_message(stream: str, number: int) -> bytes:
    message = LoggedResult(
        stream=stream,
        sequence=number,
        time=datetime.now(UTC),
        result="kept",
        message="It was not better. " * 1000,
    )
    return msgspec.json.encode(message)


def test_what_had_no_room_is_announced_and_the_rest_comes(
    broker: Broker, tmp_path: Path
) -> None:
    with gate(broker) as way, listening(broker) as listener:
        way.cut()
        with publishing(way, tmp_path, limit_mb=1) as publisher:
            assert publisher.history
            while not publisher.history.given_up:
                publisher.record(long_message)
            given_up = publisher.history.given_up
            total = given_up + publisher.history.waiting - 1
            way.shut = False
            wait_until(everything_sent(publisher), "all is sent", 30)
        wait_until(lambda: len(listener.of("history")) == total - given_up + 1, "all is heard")
        first, *rest = logged(listener.of("history"))
    assert isinstance(first, Gap)
    assert (first.first, first.sequence, first.reason) == (0, given_up - 1, "full")
    assert [entry.sequence for entry in rest] == list(range(given_up, total))
