"""Sets the demo up and takes it down: broker, chip, daemon, and an ear at the broker."""

from __future__ import annotations

import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from harpi import __version__, shipped
from harpi.commands import Event
from harpi.config.loading import build
from harpi.daemon import Daemon
from harpi.demo.broker import HOST, demo_broker
from harpi.demo.director import Director, Spectator
from harpi.demo.scaled_time import ScaledTime
from harpi.demo.score import Score
from harpi.demo.screenplay import write_screenplay
from harpi.imu.emulator import Chip, EmulatedBus, Playback, VirtualTime
from harpi.publish.messages import Logged, LoggedVerdict
from harpi.publish.subscriber import Heard, Subscriber
from harpi.recording import Recording
from harpi.timebase import Timebase

RECORDING: Final = "models/recordings/hapt_25_26.npz"
TEACH_SECONDS: Final = 7.0
TEST_SECONDS: Final = 4.5
_DEVICE: Final = "demo"
_LAST_WORD_SECONDS: Final = 2.0


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

    score: Score
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


def perform(
    spectator: Spectator,
    score: Score,
    *,
    subject: str,
    speed: float | None,
    recording: Path | None = None,
) -> Outcome:
    """Play the demo once.

    Args:
        spectator: who is shown what happens.
        score: where verdicts are counted.
        subject: whose recording is played.
        speed: how much faster than life; None for as fast as this computer can.
        recording: what is played; what ships with harpi where not given.

    Raises:
        HarpiError: no broker, no such recording, or a piece that does not start.
    """
    begun = time.perf_counter()
    source = Recording.read(recording or shipped.path(RECORDING), subject=subject)
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
                "paths.state": f"{folder}/state",
                "paths.runtime": f"{folder}/run",
            }
        )
        with _Ear(Subscriber(config.mqtt, _DEVICE)) as ear:
            daemon = Daemon(config, bus=bus, timebase=timebase)
            daemon.open()
            notices: list[str] = []

            def note(event: Event) -> None:
                if event.kind == "notice":
                    notices.append(event.message)

            daemon.session.subscribe(note)
            director = Director(daemon, playback, play, score, spectator)
            try:
                director.perform()
                ear.wait_for(daemon.recognition.windows, _LAST_WORD_SECONDS)
            finally:
                daemon.stop()
            return Outcome(
                score=score,
                broker=name,
                heard=ear.verdicts,
                said=daemon.recognition.windows,
                lost=daemon.sampler.health().lost,
                train_seconds=director.training_seconds,
                trained=notices[-1] if notices else "",
                seconds=time.perf_counter() - begun,
            )


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
                said = msgspec.json.decode(heard.payload, type=Logged)
                self.verdicts += isinstance(said, LoggedVerdict)
