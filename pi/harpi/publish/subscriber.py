"""Hearing what devices publish, for `harpi watch` and `harpi fleet`."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from harpi.config.schema import MqttSection
from harpi.errors import BrokerError
from harpi.publish.credentials import login, reason_of, tls_context

CONNECT_SECONDS: Final = 5.0
LONGEST_RETRY_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class Heard:
    """A message of a device; `name` is the last part of its topic."""

    device: str
    name: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The broker has gone away, or is back."""

    connected: bool


class Subscriber:
    """Hears one device or all of them.

    What is heard waits in a queue, where a new one takes the place of the oldest when it is
    full: who looks away for long sees what is, not what was.

    Args:
        section: broker, credentials and prefix of the topics.
        device: which to hear; all where not given.
        names: the last parts of the topics to hear; all where not given.
        capacity: what the queue holds.

    Raises:
        BrokerError: the broker cannot be reached or refuses harpi.
        ConfigError: the password file or a certificate cannot be used.
    """

    def __init__(
        self,
        section: MqttSection,
        device: str | None = None,
        *,
        names: Sequence[str] = ("+",),
        capacity: int = 256,
    ) -> None:
        self._prefix = section.prefix
        self._broker = f"{section.host}:{section.port}"
        self._topics = [(f"{section.prefix}/{device or '+'}/{name}", 1) for name in names]
        self._events: queue.Queue[Heard | LinkChanged] = queue.Queue(capacity)
        self._answered = threading.Event()
        self._refusal = ""
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        if section.username is not None:
            self._client.username_pw_set(*login(section))
        if section.tls.enabled:
            self._client.tls_set_context(tls_context(section.tls))
        self._client.connect_timeout = CONNECT_SECONDS
        self._client.reconnect_delay_set(1, LONGEST_RETRY_SECONDS)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._connect(section)

    def next(self, seconds: float) -> Heard | LinkChanged | None:
        """Give what was heard next, or None after `seconds` of silence."""
        try:
            return self._events.get(timeout=seconds)
        except queue.Empty:
            return None

    def close(self) -> None:
        """Leave the broker."""
        self._client.disconnect()
        self._client.loop_stop()

    def _connect(self, section: MqttSection) -> None:
        try:
            self._client.connect(section.host, section.port)
        except OSError as error:
            raise BrokerError(
                f"broker cannot be reached: {reason_of(error)}",
                where=self._broker,
                remedy="Check mqtt.host and mqtt.port, and that the broker runs",
            ) from None
        self._client.loop_start()
        if not self._answered.wait(CONNECT_SECONDS):
            self._refusal = "it does not answer as an MQTT broker does"
        if self._refusal:
            self.close()
            raise BrokerError(
                f"broker refuses harpi: {self._refusal}",
                where=self._broker,
                remedy="Check mqtt.username, mqtt.password_file and mqtt.tls",
            )

    def _on_connect(
        self, client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _props: Any
    ) -> None:
        if reason.is_failure:
            self._refusal = str(reason)
        else:
            client.subscribe(self._topics)
            self._put(LinkChanged(connected=True))
        self._answered.set()

    def _on_disconnect(
        self, _client: paho.Client, _data: Any, _flags: Any, _reason: ReasonCode, _props: Any
    ) -> None:
        self._put(LinkChanged(connected=False))

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        device, _, name = message.topic.removeprefix(f"{self._prefix}/").partition("/")
        self._put(Heard(device, name, bytes(message.payload)))

    def _put(self, event: Heard | LinkChanged) -> None:
        if self._events.full():
            self._events.get_nowait()
        self._events.put_nowait(event)
