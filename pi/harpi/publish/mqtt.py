"""The way to the MQTT broker: never in the way of sampling or recognition.

Callers put messages into a bounded outbox and return at once. A thread of this module hands
them to paho, whose own thread talks to the broker. A broker that is away costs nothing but
the oldest messages: the outbox keeps the newest.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from harpi.config.schema import MqttSection
from harpi.publish.credentials import login, reason_of, tls_context
from harpi.publish.messages import OFFLINE, ONLINE, Health, LinkFigures, State

KEEPALIVE_SECONDS: Final = 30
CONNECT_SECONDS: Final = 5.0
LONGEST_RETRY_SECONDS: Final = 30
OUTBOX: Final = 64
"""Messages that wait for the broker; a new one then takes the place of the oldest."""
IN_FLIGHT: Final = 16
"""Messages that paho may hold without an acknowledgement of the broker."""
FLUSH_SECONDS: Final = 0.5
"""How long the end waits for the last messages to get out."""

log = logging.getLogger(__name__)

SetHandler = Callable[[str, bytes], None]
"""Gets the last part of the topic and the payload, on the thread of the link."""


@dataclass(frozen=True, slots=True)
class _Message:
    topic: str
    payload: bytes
    retain: bool


class MqttPublisher:
    """Publishes `/status`, `/state`, `/health` and `/event` of one device, QoS 1.

    All are retained but the events: who comes late is told how things are, not what happened.

    Args:
        section: broker, credentials and prefix of the topics.
        device: second part of every topic.

    Raises:
        ConfigError: the password file or a certificate cannot be used.
    """

    def __init__(self, section: MqttSection, device: str) -> None:
        self._broker = f"{section.host}:{section.port}"
        self._base = f"{section.prefix}/{device}"
        self._outbox: deque[_Message] = deque()
        self._changed = threading.Condition()
        self._connected = False
        self._resending = False
        self._in_flight = 0
        self._ending = False
        self._sent = self._dropped = self._connections = 0
        self._complaint = ""
        self._on_set: SetHandler | None = None
        self._sender = threading.Thread(target=self._send, name="mqtt-outbox", daemon=True)
        self._client = self._make_client(section, device)

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the connection and it still stands."""
        return self._connected

    def figures(self) -> LinkFigures:
        """Give the counts for `/health`."""
        with self._changed:
            return LinkFigures(
                sent=self._sent, dropped=self._dropped, connections=self._connections
            )

    def start(self) -> None:
        """Begin to connect, and to reconnect for ever; returns at once."""
        self._client.loop_start()
        self._sender.start()

    def stop(self) -> None:
        """Say offline, get out what can be got out in `FLUSH_SECONDS`, and end.

        Harmless when it was not started.
        """
        if self._sender.ident is None:
            return
        self._put("status", OFFLINE)
        with self._changed:
            self._changed.wait_for(self._flushed, FLUSH_SECONDS)
            self._ending = True
            self._changed.notify_all()
        self._sender.join()
        self._client.disconnect()
        # paho may be inside a connection attempt; its thread must not hold the end up.
        stopper = threading.Thread(target=self._client.loop_stop, daemon=True)
        stopper.start()
        stopper.join(FLUSH_SECONDS)

    def publish_state(self, state: State) -> None:
        """Publish a verdict; never waits."""
        self._put("state", state.encode())

    def publish_health(self, health: Health) -> None:
        """Publish how the device does; never waits."""
        self._put("health", health.encode())

    def publish_event(self, event: bytes) -> None:
        """Publish what happened, as JSON; never waits."""
        self._put("event", event, retain=False)

    def listen(self, handler: SetHandler) -> None:
        """Call `handler` with what is sent to `/set/<name>`; to be called before `start`.

        A retained message there is ignored: it would be obeyed again at every connection.
        """
        self._on_set = handler
        self._client.on_message = self._on_message

    def _make_client(self, section: MqttSection, device: str) -> paho.Client:
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"harpi-{device}")
        if section.username is not None:
            client.username_pw_set(*login(section))
        if section.tls.enabled:
            client.tls_set_context(tls_context(section.tls))
        client.will_set(f"{self._base}/status", OFFLINE, qos=1, retain=True)
        client.connect_timeout = CONNECT_SECONDS
        client.reconnect_delay_set(1, LONGEST_RETRY_SECONDS)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.connect_async(section.host, section.port, KEEPALIVE_SECONDS)
        return client

    def _put(self, name: str, payload: bytes, *, retain: bool = True) -> None:
        with self._changed:
            if len(self._outbox) >= OUTBOX:
                self._outbox.popleft()
                self._dropped += 1
            self._outbox.append(_Message(f"{self._base}/{name}", payload, retain))
            self._changed.notify_all()

    def _send(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ending or self._may_send())
                if self._ending:
                    return
                message = self._outbox.popleft()
                self._in_flight += 1
            # Outside the lock: paho calls `_on_publish` while it holds a lock of its own.
            self._client.publish(message.topic, message.payload, qos=1, retain=message.retain)

    def _may_send(self) -> bool:
        """Whether a message is due: what paho repeats after a break goes before newer ones."""
        ready = self._connected and not (self._resending and self._in_flight)
        return ready and bool(self._outbox) and self._in_flight < IN_FLIGHT

    def _flushed(self) -> bool:
        return not self._connected or not (self._outbox or self._in_flight)

    def _on_connect(
        self, client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _props: Any
    ) -> None:
        if reason.is_failure:
            self._complain(f"broker {self._broker} refuses harpi: {reason}")
            return
        with self._changed:
            self._resending = self._in_flight > 0
            self._in_flight += 1
            self._connections += 1
            self._complaint = ""
        client.publish(f"{self._base}/status", ONLINE, qos=1, retain=True)
        if self._on_set is not None:
            client.subscribe(f"{self._base}/set/+", qos=1)
        with self._changed:
            self._connected = True
            self._changed.notify_all()
        log.info("connected to broker %s, publishing under %s", self._broker, self._base)

    def _on_connect_fail(self, _client: paho.Client, _data: Any) -> None:
        reason = reason_of(sys.exception())
        self._complain(
            f"broker {self._broker} cannot be reached ({reason}), going on without it"
        )

    def _on_disconnect(
        self, _client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _props: Any
    ) -> None:
        with self._changed:
            lost = self._connected and not self._ending
            self._connected = False
            self._changed.notify_all()
        if lost:
            self._complain(f"connection to broker {self._broker} lost ({reason}), retrying")

    def _on_publish(
        self, _client: paho.Client, _data: Any, _mid: int, _reason: ReasonCode, _props: Any
    ) -> None:
        with self._changed:
            self._in_flight -= 1
            self._sent += 1
            if self._in_flight == 0:
                self._resending = False
            self._changed.notify_all()

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        if self._on_set is None or message.retain:
            return
        try:
            self._on_set(message.topic.rpartition("/")[2], bytes(message.payload))
        except Exception:
            log.exception("a command from the broker failed")

    def _complain(self, text: str) -> None:
        """Warn once of each trouble, not at every attempt."""
        if text != self._complaint:
            self._complaint = text
            log.warning("%s", text)
