"""When Home Assistant is told about a device, and how that is taken back.

One retained message describes the device and all its entities, or a few where the broker says
that it takes no larger ones; `harpi.publish.entities` has what is in them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from harpi.commands import Event, SessionApi, Situation
from harpi.config.schema import Config
from harpi.files import decode_json, make_directory, private_mode, write_atomically
from harpi.publish.commands import Allowance
from harpi.publish.entities import discovery_payloads, discovery_topic, part_suffix
from harpi.publish.publisher import MqttPublisher
from harpi.supervisor import Supervisor
from harpi.types import Verdict

FILE_NAME: Final = "homeassistant.json"
"""Name of the file within the folder `paths.state`."""

BIRTHS_PER_MINUTE: Final = 6
"""Starts of Home Assistant after which the device is announced; anybody may send them."""

PART_ROOM: Final = 256
"""Bytes of a packet beside the payload: its topic, header and properties."""

FORMAT: Final = 1

MOST: Final = 256
"""Labels that are remembered; what was told first is forgotten first."""

log = logging.getLogger(__name__)


class Discovery:
    """Announces the device to Home Assistant, and again with every new label.

    What earlier runs announced and is no more is taken back: the buttons of labels that are
    gone, and all of it where it is switched off or the device has another name.

    Args:
        publisher: the link to the broker, not started yet.
        room: knows what can be recorded.
        config: all settings.
        answers: the labels that each model can answer with at first.
    """

    def __init__(
        self,
        publisher: MqttPublisher,
        room: SessionApi,
        config: Config,
        answers: Mapping[str, tuple[str, ...]],
    ) -> None:
        self._publisher = publisher
        self._config = config
        self._topic = discovery_topic(config)
        self._lock = threading.Lock()
        self._answers = dict(answers)
        self._activities: tuple[str, ...] = ()
        self._file = AnnouncedFile(config.paths.state_folder / FILE_NAME, publisher.supervisor)
        self._births = Allowance(BIRTHS_PER_MINUTE, BIRTHS_PER_MINUTE)
        self._parts = 1
        before = self._file.read()
        enabled = config.mqtt.discovery.enabled
        if before.topic and not (enabled and before.topic == self._topic):
            for part in range(1, before.parts + 1):
                topic = before.topic.removesuffix("/config")
                publisher.publish_at(f"{topic}{part_suffix(part)}/config", b"")
            before = Announced()
        self._told = before.labels
        if not enabled:
            return
        self._parts = before.parts
        self._note_activities(room.situation)
        self._announce()
        publisher.on_birth(self._greet)
        publisher.on_limit(self._announce)
        room.subscribe(self._look)

    def close(self) -> None:
        """Wait until what was announced is remembered."""
        self._file.close()

    def see(self, verdict: Verdict) -> None:
        """Look whether a model has new labels; costs next to nothing where it has not."""
        answers = {model: said.labels for model, said in verdict.opinions.items()}
        if answers != self._answers and self._config.mqtt.discovery.enabled:
            self._answers = answers
            self._announce()

    def _look(self, event: Event) -> None:
        if self._note_activities(event.situation):
            self._announce()

    def _greet(self) -> None:
        if self._births.spend():
            self._announce()

    def _note_activities(self, situation: Situation) -> bool:
        """Note what can be recorded; tell whether that is news."""
        with self._lock:
            labels = [*self._config.learning.labels]
            labels += [count.label for count in situation.labels]
            labels += [situation.label] if situation.label else []
            activities = tuple(dict.fromkeys(labels))
            if activities == self._activities:
                return False
            self._activities = activities
            told = tuple(dict.fromkeys((*self._told, *activities)))
            if told != self._told:
                self._told = told
                self._remember()
            return True

    def _remember(self) -> None:
        self._file.write(Announced(topic=self._topic, labels=self._told, parts=self._parts))

    def _announce(self) -> None:
        with self._lock:
            gone = [label for label in self._told if label not in self._activities]
            payloads = discovery_payloads(
                self._config,
                self._answers,
                self._activities,
                gone,
                largest=self._publisher.largest - PART_ROOM,
            )
            if len(payloads) > self._parts:
                self._parts = len(payloads)
                self._remember()
            payloads += [b""] * (self._parts - len(payloads))
            for part, payload in enumerate(payloads, start=1):
                self._publisher.publish_at(discovery_topic(self._config, part), payload)


class Announced(Struct, frozen=True):
    """What was told.

    Attributes:
        format: of the file.
        topic: of the announcement; empty where nothing was told yet.
        labels: for which there may be a button, what was told first in front.
        parts: messages that it was told in, at most.
    """

    format: int = FORMAT
    topic: str = ""
    labels: tuple[str, ...] = ()
    parts: Annotated[int, Meta(ge=1, le=64)] = 1


class AnnouncedFile:
    """The file of it. Where it cannot be used, that is said, and nothing is remembered.

    Args:
        path: the file; made, with its folder, when something is told first.
        supervisor: sees what goes wrong on its thread.
    """

    def __init__(self, path: Path, supervisor: Supervisor | None = None) -> None:
        self._supervisor = supervisor or Supervisor()
        self._path = path
        self._lock = threading.Lock()
        self._waiting: Announced | None = None
        self._thread: threading.Thread | None = None

    def read(self) -> Announced:
        """Give what was told; nothing where there is no file, or a damaged one."""
        try:
            announced = decode_json(self._path.read_bytes(), Announced)
            if announced.format > FORMAT:
                raise msgspec.ValidationError("it is of a newer harpi")
        except FileNotFoundError:
            return Announced()
        except (OSError, msgspec.DecodeError) as error:
            log.warning("%s is not read: %s", self._path, error)
            return Announced()
        return announced

    def write(self, announced: Announced) -> None:
        """Remember what is told from now on; a thread waits for the disk."""
        labels = announced.labels[-MOST:]
        with self._lock:
            self._waiting = msgspec.structs.replace(announced, labels=labels)
            if self._thread is None:
                self._thread = self._supervisor.thread(self._write, "mqtt-discovery")
                self._thread.start()

    def close(self) -> None:
        """Wait until the last of it is on the disk."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _write(self) -> None:
        while True:
            with self._lock:
                announced = self._waiting
                if announced is None:
                    self._thread = None
                    return
            try:
                make_directory(self._path.parent)
                mode = private_mode(self._path.parent)
                write_atomically(self._path, msgspec.json.encode(announced), mode=mode)
            except OSError as error:
                log.warning("%s is not written: %s", self._path, error.strerror or error)
            with self._lock:
                if self._waiting is announced:
                    self._waiting = None
