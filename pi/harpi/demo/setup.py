"""Set the demo up and take it down: broker, chip, daemon, page, a subscriber at the broker."""

from __future__ import annotations

import contextlib
import math
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from harpi import __version__, shipped
from harpi.commands import Event
from harpi.config.loading import build
from harpi.config.schema import WebSection
from harpi.daemon import Daemon
from harpi.daemon.services import start_page
from harpi.demo.runner import DemoRunner, ScaledTime, SceneScore, Spectator, write_screenplay
from harpi.errors import BrokerError
from harpi.files import decode_json
from harpi.imu.emulator import Chip, EmulatedBus, Playback, VirtualTime
from harpi.publish.messages import Logged, LoggedVerdict
from harpi.publish.subscriber import Heard, Subscriber
from harpi.recording import Recording
from harpi.timebase import Timebase

TEACH_SECONDS: Final = 7.0

TEST_SECONDS: Final = 4.5

_DEVICE: Final = "demo"

_LAST_WORD_SECONDS: Final = 10.0

_COME_BACK_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the demo measured; everything in it comes from the run.

    Attributes:
        score: accuracy of every model in every scene.
        broker: name of the broker's software.
        heard: verdicts that arrived at a subscriber.
        said: verdicts that were given.
        lost: samples that the sensor path lost.
        train_seconds: from pressing train to the new head in use, on this computer.
        trained: what harpi said about the new head.
        seconds: what the whole demo took on this computer.
    """

    score: SceneScore
    broker: str
    heard: int
    said: int
    lost: int
    train_seconds: float
    trained: str
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Give everything for machines."""
        return {
            "version": __version__,
            "accuracy": self.score.as_table(),
            "broker": self.broker,
            "verdicts": {"said": self.said, "heard": self.heard},
            "samples_lost": self.lost,
            "train_seconds": round(self.train_seconds, 3),
            "trained": self.trained,
            "seconds": round(self.seconds, 1),
        }


class RunningDemo:
    """The demo, ready to begin; `set_up` makes one.

    Args:
        daemon: opened.
        director: of the play on it.
        score: where verdicts are counted.
        ear: hears what arrives at a subscriber.
        broker: name of the broker's software.
    """

    def __init__(
        self, daemon: Daemon, director: DemoRunner, score: SceneScore, ear: _Ear, broker: str
    ) -> None:
        self._daemon = daemon
        self._director = director
        self._score = score
        self._ear = ear
        self._broker = broker
        self._begun = time.perf_counter()
        self._notices: list[str] = []
        self._watched_at = -math.inf
        daemon.stream.subscribe(Event, self._note)

    @property
    def page(self) -> str | None:
        """Where the page is; None where it is not served."""
        page = self._daemon.page
        return page.url if page is not None and page.serving else None

    def perform(self) -> Outcome:
        """Play all scenes once.

        Raises:
            HarpiError: harpi refuses what the play asks for.
        """
        self._director.perform()
        self._ear.wait_for(self._daemon.recognition.windows, _LAST_WORD_SECONDS)
        return Outcome(
            score=self._score,
            broker=self._broker,
            heard=self._ear.verdicts,
            said=self._daemon.recognition.windows,
            lost=self._daemon.sampler.health().lost,
            train_seconds=self._director.training_seconds,
            trained=self._notices[-1] if self._notices else "",
            seconds=time.perf_counter() - self._begun,
        )

    def is_watched(self) -> bool:
        """Whether somebody looks at the page, or did a moment ago."""
        page = self._daemon.page
        if page is not None and page.viewers:
            self._watched_at = time.monotonic()
        return time.monotonic() - self._watched_at < _COME_BACK_SECONDS

    def encore(self) -> None:
        """Go on, as slowly as life, for as long as somebody looks at the page."""
        if isinstance(self._daemon.timebase, ScaledTime):
            self._daemon.timebase.go(1.0)
        self._director.encore(self.is_watched)

    def _note(self, event: Event) -> None:
        if event.kind == "notice":
            self._notices.append(event.message)


@contextlib.contextmanager
def set_up(
    spectator: Spectator,
    score: SceneScore,
    *,
    subject: str,
    speed: float | None,
    recording: Path | None = None,
    page: bool = False,
) -> Iterator[RunningDemo]:
    """Set the demo up, and take it down at the end.

    Args:
        spectator: who is shown what happens.
        score: where verdicts are counted.
        subject: whose recording is played.
        speed: how much faster than life; None for as fast as this computer can.
        recording: what is played; what ships with harpi where not given.
        page: serve the page, to this computer alone.

    Raises:
        HarpiError: no broker, no such recording, or a piece that does not start.
    """
    source = Recording.read(recording or shipped.path(shipped.RECORDING), subject=subject)
    play = write_screenplay(source, teach_seconds=TEACH_SECONDS, test_seconds=TEST_SECONDS)
    timebase: Timebase = VirtualTime() if speed is None else ScaledTime(speed)
    playback = Playback(play.recording, start=timebase.monotonic())
    bus = EmulatedBus({0x68: Chip(playback, timebase)}, timebase)
    with tempfile.TemporaryDirectory(prefix="harpi-demo-") as folder, demo_broker() as broker:
        name, port = broker
        config = build(
            {
                "device.id": _DEVICE,
                "device.position": source.position or "waist",
                "learning.labels": play.labels,
                "mqtt.host": HOST,
                "mqtt.port": port,
                "socket.enabled": False,
                "web.enabled": page,
                "web.port": page_port(),
                "paths.state": f"{folder}/state",
                "paths.runtime": f"{folder}/run",
            }
        )
        with _Ear(Subscriber(config.mqtt, _DEVICE)) as ear:
            daemon = Daemon(config, bus=bus, timebase=timebase)
            try:
                daemon.open()
                if daemon.page is not None:
                    start_page(daemon.page)
                director = DemoRunner(daemon, playback, play, score, spectator)
                yield RunningDemo(daemon, director, score, ear, name)
            finally:
                daemon.stop()


def page_port() -> int:
    """Give the usual port of the page, or another where it is taken."""
    usual = WebSection().port
    with socket.socket() as probe:
        # As the page's own socket, which may follow a demo that has just ended.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, usual))
        except OSError:
            probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class _Ear:
    """Counts the verdicts that arrive at a subscriber, on a thread of its own."""

    def __init__(self, subscriber: Subscriber) -> None:
        self.verdicts = 0
        self._subscriber = subscriber
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="ear", daemon=True)

    def __enter__(self) -> _Ear:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._subscriber.close()

    def wait_for(self, verdicts: int, seconds: float) -> None:
        """Wait until so many have arrived, or for `seconds`."""
        deadline = time.monotonic() + seconds
        while self.verdicts < verdicts and time.monotonic() < deadline:
            time.sleep(0.02)

    def _listen(self) -> None:
        while not self._stop.is_set():
            heard = self._subscriber.next(0.1)
            if isinstance(heard, Heard) and heard.name == "history":
                with contextlib.suppress(msgspec.DecodeError):
                    said = decode_json(heard.payload, Logged)
                    self.verdicts += isinstance(said, LoggedVerdict)


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
            remedy="install mosquitto ('sudo apt install mosquitto'), or iotcore with pip",
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
