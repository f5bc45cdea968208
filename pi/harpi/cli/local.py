"""What the harpi of this computer says, heard at its local socket instead of a broker."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import msgspec

from harpi.commands import Status
from harpi.controls.client import Client
from harpi.controls.socket import Said
from harpi.files import decode_json
from harpi.publish.messages import ONLINE, Condition
from harpi.publish.subscriber import Heard, LinkChanged


class LocalDevice:
    """Hears the daemon of this computer as a `Subscriber` hears a device at a broker.

    Args:
        folder: `paths.runtime`.

    Raises:
        DaemonNotRunning: nobody serves the socket.
        ControlError: this user may not use it, or it cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._client = Client(folder)
        condition = self._client.examine(Condition)
        situation = self._client.ask(Status()).situation
        self._name = condition.device
        self._waiting = deque(
            [
                Heard(self._name, "status", ONLINE),
                Heard(self._name, "session", msgspec.json.encode(situation)),
            ]
        )
        self._client.begin_to_watch()

    def next(self, seconds: float) -> Heard | LinkChanged | None:
        """Give what was heard next, or None after `seconds` of silence.

        Raises:
            ControlError: the daemon has ended.
        """
        if self._waiting:
            return self._waiting.popleft()
        said = self._client.said(seconds)
        return None if said is None else self._heard(said)

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def _heard(self, said: Said) -> Heard:
        if said.name != "condition":
            return Heard(self._name, said.name, bytes(said.payload))
        health = decode_json(bytes(said.payload), Condition).health
        return Heard(self._name, "health", health.encode())
