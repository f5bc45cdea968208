"""The demo has a broker of its own, whichever is there."""

from __future__ import annotations

import builtins
import shutil
import socket
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from harpi.demo.setup import HOST, demo_broker
from harpi.errors import BrokerError
from tests.support.broker import wait_until


def carries_a_message(port: int) -> None:
    heard: list[bytes] = []
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda *words: heard.append(words[-1].payload)
    client.connect(HOST, port)
    client.loop_start()
    client.subscribe("harpi/#")
    client.publish("harpi/x/state", b"hello", retain=True)
    wait_until(lambda: heard, "the message came back")
    client.disconnect()
    client.loop_stop()


@pytest.mark.broker
def test_mosquitto_is_taken_where_it_is_installed() -> None:
    with demo_broker() as (name, port):
        assert name == "mosquitto"
        carries_a_message(port)


def test_else_the_embedded_one_which_listens_on_the_loopback_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with demo_broker() as (name, port):
        assert name == "iotcore"
        carries_a_message(port)
    with socket.socket() as probe:
        assert probe.connect_ex((HOST, port)) != 0


def test_without_any_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = builtins.__import__

    def without_iotcore(name: str, *words: Any, **options: Any) -> Any:
        if name == "iotcore":
            raise ImportError(name)
        return genuine(name, *words, **options)

    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr(builtins, "__import__", without_iotcore)
    with pytest.raises(BrokerError, match="apt install mosquitto"), demo_broker():
        pass
