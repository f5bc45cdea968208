"""The connection to the MQTT broker: versions, credentials, and reconnecting.

MQTT 5 is tried first and 3.1.1 where the broker does not speak it, unless the configuration
says which. Every connection has a client of its own: nothing of an earlier one is left in
it, so that whoever owns the link decides alone what is said again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from harpi import __version__
from harpi.commands import LARGEST_MESSAGE
from harpi.config.schema import MqttSection
from harpi.publish.aside import Aside, Suspect
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
from harpi.supervisor import Supervisor

KEEPALIVE_SECONDS: Final = 30

CONNECT_SECONDS: Final = 5.0

ANSWER_SECONDS: Final = 10.0
"""A broker that has not answered after this time is left, and tried again later."""

FIRST_RETRY_SECONDS: Final = 1.0

LONGEST_RETRY_SECONDS: Final = 30.0

SHORT_SECONDS: Final = 5.0
"""A connection that breaks sooner, and then again, has another reason than the network."""

CAUTIOUS_SECONDS: Final = 60.0
"""A connection that lasts longer may have several messages on their way again."""

_NOTHING_TO_BLAME: Final = frozenset({0x89, 0x8B, 0x8D, 0x8E, 0x98, 0x9C, 0x9D, 0x9F, 0xA0})
"""Reason codes of MQTT 5 for an end that no message has caused: busy, shutting down, silence,
taken over, the administrator, another server, too many connections, the longest time."""

_TAKEN_OVER: Final = 0x8E

IN_FLIGHT: Final = 16
"""Messages that may wait for the broker's acknowledgement at one time."""

LARGEST_PACKET: Final = 2 * LARGEST_MESSAGE
"""Bytes that harpi keeps of a packet; a broker that speaks MQTT 5 sends none that is larger."""

LARGEST_OF_ALL: Final = 268_435_460
"""Bytes of the largest packet that MQTT has (5.0, 2.1.4)."""

_JOIN_SECONDS: Final = 0.5

_FAILURE: Final = 0x80

_NO_RETAINED: Final = 2

log = logging.getLogger(__name__)


class Owner(Protocol):
    """Whoever speaks through the link; called on its threads, and must return at once."""

    def up(self, window: int) -> None:
        """The broker has accepted a connection, and takes `window` messages at one time."""
        ...

    def widen(self, window: int) -> None:
        """The connection lasts, and takes `window` messages at one time."""
        ...

    def unanswered(self) -> Suspect | None:
        """Give the first message that is not acknowledged; None where there is none."""
        ...

    def down(self) -> None:
        """The connection is gone, with all that was not acknowledged."""
        ...

    def acknowledged(self, number: int, *, refused: bool) -> None:
        """The broker has taken a message, or will not have it; `number` as of `publish`."""
        ...

    def heard(self, topic: str, payload: bytes) -> None:
        """A message came that is not retained."""
        ...


class Link:
    """Connects, stays connected, and says once of each trouble what it is.

    Args:
        section: broker, credentials, version of MQTT.
        client: name of this client; a broker knows each only once.
        will: topic and payload that the broker publishes, retained, when harpi vanishes.
        topics: what to hear.
        owner: who speaks through it.
        supervisor: sees what goes wrong.

    Raises:
        ConfigError: the password file or a certificate cannot be used.
    """

    def __init__(
        self,
        section: MqttSection,
        client: str,
        *,
        will: tuple[str, bytes],
        topics: tuple[str, ...],
        owner: Owner,
        supervisor: Supervisor | None = None,
    ) -> None:
        supervisor = self._supervisor = supervisor or Supervisor()
        self._section = section
        self._name = client
        self._will = will
        self._topics = topics
        self._owner = owner
        self._login = login(section) if section.username is not None else None
        self._tls = tls_context(section.tls) if section.tls.enabled else None
        self._broker = f"{section.host}:{section.port}"
        self._versions = VERSIONS[section.version]
        self._at_once = False
        self._retry_seconds = FIRST_RETRY_SECONDS
        self._complaints: set[str] = set()
        self._trouble = ""
        self._aside = Aside()
        self._asked: list[str] = []
        self._since = 0.0
        self._window = IN_FLIGHT
        self._largest = LARGEST_OF_ALL
        self._short_lived = 0
        self._client: Client | None = None
        self._accepted = False
        self._is_up = False
        self._answered = threading.Event()
        self._broken = threading.Event()
        self._ending = threading.Event()
        self._thread = supervisor.thread(self._run, "mqtt-link")

    @property
    def version(self) -> Version | None:
        """Version of MQTT that is spoken; None without a connection."""
        return NAMES[self._versions[0]] if self._accepted else None

    @property
    def largest(self) -> int:
        """Bytes of the largest packet that the broker takes, as far as it says."""
        return self._largest

    @property
    def troubles(self) -> list[str]:
        """What is wrong with the broker, without its name; empty where nothing is."""
        found = [f"ends the connection for {one}" for one in self._aside.named()]
        return [self._trouble, *found] if self._trouble and not self._accepted else found

    def sets_aside(self, topic: str, size: int) -> bool:
        """Whether the broker would end the connection for a message."""
        return self._aside.holds(Suspect(topic, size))

    def passed(self, topic: str, size: int) -> None:
        """Note that the broker has taken a message."""
        self._aside.passed(Suspect(topic, size))

    def start(self) -> None:
        """Begin to connect, and to reconnect for ever; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Leave the broker; a connection attempt that hangs is not waited for."""
        self._ending.set()
        self._end_connection()
        if self._thread.ident is not None:
            self._thread.join(_JOIN_SECONDS)

    def publish(self, topic: str, payload: bytes, *, retain: bool, content: str) -> int | None:
        """Hand a message to the broker, QoS 1; give its number, or None without a connection.

        Args:
            topic: where to.
            payload: what.
            retain: the broker keeps it for whoever comes later.
            content: media type, told where MQTT 5 is spoken.
        """
        client = self._client
        if client is None or not self._accepted:
            return None
        properties = None
        if client.protocol == MQTTProtocolVersion.MQTTv5:
            properties = _properties(
                PacketTypes.PUBLISH, ContentType=content, UserProperty=("version", __version__)
            )
        return client.publish(topic, payload, qos=1, retain=retain, properties=properties).mid

    def complain(self, trouble: str) -> None:
        """Warn once of each trouble of the broker, not at every attempt."""
        self._trouble = trouble
        if trouble not in self._complaints:
            self._complaints.add(trouble)
            log.warning("broker %s %s", self._broker, trouble)

    # --- one connection after another ---------------------------------------------------

    def _run(self) -> None:
        while not self._ending.is_set():
            self._broken.clear()
            self._answered.clear()
            if self._ending.is_set():
                return
            try:
                if self._connect():
                    self._stay()
            finally:
                self._leave()
            if self._at_once:
                self._at_once = False
            elif not self._ending.wait(self._retry_seconds):
                self._retry_seconds = min(2 * self._retry_seconds, LONGEST_RETRY_SECONDS)

    def _connect(self) -> bool:
        client = self._make_client()
        self._client = client
        try:
            if client.protocol == MQTTProtocolVersion.MQTTv5:
                limits = _properties(PacketTypes.CONNECT, MaximumPacketSize=LARGEST_PACKET)
                client.connect(
                    self._section.host,
                    self._section.port,
                    KEEPALIVE_SECONDS,
                    clean_start=True,
                    properties=limits,
                )
            else:
                client.connect(self._section.host, self._section.port, KEEPALIVE_SECONDS)
        except (OSError, ValueError) as error:
            self.complain(
                f"cannot be reached ({reason_of(error)}), going on without it; check that it "
                "runs, and mqtt.host and mqtt.port"
            )
            return False
        client.loop_start()
        return True

    def _stay(self) -> None:
        """Wait until the connection ends."""
        if not self._answered.wait(ANSWER_SECONDS):
            self.complain(
                f"takes the connection and does not answer in {ANSWER_SECONDS:g} s; check "
                "mqtt.port, and that it is a broker that answers there"
            )
            return
        if self._broken.wait(ANSWER_SECONDS):
            return
        if self._accepted and not self._is_up:
            self.complain("does not answer what harpi asks to hear; going on without commands")
            self._go_up()
        if not self._broken.wait(CAUTIOUS_SECONDS):
            self._aside.cautious = False
            self._owner.widen(self._window)
            self._broken.wait()

    def _leave(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            client.loop_stop()
        self._note_end()

    def _end_connection(self) -> None:
        self._broken.set()
        self._answered.set()

    def _make_client(self) -> Client:
        client = Client(
            largest=LARGEST_PACKET,
            on_end=self._end_connection,
            client_id=self._name,
            protocol=self._versions[0],
            reconnect_on_failure=False,
        )
        if self._login is not None:
            client.username_pw_set(*self._login)
        if self._tls is not None:
            client.tls_set_context(self._tls)
        topic, payload = self._will
        client.will_set(topic, payload, qos=1, retain=True)
        client.connect_timeout = CONNECT_SECONDS
        client.max_inflight_messages_set(IN_FLIGHT)
        client.on_connect = self._guarded(self._on_connect)
        client.on_disconnect = self._guarded(self._on_disconnect)
        client.on_publish = self._guarded(self._on_publish)
        client.on_subscribe = self._guarded(self._on_subscribe)
        client.on_message = self._guarded(self._on_message)
        return client

    def _note_end(self) -> None:
        if self._accepted:
            self._accepted = self._is_up = False
            # The next broker at this address may be another one.
            self._versions = VERSIONS[self._section.version]
            self._owner.down()

    def _guarded(self, callback: Callable[..., None]) -> Callable[..., None]:
        """Let a fault in a callback cost the connection; it would end the thread of paho."""

        def call(*arguments: Any) -> None:
            try:
                callback(*arguments)
            except Exception as error:  # noqa: BLE001 - told; the link connects anew
                self._supervisor.report("mqtt-link", error)
                self._end_connection()

        return call

    # --- called by paho, on its thread ---------------------------------------------------

    def _on_connect(
        self, client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, limits: Any
    ) -> None:
        if reason.is_failure:
            if is_refusal(reason) and len(self._versions) > 1:
                self._try_next_version()
            else:
                self.complain("; ".join(refusal_of(reason)))
            self._answered.set()
            return
        if not self._short_lived:
            self._complaints.clear()
            self._retry_seconds = FIRST_RETRY_SECONDS
        self._trouble = ""
        self._since = time.monotonic()
        self._accepted = True
        self._window = min(IN_FLIGHT, getattr(limits, "ReceiveMaximum", IN_FLIGHT))
        self._largest = getattr(limits, "MaximumPacketSize", LARGEST_OF_ALL)
        log.info("connected to broker %s, MQTT %s", self._broker, self.version)
        self._asked = [
            topic
            for topic in self._topics
            if not self._aside.holds(Suspect(topic, 0, subscription=True))
        ]
        self._subscribe(client)
        self._answered.set()

    def _subscribe(self, client: paho.Client) -> None:
        """Ask to hear what is left: one topic at a time where one of them may be to blame."""
        topics = self._asked[:1] if self._aside.cautious else self._asked
        if not topics:
            # Only now: whoever sees harpi online may send commands at once.
            self._go_up()
        elif client.protocol == MQTTProtocolVersion.MQTTv5:
            options = SubscribeOptions(qos=1, retainHandling=_NO_RETAINED)
            client.subscribe([(topic, options) for topic in topics])
        else:
            client.subscribe([(topic, 1) for topic in topics])

    def _go_up(self) -> None:
        if not self._is_up:
            self._is_up = True
            self._owner.up(1 if self._aside.cautious else self._window)

    def _on_subscribe(
        self,
        client: paho.Client,
        _data: Any,
        _number: int,
        reasons: list[ReasonCode],
        _props: Any,
    ) -> None:
        if client is not self._client or not self._accepted:
            return
        answered, self._asked = self._asked[: len(reasons)], self._asked[len(reasons) :]
        for topic, reason in zip(answered, reasons, strict=False):
            self._aside.passed(Suspect(topic, 0, subscription=True))
            if reason.value >= _FAILURE:
                self.complain(f"does not let harpi hear {topic}")
        self._subscribe(client)

    def _on_disconnect(
        self, client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _props: Any
    ) -> None:
        if client is self._client and not self._ending.is_set():
            if self._accepted:
                self._say_lost(reason)
            elif not self._answered.is_set():
                self._say_unanswered(self._client)
        self._note_end()
        self._end_connection()

    def _say_unanswered(self, client: Client) -> None:
        # Brokers from before MQTT 5 may hang up on it without a word.
        self._try_next_version()
        if client.greeting or not self._at_once:
            self._at_once = False
            self.complain(guess(client.greeting, tls=self._tls is not None))

    def _say_lost(self, reason: ReasonCode) -> None:
        short = time.monotonic() - self._since < SHORT_SECONDS
        self._short_lived = self._short_lived + 1 if short else 0
        suspect = None
        if reason.value not in _NOTHING_TO_BLAME:
            suspect = self._suspect()
            if (blamed := self._aside.ended(suspect)) is not None:
                self._retry_seconds = FIRST_RETRY_SECONDS
                what = (
                    "it goes on without"
                    if blamed.subscription
                    else "which is not sent any more"
                )
                self.complain(
                    f"ends the connection for {blamed}, {what}; check what the broker allows"
                )
                return
        if reason.value == _TAKEN_OVER or (self._short_lived > 1 and suspect is None):
            self.complain(
                "ends the connection again and again; is there another device that calls "
                f"itself {self._name}? Give each its own device.id"
            )
        else:
            self.complain(f"has ended the connection, or it was lost ({reason}), retrying")

    def _suspect(self) -> Suspect | None:
        if self._is_up:
            return self._owner.unanswered()
        if self._asked:
            return Suspect(self._asked[0], 0, subscription=True)
        return None

    def _try_next_version(self) -> None:
        first = VERSIONS[self._section.version]
        self._at_once = self._versions == first and len(first) > 1
        self._versions = (*self._versions[1:], self._versions[0])

    def _on_publish(
        self, client: paho.Client, _data: Any, number: int, reason: ReasonCode, _props: Any
    ) -> None:
        if client is self._client:
            self._owner.acknowledged(number, refused=reason.value >= _FAILURE)

    def _on_message(self, client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        if client is not self._client or message.retain:
            return
        try:
            topic = message.topic
        except UnicodeDecodeError:
            log.warning("a message came on a topic that is not UTF-8, and is ignored")
            return
        try:
            self._owner.heard(topic, bytes(message.payload))
        except Exception:
            log.exception("a message on %s could not be handled", topic)


def _properties(packet: int, **values: object) -> Properties:
    """Make properties of MQTT 5."""
    properties = Properties(packet)  # type: ignore[no-untyped-call] # paho has no types there
    for name, value in values.items():
        setattr(properties, name, value)
    return properties
