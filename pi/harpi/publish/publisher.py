"""What harpi says to the MQTT broker: never in the way of sampling or recognition.

Callers hand messages over and return at once. A thread of this module gives them to the
link, at most a few at a time without an acknowledgement of the broker. A broker that is away
costs nothing: of what is live the newest is kept, what is numbered waits in the history.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from harpi.commands import Event, Situation
from harpi.config.schema import MqttSection
from harpi.errors import BrokerError
from harpi.publish.aside import Suspect
from harpi.publish.history import Compose, Entry, History
from harpi.publish.link import KEEPALIVE_SECONDS, Link
from harpi.publish.messages import (
    OFFLINE,
    ONLINE,
    DiaryToday,
    EndedBout,
    Health,
    LinkFigures,
    LoggedVerdict,
    State,
    compose_gap,
)
from harpi.supervisor import Supervisor
from harpi.timebase import Timebase
from harpi.types import Verdict

HISTORY_FILE: Final = "history.sqlite3"
"""File of what waits for the broker, in the folder of the state."""

FLUSH_SECONDS: Final = 0.5
"""How long the end waits for the last messages to get out."""

STALLED_SECONDS: Final = 2.0 * KEEPALIVE_SECONDS
"""A broker that has acknowledged nothing for so long, while messages wait, is a problem."""

Handler = Callable[[str, bytes], None]
"""Gets the topic below the device's own and the payload; must return at once."""

JSON: Final = "application/json"


class MqttPublisher:
    """Publishes what one device says, QoS 1; the owner of the link.

    `/status`, `/state`, `/health`, `/session` and `/diary` are retained: who comes late is
    told how things are. `/event` and `/bout` are not, nor is `/history`, whose messages are
    numbered.

    Args:
        section: broker, credentials, prefix of the topics, history.
        device: second part of every topic.
        history: file in which numbered messages outlive a restart; None for memory alone.
        supervisor: sees what goes wrong on its threads.

    Raises:
        ConfigError: the password file or a certificate cannot be used.
    """

    def __init__(
        self,
        section: MqttSection,
        device: str,
        history: Path | None = None,
        supervisor: Supervisor | None = None,
    ) -> None:
        supervisor = self.supervisor = supervisor or Supervisor()
        self.device = device
        self.base = f"{section.prefix}/{device}"
        """First part of every topic of this device."""
        self.history = (
            History(section.history, history, compose_gap, supervisor)
            if section.history.enabled
            else None
        )
        self._settle_seconds = section.history.settle_seconds
        self._birth = section.discovery.birth_topic
        self._live = LiveQueue()
        self._changed = threading.Condition()
        self._window = 0
        self._connections = 0
        self._epoch = 0
        self._unanswered: dict[int, Message | Entry] = {}
        self._answered_at = 0.0
        self._early: dict[int, bool] = {}
        self._sending: Message | Entry | None = None
        self._failed: Message | Entry | None = None
        self._pause = 1 / section.history.per_second
        self._history_from = 0.0
        self._ending = False
        self._sent = 0
        self._verdicts = 0
        self._on_set: Handler | None = None
        self._on_limit: Callable[[], None] | None = None
        self._on_birth: Callable[[], None] | None = None
        self._sender = supervisor.thread(self._send, "mqtt-sender")
        topics = [f"{self.base}/set/#"] if section.commands.enabled else []
        topics += [self._birth] if section.discovery.enabled else []
        self._link = Link(
            section,
            f"harpi-{device}",
            will=(f"{self.base}/status", OFFLINE),
            topics=tuple(topics),
            owner=self,
            supervisor=supervisor,
        )
        self._limit = self.largest
        self._put("status", ONLINE, content=TEXT)

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the connection and it still stands."""
        return self._window > 0

    def troubles(self) -> list[str]:
        """Say what is wrong with the broker, without its name; empty where nothing is."""
        found = self._link.troubles
        with self._changed:
            silent = time.monotonic() - self._answered_at
            if self._unanswered and silent > STALLED_SECONDS:
                found.append(f"has acknowledged nothing for {silent:.0f} s")
        return found

    def figures(self) -> LinkFigures:
        """Give the counts for `/health`."""
        with self._changed:
            return LinkFigures(
                version=self._link.version,
                sent=self._sent,
                dropped=self._live.dropped,
                connections=self._connections,
                waiting=self.history.waiting if self.history else 0,
                given_up=self.history.given_up if self.history else 0,
            )

    def start(self) -> None:
        """Begin to connect, and to reconnect for ever; returns at once."""
        if self.history is not None:
            self.history.open()
            self.history.start()
        self._sender.start()
        self._link.start()

    def stop(self) -> None:
        """Say offline, get out what can be got out in `FLUSH_SECONDS`, and end.

        Harmless when it was not started.
        """
        if self._sender.ident is None:
            return
        self._put("status", OFFLINE, content=TEXT)
        with self._changed:
            self._changed.wait_for(self._flushed, FLUSH_SECONDS)
            self._ending = True
            self._changed.notify_all()
        self._sender.join()
        self._link.stop()
        if self.history is not None:
            self.history.close()

    # --- what is said -------------------------------------------------------------------

    def publish_state(self, state: State) -> None:
        """Publish what is live of a verdict; never waits."""
        self._put("state", state.encode())

    def publish_verdict(self, verdict: Verdict, timebase: Timebase) -> None:
        """Publish a verdict, live on `/state` and numbered on `/history`; never waits."""
        state = State.of(verdict, self._verdicts, timebase)
        self._verdicts += 1
        number = self.record(
            lambda stream, number: msgspec.json.encode(LoggedVerdict.of(state, stream, number))
        )
        if number is not None:
            state = msgspec.structs.replace(state, sequence=number)
        self.publish_state(state)

    def publish_health(self, health: Health) -> None:
        """Publish how the device does; never waits."""
        self._put("health", health.encode())

    def publish_session(self, situation: Situation) -> None:
        """Publish how things stand in the session; never waits."""
        self._put("session", msgspec.json.encode(situation))

    def publish_diary(self, today: DiaryToday) -> None:
        """Publish the wearer's day until now; never waits."""
        self._put("diary", msgspec.json.encode(today))

    def publish_bout(self, bout: EndedBout) -> None:
        """Publish a bout that has ended; never waits."""
        payload = msgspec.json.encode(bout)
        self._say(Message(f"{self.base}/bout", payload, retain=False))

    def publish_event(self, event: Event) -> None:
        """Publish what happened; never waits."""
        payload, passing = msgspec.json.encode(event), event.kind == "progress"
        self._say(Message(f"{self.base}/event", payload, retain=False, passing=passing))

    def publish_report(self, payload: bytes) -> None:
        """Publish the whole report of an evaluation; never waits.

        Raises:
            BrokerError: it is larger than what the broker takes.
        """
        message = Message(f"{self.base}/report", payload, retain=False)
        if message.size > self._link.largest:
            raise BrokerError(
                f"the report has {len(payload)} bytes, the broker takes {self._link.largest}",
                remedy="Raise the limit of the broker (max_packet_size in mosquitto.conf)",
            )
        self._say(message)

    def publish_at(self, topic: str, payload: bytes) -> None:
        """Publish and retain something on a topic outside the device's own."""
        self._say(Message(topic, payload, retain=True))

    def record(self, compose: Compose) -> int | None:
        """Add a numbered message to `/history`; never waits.

        Returns:
            Its number; None where the history is switched off.
        """
        if self.history is None:
            return None
        number = self.history.add(compose)
        with self._changed:
            self._changed.notify_all()
        return number

    def repeat(self, first: int, last: int) -> int:
        """Say again on `/history` what is kept of these numbers; give how many that is."""
        if self.history is None:
            return 0
        count = self.history.repeat(first, last)
        with self._changed:
            self._changed.notify_all()
        return count

    # --- what is heard ------------------------------------------------------------------

    def listen(self, handler: Handler) -> None:
        """Call `handler` with what is sent to `/set` and below; to be called before `start`.

        A retained message there is ignored: it would be obeyed again at every connection.
        """
        self._on_set = handler

    @property
    def largest(self) -> int:
        """Bytes of the largest packet that the broker takes, as far as it says."""
        return self._link.largest

    def on_limit(self, handler: Callable[[], None]) -> None:
        """Call `handler` when `largest` has changed; to be called before `start`."""
        self._on_limit = handler

    def on_birth(self, handler: Callable[[], None]) -> None:
        """Call `handler` when Home Assistant has started; to be called before `start`."""
        self._on_birth = handler

    # --- the sender's thread ------------------------------------------------------------

    def _put(self, name: str, payload: bytes, *, content: str = JSON) -> None:
        self._say(Message(f"{self.base}/{name}", payload, retain=True, content=content))

    def _say(self, message: Message) -> None:
        with self._changed:
            self._live.put(message)
            self._changed.notify_all()

    def _send(self) -> None:
        with self._changed:
            self._try_again()
        while True:
            with self._changed:
                self._wait_for_work()
                if self._ending:
                    return
                self._sending = self._next()
                message, epoch = self._sending, self._epoch
            if message is None or self._is_given_up(message):
                continue
            # Outside the lock: paho acknowledges while it holds a lock of its own.
            number = self._hand_over(message)
            with self._changed:
                self._sending = None
                if number is None or epoch != self._epoch:
                    self._put_back(message)
                elif number in self._early:
                    self._settle(message, refused=self._early[number])
                else:
                    if not self._unanswered:
                        self._answered_at = time.monotonic()
                    self._unanswered[number] = message
                self._early.clear()
                self._changed.notify_all()

    def _try_again(self) -> None:
        """Send a message again on which this thread failed; at the second time, give it up."""
        failed, self._sending = self._sending, None
        if failed is not None and failed is self._failed:
            if isinstance(failed, Entry) and self.history is not None:
                self.history.acknowledge(failed)
        elif isinstance(failed, Entry):
            failed.sent = False
        elif failed is not None:
            self._put_back(failed)
        self._failed = failed

    def _wait_for_work(self) -> None:
        """Wait until something may be sent, or nothing more is to be."""
        while not self._ending:
            pause: float | None = None
            if len(self._unanswered) < self._window:
                if len(self._live):
                    return
                if self.history is not None and self.history.due:
                    # Subscribers are to be ready for it, and to keep up.
                    pause = self._history_from - time.monotonic()
                    if pause <= 0:
                        return
            self._changed.wait(pause)

    def _next(self) -> Message | Entry | None:
        if len(self._live):
            return self._live.take()
        if self.history is None:
            return None
        self._history_from = time.monotonic() + self._pause
        return self.history.take()

    def _is_given_up(self, message: Message | Entry) -> bool:
        """Give up a message for which the broker would end the connection."""
        suspect = self._as_suspect(message)
        if suspect.size > self._link.largest:
            self._link.complain(
                f"takes {self._link.largest} bytes at most; {suspect} is not sent"
            )
        elif not self._link.sets_aside(suspect.topic, suspect.size):
            return False
        if isinstance(message, Entry) and self.history is not None:
            self.history.give_up(message)
        with self._changed:
            self._sending = None
            self._changed.notify_all()
        return True

    def _as_suspect(self, message: Message | Entry) -> Suspect:
        if isinstance(message, Entry):
            topic = f"{self.base}/history"
            return Suspect(topic, len(topic) + len(message.payload) + PACKET_ROOM)
        return Suspect(message.topic, message.size)

    def _hand_over(self, message: Message | Entry) -> int | None:
        if isinstance(message, Entry):
            topic = f"{self.base}/history"
            return self._link.publish(topic, message.payload, retain=False, content=JSON)
        return self._link.publish(
            message.topic, message.payload, retain=message.retain, content=message.content
        )

    def _put_back(self, message: Message | Entry) -> None:
        """Take a message back that met the end of a connection; the history does so itself."""
        if isinstance(message, Message):
            self._live.begin_again([message])

    def _settle(self, message: Message | Entry, *, refused: bool) -> None:
        self._sent += not refused
        suspect = self._as_suspect(message)
        self._link.passed(suspect.topic, suspect.size)
        if isinstance(message, Entry):
            if self.history is not None:
                self.history.acknowledge(message, refused=refused)
            topic = f"{self.base}/history"
        else:
            topic = message.topic
        if refused:
            self._link.complain(f"does not let harpi publish on {topic}")

    def _flushed(self) -> bool:
        done = not (len(self._live) or self._unanswered or self._sending)
        return not self.connected or done

    # --- called by the link -------------------------------------------------------------

    def up(self, window: int) -> None:
        """Go on, with all that is retained first."""
        if self.largest != self._limit:
            self._limit = self.largest
            if self._on_limit is not None:
                self._on_limit()
        with self._changed:
            again = self._connections > 0
            self._connections += 1
            self._epoch += 1
            self._history_from = time.monotonic() + (self._settle_seconds if again else 0.0)
            self._live.begin_again([])
            if self.history is not None:
                self.history.rewind()
            self._window = window
            self._changed.notify_all()

    def widen(self, window: int) -> None:
        """Send more at one time."""
        with self._changed:
            if self._window:
                self._window = window
                self._changed.notify_all()

    def unanswered(self) -> Suspect | None:
        """Give the first message that is not acknowledged; None where there is none."""
        with self._changed:
            message = next(iter(self._unanswered.values()), self._sending)
            return None if message is None else self._as_suspect(message)

    def down(self) -> None:
        """Take back what the broker has not acknowledged."""
        with self._changed:
            self._window = 0
            self._epoch += 1
            unsure = [one for one in self._unanswered.values() if isinstance(one, Message)]
            self._live.begin_again(unsure)
            self._unanswered.clear()
            self._early.clear()
            self._changed.notify_all()

    def acknowledged(self, number: int, *, refused: bool) -> None:
        """Note that the broker has a message."""
        with self._changed:
            message = self._unanswered.pop(number, None)
            self._answered_at = time.monotonic()
            if message is not None:
                self._settle(message, refused=refused)
            elif self._sending is not None:
                self._early[number] = refused
            self._changed.notify_all()

    def heard(self, topic: str, payload: bytes) -> None:
        """Hand a message to whoever it is for."""
        if topic == self._birth:
            if self._on_birth is not None and payload == ONLINE:
                self._on_birth()
        elif self._on_set is not None:
            self._on_set(topic.removeprefix(f"{self.base}/"), payload)


EVENTS: Final = 64
"""Events that wait for the broker; a new one then takes the place of the oldest."""

PACKET_ROOM: Final = 128
"""Bytes of a packet beside topic and payload: its header and properties."""

TEXT: Final = "text/plain"


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `passing` ones are of use only until the next of their kind."""

    topic: str
    payload: bytes
    retain: bool
    content: str = JSON
    passing: bool = False

    @property
    def size(self) -> int:
        """Bytes of its packet, at most."""
        return len(self.topic.encode()) + len(self.payload) + PACKET_ROOM


class LiveQueue:
    """Messages in the order in which they are to be sent; not safe for several threads.

    A retained message takes the place of the one before it on its topic, and all of them are
    sent anew after a break: a broker may have forgotten them. Events are kept in their order.

    Attributes:
        dropped: messages that were given up for newer ones.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._retained: dict[str, Message] = {}
        self._fresh: dict[str, None] = {}
        self._events: deque[Message] = deque()

    def __len__(self) -> int:
        return len(self._fresh) + len(self._events)

    def put(self, message: Message) -> None:
        """Let a message wait for its turn."""
        if message.retain:
            self.dropped += message.topic in self._fresh
            self._retained[message.topic] = message
            self._fresh[message.topic] = None
            return
        if message.passing and self._events and self._events[-1].passing:
            self._events.pop()
            self.dropped += 1
        self._events.append(message)
        if len(self._events) > EVENTS:
            self._events.popleft()
            self.dropped += 1

    def take(self) -> Message:
        """Give the next message; there must be one."""
        if self._fresh:
            topic = next(iter(self._fresh))
            del self._fresh[topic]
            return self._retained[topic]
        return self._events.popleft()

    def begin_again(self, unsure: list[Message]) -> None:
        """Send all that is retained anew, and the events of which it is not sure."""
        self._fresh = dict.fromkeys(self._retained)
        for message in reversed(unsure):
            if not message.retain and len(self._events) < EVENTS:
                self._events.appendleft(message)
