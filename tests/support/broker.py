"""A real mosquitto on a loopback port, that can be killed and started again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

PATIENCE = 30.0
"""Seconds after which a test gives up on something that takes milliseconds."""


def wait_until(
    condition: Callable[[], object],
    what: str,
    seconds: float = PATIENCE,
    pause: float = 0.005,
) -> None:
    """Wait for something that another thread or process does, looking now and then."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(pause)


@dataclass(frozen=True)
class Message:
    topic: str
    payload: bytes
    retained: bool


class Broker:
    """One mosquitto; `user` and `observer` need the `password` where one is given.

    Args:
        folder: where its files are put.
        password: of both users; None lets everybody in.
        certificates: as from `make_certificates`; it then speaks TLS only.
        acl: who may read and write what, in the format of mosquitto's acl_file.
        port: where it listens; a free one where not given.
        max_packet_size: bytes of the largest packet that it takes.
    """

    host = "127.0.0.1"
    user = "harpi"
    observer = "observer"

    def __init__(
        self,
        folder: Path,
        *,
        password: str | None = None,
        certificates: Path | None = None,
        acl: str | None = None,
        port: int | None = None,
        max_packet_size: int | None = None,
    ) -> None:
        self.folder = folder
        self.port = port or _free_port()
        self.password = password
        self.certificates = certificates
        self._process: subprocess.Popen[bytes] | None = None
        self._binary = binary("mosquitto")
        lines = [
            f"listener {self.port} {self.host}",
            f"allow_anonymous {password is None}".lower(),
        ]
        if os.geteuid() == 0:
            lines.append("user root")
        if max_packet_size is not None:
            lines.append(f"max_packet_size {max_packet_size}")
        if password is not None:
            users = folder / "users"
            users.touch(mode=0o600)
            for name in (self.user, self.observer):
                subprocess.run(
                    [binary("mosquitto_passwd"), "-b", users, name, password], check=True
                )
            lines.append(f"password_file {users}")
        if acl is not None:
            (folder / "acl").write_text(acl)
            (folder / "acl").chmod(0o600)
            lines.append(f"acl_file {folder / 'acl'}")
        if certificates is not None:
            lines += [f"cafile {certificates / 'ca.crt'}"]
            lines += [f"certfile {certificates / 'broker.crt'}"]
            lines += [f"keyfile {certificates / 'broker.key'}"]
        self._settings = folder / "mosquitto.conf"
        self._settings.write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._binary, "-c", self._settings],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self._answers, "mosquitto listens")

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        self._signal(signal.SIGTERM)

    def freeze(self) -> None:
        """Let it hold its connections and answer nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(PATIENCE)
            self._process = None

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((self.host, self.port)) == 0


class Listener:
    """A subscriber that keeps everything it hears, and survives the broker."""

    def __init__(self, broker: Broker, topic: str = "harpi/#") -> None:
        self.messages: list[Message] = []
        self._subscribed = threading.Event()
        self._topic = topic
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        if broker.password is not None:
            self._client.username_pw_set(broker.observer, broker.password)
        if broker.certificates is not None:
            self._client.tls_set(str(broker.certificates / "ca.crt"))
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        assert self._subscribed.wait(PATIENCE)

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        self.messages.append(Message(message.topic, bytes(message.payload), message.retain))

    def say(self, topic: str, payload: str) -> None:
        """Publish something, if the broker lets us, and wait until it has it."""
        self._client.publish(topic, payload, qos=1).wait_for_publish(PATIENCE)

    def of(self, ending: str) -> list[bytes]:
        return [m.payload for m in list(self.messages) if m.topic.endswith(f"/{ending}")]

    def wait_for(self, ending: str, count: int = 1, seconds: float = PATIENCE) -> list[bytes]:
        wait_until(
            lambda: len(self.of(ending)) >= count, f"{count} messages on {ending}", seconds
        )
        return self.of(ending)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def running(broker: Broker) -> Iterator[Broker]:
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


@contextmanager
def listening(broker: Broker, topic: str = "harpi/#") -> Iterator[Listener]:
    listener = Listener(broker, topic)
    try:
        yield listener
    finally:
        listener.close()


def make_certificates(folder: Path) -> Path:
    """Make an authority of our own and a certificate of the broker for 127.0.0.1."""
    _openssl(folder, "req", "-x509", *_KEY, "-keyout", "ca.key", "-out", "ca.crt", "-subj",
             "/CN=harpi", "-days", "2", "-addext", "keyUsage=critical,keyCertSign")  # fmt: skip
    make_certificate(folder, "broker", name="127.0.0.1")
    return folder


def make_certificate(folder: Path, file: str, *, name: str | None = None) -> None:
    """Make a certificate for `name`, or what the file is called, by the authority there."""
    _openssl(folder, "req", *_KEY, "-keyout", f"{file}.key", "-out", f"{file}.csr", "-subj",
             f"/CN={name or file}")  # fmt: skip
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    _openssl(folder, "x509", "-req", "-in", f"{file}.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
             "-CAcreateserial", "-out", f"{file}.crt", "-days", "2", "-extfile",
             "names")  # fmt: skip


_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run([binary("openssl"), *words], cwd=folder, check=True, capture_output=True)


def binary(name: str) -> str:
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    assert found, f"{name} is needed: apt install mosquitto openssl"
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
