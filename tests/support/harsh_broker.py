"""Brokers that hang up: on what their policy forbids, or on everybody."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PING = 0x20, 3, 0x40, 8, 0x90, 12
MQTT_5 = 5


class _Server:
    """Listens on a loopback port, and serves each client on a thread."""

    host = "127.0.0.1"

    def __init__(self) -> None:
        self.connections = 0
        self._socket = socket.create_server((self.host, 0))
        self._clients: list[socket.socket] = []
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def serve(self, client: socket.socket) -> None:
        raise NotImplementedError

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for client in self._clients:
            client.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                self.connections += 1
                self._clients.append(client)
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError, EOFError):
            self.serve(client)


class HarshBroker(_Server):
    """Ends the connection, without a word, for what it does not allow.

    Args:
        forbids: told of a topic, the bytes of the packet, and whether it is a subscription.

    Attributes:
        topics: what was published and allowed.
        heard: what was subscribed to.
        mute: it acknowledges nothing.
    """

    def __init__(self, forbids: Callable[[str, int, bool], bool]) -> None:
        self.topics: list[str] = []
        self.heard: list[str] = []
        self.mute = False
        self._forbids = forbids
        self._newest: socket.socket | None = None
        super().__init__()

    def say(self, packet: bytes) -> None:
        """Send bytes to the client that came last."""
        assert self._newest is not None
        self._newest.sendall(packet)

    def serve(self, client: socket.socket) -> None:
        _, body = _packet(client)
        version = body[6]
        client.sendall(
            bytes([CONNACK, 3, 0, 0, 0] if version == MQTT_5 else [CONNACK, 2, 0, 0])
        )
        self._newest = client
        while True:
            head, body = _packet(client)
            kind = head >> 4
            if kind == PUBLISH:
                end = 2 + int.from_bytes(body[:2], "big")
                topic = body[2:end].decode()
                if self._forbids(topic, len(body), False):
                    client.close()
                    return
                self.topics.append(topic)
                if not self.mute:
                    client.sendall(bytes([PUBACK, 2]) + body[end : end + 2])
            elif kind == SUBSCRIBE:
                topics = list(_topics(body[2 + (version == MQTT_5) :]))
                if any(self._forbids(topic, 0, True) for topic in topics):
                    client.close()
                    return
                self.heard += topics
                more = b"\0" if version == MQTT_5 else b""
                answer = body[:2] + more + b"\1" * len(topics)
                client.sendall(bytes([SUBACK, len(answer)]) + answer)
            elif kind == PING:
                client.sendall(b"\xd0\0")


class NoBroker(_Server):
    """Takes connections and is no broker.

    Args:
        says: what it answers; None for nothing, and it stays; empty, and it hangs up.
        first: it speaks before it is spoken to.
    """

    def __init__(self, says: bytes | None, *, first: bool = False) -> None:
        self._says = says
        self._first = first
        super().__init__()

    def serve(self, client: socket.socket) -> None:
        if not self._first:
            client.recv(4096)
        if self._says is None:
            return
        client.sendall(self._says)
        time.sleep(0.05)
        client.close()


def _packet(client: socket.socket) -> tuple[int, bytes]:
    head, length, shift = _read(client, 1)[0], 0, 0
    while True:
        byte = _read(client, 1)[0]
        length |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            return head, _read(client, length)


def _read(client: socket.socket, count: int) -> bytes:
    content = b""
    while len(content) < count:
        block = client.recv(count - len(content))
        if not block:
            raise EOFError
        content += block
    return content


def _topics(body: bytes) -> Iterator[str]:
    while body:
        end = 2 + int.from_bytes(body[:2], "big")
        yield body[2:end].decode()
        body = body[end + 1 :]


@contextmanager
def harsh_broker(forbids: Callable[[str, int, bool], bool]) -> Iterator[HarshBroker]:
    one = HarshBroker(forbids)
    try:
        yield one
    finally:
        one.close()


@contextmanager
def no_broker(says: bytes | None, *, first: bool = False) -> Iterator[NoBroker]:
    one = NoBroker(says, first=first)
    try:
        yield one
    finally:
        one.close()
