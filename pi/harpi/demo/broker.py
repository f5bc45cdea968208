"""A broker of the demo's own: mosquitto where it is installed, else the one from PyPI."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from harpi.errors import BrokerError

HOST: Final = "127.0.0.1"
START_SECONDS: Final = 60.0


@contextlib.contextmanager
def demo_broker() -> Iterator[tuple[str, int]]:
    """Run a broker on a free port of the loopback interface.

    Yields:
        The name of the broker's software, and its port.

    Raises:
        BrokerError: no broker is installed, or it does not start.
    """
    binary = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
    port = _free_port()
    with _mosquitto(binary, port) if binary else _embedded(port):
        yield ("mosquitto" if binary else "iotcore"), port


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _mosquitto(binary: str, port: int) -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="harpi-demo-") as folder:
        settings = Path(folder) / "mosquitto.conf"
        settings.write_text(f"listener {port} {HOST}\nallow_anonymous true\nuser root\n")
        with subprocess.Popen(  # noqa: S603 - a binary from PATH with our own file
            [binary, "-c", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                _wait_for(port, process)
                yield
            finally:
                process.terminate()


@contextlib.contextmanager
def _embedded(port: int) -> Iterator[None]:
    try:
        from iotcore import Broker
    except ImportError:
        raise BrokerError(
            "the demo needs an MQTT broker and found none",
            remedy="install mosquitto (sudo apt install mosquitto) or harpi[demo] with pip",
        ) from None
    broker = Broker(port=port, listen=HOST)
    try:
        broker.start(timeout=START_SECONDS)
    except (OSError, RuntimeError) as error:
        raise BrokerError(f"the embedded broker does not start: {error}") from error
    try:
        yield
    finally:
        broker.stop()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=0.2):
            return
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise BrokerError(
        f"mosquitto does not listen on port {port} (exit status {process.poll()})",
        remedy="run mosquitto -v by hand to see why",
    )
