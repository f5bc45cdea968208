"""When Home Assistant is told about the device: at first, and when something changes."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from harpi.commands import Event, Room, Situation
from harpi.config.schema import Config
from harpi.publish.homeassistant import discovery_payload, discovery_topic
from harpi.publish.mqtt import MqttPublisher
from harpi.types import MODELS, Verdict


class Discovery:
    """Announces the device to Home Assistant, and again with every new label.

    Where it is switched off, the announcement of earlier runs is taken back.

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
        self._gone: dict[str, None] = {}
        if not config.mqtt.discovery.enabled:
            publisher.publish_at(self._topic, b"")
            return
        self._note_activities(room.situation)
        self._announce()
        publisher.on_birth(self._announce)
        room.subscribe(self._look)

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
            self._gone |= dict.fromkeys(self._activities)
            self._gone = {label: None for label in self._gone if label not in activities}
            self._activities = activities
            return True

    def _announce(self) -> None:
        with self._lock:
            payload = discovery_payload(
                self._config, self._answers, self._activities, tuple(self._gone)
            )
            self._publisher.publish_at(self._topic, payload)
