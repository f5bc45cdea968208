"""When Home Assistant is told about the device: at first, and when something changes."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from harpi.commands import Event, Room, Situation
from harpi.config.schema import Config
from harpi.publish.announced import FILE_NAME, Announced, AnnouncedFile
from harpi.publish.homeassistant import discovery_payload, discovery_topic
from harpi.publish.mqtt import MqttPublisher
from harpi.types import MODELS, Verdict


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
        room: Room,
        config: Config,
        answers: Mapping[str, tuple[str, ...]],
    ) -> None:
        self._publisher = publisher
        self._config = config
        self._topic = discovery_topic(config)
        self._lock = threading.Lock()
        self._answers = dict(answers)
        self._activities: tuple[str, ...] = ()
        self._file = AnnouncedFile(config.paths.state_folder / FILE_NAME)
        before = self._file.read()
        if before.topic not in ("", self._topic):
            publisher.publish_at(before.topic, b"")
            before = Announced()
        self._told = before.labels
        if not config.mqtt.discovery.enabled:
            publisher.publish_at(self._topic, b"")
            return
        self._note_activities(room.situation)
        self._announce()
        publisher.on_birth(self._announce)
        room.subscribe(self._look)

    def close(self) -> None:
        """Wait until what was announced is remembered."""
        self._file.close()

    def see(self, verdict: Verdict) -> None:
        """Look whether a model has new labels; costs next to nothing where it has not."""
        answers = {model: verdict.predictions[model].labels for model in MODELS}
        if answers != self._answers and self._config.mqtt.discovery.enabled:
            self._answers = answers
            self._announce()

    def _look(self, event: Event) -> None:
        if self._note_activities(event.situation):
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
                self._file.write(Announced(topic=self._topic, labels=told))
            return True

    def _announce(self) -> None:
        with self._lock:
            gone = [label for label in self._told if label not in self._activities]
            payload = discovery_payload(self._config, self._answers, self._activities, gone)
            self._publisher.publish_at(self._topic, payload)
