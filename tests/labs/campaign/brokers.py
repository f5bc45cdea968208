"""A broker that is gone, slow, refuses, starts anew, or takes a connection and is mute."""

from __future__ import annotations

import random
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from harpi.publish.messages import Gap, Logged
from tests.labs.campaign.device import PATIENCE, Device, device
from tests.labs.campaign.processes import Outcome, add_row
from tests.labs.campaign.result import Result
from tests.labs.campaign.said import gist
from tests.support.broker import Broker, Listener, wait_until
from tests.support.proxy import Gate

AWAY = 6.0
"""Seconds for which a broker is away."""


class Abyss(Gate):
    """Something that takes connections and says nothing, for as long as it is `shut`."""

    def lets_in(self, client: socket.socket, begin: bytes) -> bool:
        while self.shut:
            time.sleep(0.1)
        return True


@dataclass
class Scene:
    """A device, the gate in front of its broker, and somebody who hears all."""

    device: Device
    broker: Broker
    gate: Gate
    listener: Listener


@contextmanager
def _scene(kind: type[Gate] = Gate) -> Iterator[Scene]:
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder))
        broker.start()
        listener = Listener(broker)
        before = kind(broker)
        try:
            with device(
                mqtt__enabled="true", mqtt__host=before.host, mqtt__port=before.port
            ) as one:
                yield Scene(one, broker, before, listener)
        finally:
            before.shut = False
            before.close()
            listener.close()
            broker.kill()


def _numbers(scene: Scene) -> list[int]:
    """Give the numbers that were heard, each once, in ascending order."""
    numbers: set[int] = set()
    for payload in scene.listener.of("history"):
        entry = msgspec.json.decode(payload, type=Logged)
        first = entry.first if isinstance(entry, Gap) else entry.sequence
        numbers.update(range(first, entry.sequence + 1))
    return sorted(numbers)


def _said_meanwhile(scene: Scene) -> str:
    """Let the broker be away; give what `harpi status` says of it then."""
    time.sleep(AWAY)
    problems = scene.device.condition().problems
    return gist(problems[0]) if problems else "-"


def _outcome(scene: Scene, said: str, back: Callable[[], object], what: str) -> Outcome:
    """Wait until the link is back and all is heard; see that nothing is missing."""
    seconds = scene.device.comes_back(back, "the broker is back")
    verdicts = scene.device.condition().health.recognition.windows
    wait_until(lambda: len(_numbers(scene)) >= verdicts, "all is heard", PATIENCE, 0.1)
    heard, health = _numbers(scene), scene.device.condition().health
    wrong = ""
    if heard != list(range(len(heard))):
        wrong = f"numbers are missing: {len(heard)} heard, the last is {heard[-1]}"
    elif health.mqtt.given_up:
        wrong = f"{health.mqtt.given_up} messages were given up"
    lost = health.sensor.lost
    return Outcome(what, said, seconds, lost, 0, wrong)


def _is_back(scene: Scene) -> Callable[[], object]:
    """Tell whether something new is heard of the device since now."""
    before = len(scene.listener.of("state"))
    return lambda: len(scene.listener.of("state")) > before


def _away(
    vanish: Callable[[Scene], object],
    return_: Callable[[Scene], object],
    what: str,
    *,
    kind: type[Gate] = Gate,
    before_the_start: bool = False,
) -> Outcome:
    """Let the broker vanish before or after the device has started, and come back."""
    with _scene(kind) as scene:
        if not before_the_start:
            scene.device.start()
        vanish(scene)
        if before_the_start:
            scene.device.start()
        said = _said_meanwhile(scene)
        back = _is_back(scene)
        return_(scene)
        return _outcome(scene, said, back, what)


def _shut(scene: Scene) -> None:
    scene.gate.shut = True


def _open(scene: Scene) -> None:
    scene.gate.shut = False


def _delay(scene: Scene) -> None:
    scene.gate.delay = 0.5


def _hurry(scene: Scene) -> None:
    scene.gate.delay = 0.0


TRIALS: dict[str, Callable[[], Outcome]] = {
    "broker killed, and back after 6 s": partial(
        _away,
        lambda scene: scene.broker.kill(),
        lambda scene: scene.broker.start(),
        "predicts on; what is numbered comes later",
    ),
    "broker not there at the start, for 6 s": partial(
        _away, _shut, _open, "starts without it; what is numbered waits", before_the_start=True
    ),
    "broker cuts the connection and refuses others for 6 s": partial(
        _away,
        lambda scene: scene.gate.cut(),
        _open,
        "tries ever more slowly, and predicts on",
    ),
    "broker holds the connection and says nothing for 6 s": partial(
        _away,
        lambda scene: scene.broker.freeze(),
        lambda scene: scene.broker.thaw(),
        "predicts on; what is numbered comes later",
    ),
    "broker takes the connection and never answers, for 6 s": partial(
        _away,
        _shut,
        _open,
        "starts without it; what is numbered waits",
        kind=Abyss,
        before_the_start=True,
    ),
    "broker so slow that every packet takes 0.5 s, for 6 s": partial(
        _away, _delay, _hurry, "the newest state replaces one that waits"
    ),
}


def try_all(result: Result, _chance: random.Random, quick: bool) -> None:
    """Try everything that a broker does; add a row for each."""
    for words, trial in list(TRIALS.items())[: 1 if quick else None]:
        add_row(result, words, [trial()])
