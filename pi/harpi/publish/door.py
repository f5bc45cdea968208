"""The MQTT door to the session: commands come in, what happens goes out."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Final

from harpi.commands import Event, Room, decode_named, encode
from harpi.errors import UsageError
from harpi.publish.mqtt import MqttPublisher

SOURCE: Final = "mqtt"

log = logging.getLogger(__name__)


class MqttDoor:
    """Obeys `/set/<command>` and tells every event of the session on `/event`.

    Args:
        publisher: the link to the broker, not started yet.
        room: who obeys.
    """

    def __init__(self, publisher: MqttPublisher, room: Room) -> None:
        self._publisher = publisher
        self._room = room
        room.subscribe(self._tell)
        publisher.listen(self._take)

    def _take(self, name: str, payload: bytes) -> None:
        try:
            command = decode_named(name, payload)
        except UsageError as error:
            log.warning("%s", error)
            self._tell(
                Event(
                    kind="answer",
                    time=datetime.now(UTC),
                    source=SOURCE,
                    ok=False,
                    message=str(error),
                    situation=self._room.situation,
                )
            )
        else:
            self._room.command(command, SOURCE)

    def _tell(self, event: Event) -> None:
        self._publisher.publish_event(encode(event))
