"""Hearing what devices publish, for `harpi watch` and `harpi fleet`."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from harpi.config.schema import MqttSection
from harpi.errors import BrokerError
from harpi.publish.client import Client
from harpi.publish.connecting import (
    NAMES,
    VERSIONS,
    guess,
    is_refusal,
    login,
    reason_of,
    refusal_of,
    tls_context,
)
from harpi.publish.messages import Version

CONNECT_SECONDS: Final = 5.0
LONGEST_RETRY_SECONDS: Final = 10
LARGEST_PACKET: Final = 1 << 22
"""Bytes that are kept of a packet; a report of a long evaluation has some 100 kB."""


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
        self._section = section
        self._prefix = section.prefix
        self._topics = [(f"{section.prefix}/{device or '+'}/{name}", 1) for name in names]
        self._events: queue.Queue[Heard | LinkChanged] = queue.Queue(capacity)
        self._answer = _Answer()
        self._client = self._connected()

    @property
    def version(self) -> Version:
        """Version of MQTT that is spoken."""
        return NAMES[self._client.protocol]

    def next(self, seconds: float) -> Heard | LinkChanged | None:
        """Give what was heard next, or None after `seconds` of silence."""
        try:
            return self._events.get(timeout=seconds)
        except queue.Empty:
            return None

    def close(self) -> None:
        """Leave the broker."""
        _leave(self._client)

    # --- connecting -----------------------------------------------------------------------

    def _connected(self) -> Client:
        """Connect with the first version of MQTT that the broker speaks."""
        for version in VERSIONS[self._section.version]:
            self._answer = _Answer()
            client = self._make_client(version)
            self._begin(client)
            if not self._answer.given.wait(CONNECT_SECONDS):
                self._answer.refuse("does not answer as an MQTT broker does")
            if self._answer.accepted:
                return client
            _leave(client)
            if not self._answer.of_version:
                break
        raise BrokerError(
            f"broker {self._answer.refusal}",
            where=self._where,
            remedy=self._answer.remedy[:1].upper() + self._answer.remedy[1:],
        )

    def _begin(self, client: paho.Client) -> None:
        try:
            client.connect(self._section.host, self._section.port)
        except OSError as error:
            raise BrokerError(
                f"broker cannot be reached: {reason_of(error)}",
                where=self._where,
                remedy="Check mqtt.host and mqtt.port, and that the broker runs",
            ) from None
        client.loop_start()

    @property
    def _where(self) -> str:
        return f"{self._section.host}:{self._section.port}"

    def _make_client(self, version: MQTTProtocolVersion) -> Client:
        client = Client(largest=LARGEST_PACKET, on_end=self._on_end, protocol=version)
        if self._section.username is not None:
            client.username_pw_set(*login(self._section))
        if self._section.tls.enabled:
            client.tls_set_context(tls_context(self._section.tls))
        client.connect_timeout = CONNECT_SECONDS
        client.reconnect_delay_set(1, LONGEST_RETRY_SECONDS)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    # --- called by paho, on its thread ------------------------------------------------------

    def _on_connect(
        self, client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _props: Any
    ) -> None:
        if reason.is_failure:
            self._answer.refuse(*refusal_of(reason), of_version=is_refusal(reason))
            return
        client.subscribe(self._topics)
        self._put(LinkChanged(connected=True))
        self._answer.accept()

    def _on_disconnect(
        self, client: paho.Client, _data: Any, _flags: Any, _reason: ReasonCode, _props: Any
    ) -> None:
        if self._answer.accepted:
            self._put(LinkChanged(connected=False))
        else:
            # Brokers from before MQTT 5 may hang up on it without a word.
            greeting = client.greeting if isinstance(client, Client) else b""
            why = guess(greeting, tls=self._section.tls.enabled)
            self._answer.refuse(why, of_version=not greeting)

    def _on_end(self) -> None:
        if self._answer.accepted:
            self._put(LinkChanged(connected=False))

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:  # nobody but a broker without rules would pass it on
            return
        device, _, name = topic.removeprefix(f"{self._prefix}/").partition("/")
        self._put(Heard(device, name, bytes(message.payload)))

    def _put(self, event: Heard | LinkChanged) -> None:
        if self._events.full():
            self._events.get_nowait()
        self._events.put_nowait(event)


class _Answer:
    """What a broker answers to the first attempt to connect; the first answer counts."""

    def __init__(self) -> None:
        self.given = threading.Event()
        self.accepted = False
        self.refusal = ""
        self.remedy = ""
        self.of_version = False

    def accept(self) -> None:
        if not self.given.is_set():
            self.accepted = True
            self.given.set()

    def refuse(self, why: str, remedy: str = "", *, of_version: bool = False) -> None:
        if not self.given.is_set():
            self.refusal, self.of_version = why, of_version
            self.remedy = remedy or "check mqtt.port, mqtt.tls and mqtt.version"
            self.given.set()


def _leave(client: paho.Client) -> None:
    client.disconnect()
    client.loop_stop()
