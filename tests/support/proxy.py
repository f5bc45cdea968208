"""Doors in front of a broker: one that can be shut, and one that knows only MQTT 3.1.1."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.support.broker import Broker

MQTT_5 = 5
UNACCEPTABLE_VERSION = b"\x20\x02\x00\x01"
"""CONNACK of MQTT 3.1.1 with the return code for a version that is not spoken."""


class Gate:
    """Another port of a broker, behind which one client can be cut off while others are not.

    Attributes:
        shut: nobody new is let through.
        delay: seconds for which every block of bytes gets stuck on its way.
    """

    host = Broker.host

    def __init__(self, broker: Broker) -> None:
        self.shut = False
        self.delay = 0.0
        self._broker = broker
        self._clients: set[socket.socket] = set()
        self._socket = socket.create_server((self.host, 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Let nobody through any more, until `shut` is False again."""
        self.shut = True
        for client in list(self._clients):
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def lets_in(self, client: socket.socket, begin: bytes) -> bool:
        """Look at the first packet of a client."""
        return not self.shut

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._clients.add(client)
        with client, suppress(OSError):
            begin = client.recv(4096)
            if self.lets_in(client, begin):
                with socket.create_connection((self.host, self._broker.port)) as broker:
                    broker.sendall(begin)
                    back = threading.Thread(
                        target=self._pump, args=[broker, client], daemon=True
                    )
                    back.start()
                    self._pump(client, broker)
                    back.join()
        self._clients.discard(client)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while block := source.recv(4096):
                time.sleep(self.delay)
                sink.sendall(block)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)


class OldBroker(Gate):
    """A broker from before MQTT 5: it says no to that version, or hangs up on it.

    Attributes:
        versions: of each attempt to connect.
    """

    def __init__(self, broker: Broker, *, says_no: bool) -> None:
        self.versions: list[int] = []
        self._says_no = says_no
        super().__init__(broker)

    def lets_in(self, client: socket.socket, begin: bytes) -> bool:
        version = begin[begin.index(b"MQTT") + 4]
        self.versions.append(version)
        if version >= MQTT_5 and self._says_no:
            client.sendall(UNACCEPTABLE_VERSION)
        return version < MQTT_5


@contextmanager
def gate(broker: Broker) -> Iterator[Gate]:
    one = Gate(broker)
    try:
        yield one
    finally:
        one.close()


@contextmanager
def old_broker(broker: Broker, *, says_no: bool = True) -> Iterator[OldBroker]:
    one = OldBroker(broker, says_no=says_no)
    try:
        yield one
    finally:
        one.close()
