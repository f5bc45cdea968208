"""The client of the MQTT library, made safe against what may be at the other end.

Its thread never ends unseen, a packet takes no more memory than harpi can use of it, and
whoever answers in another language than MQTT is told apart.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

BLOCK: Final = 4096
"""Bytes that are read at a time; the library keeps up to a hundred blocks until it looks."""

_CONNACK: Final = 0x20
"""First byte of what a broker says first (MQTT 5.0, 3.2.1)."""

_GREETING: Final = 24

log = logging.getLogger(__name__)


class Client(paho.Client):
    """A client for one connection.

    Args:
        largest: bytes of the largest packet that is kept. What comes beyond them is read and
            thrown away, so that whoever gets the message sees that it was too long.
        on_end: called when the thread of the network ends, however it ends.
        more: as of `paho.Client`.

    Attributes:
        greeting: the first bytes of a peer that does not speak MQTT; empty for one that does.
    """

    def __init__(self, *, largest: int, on_end: Callable[[], None], **more: Any) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, **more)
        self.greeting = b""
        self._largest = largest
        self._on_end = on_end
        self._greeted = False

    def loop_forever(
        self, timeout: float = 1.0, retry_first_connection: bool = False
    ) -> MQTTErrorCode:
        """Run the network, as `paho.Client.loop_forever`; never raises."""
        try:
            return super().loop_forever(timeout, retry_first_connection)
        except Exception:
            log.exception("the connection to the broker failed and is opened again")
            return MQTTErrorCode.MQTT_ERR_UNKNOWN
        finally:
            self._on_end()

    # The library has no public way to bound what it reads, so these two are its own.

    def _sock_recv(self, bufsize: int) -> bytes:
        block = super()._sock_recv(min(bufsize, BLOCK))
        if block and not self._greeted:
            self._greeted = True
            if block[0] != _CONNACK:
                self.greeting = block + self._rest_of_greeting()
                raise ConnectionAbortedError("what answers does not speak MQTT")
        return block

    def _rest_of_greeting(self) -> bytes:
        try:
            return super()._sock_recv(_GREETING)
        except OSError:
            return b""

    def _packet_read(self) -> MQTTErrorCode:
        result = super()._packet_read()
        del self._in_packet["packet"][self._largest :]
        return result
