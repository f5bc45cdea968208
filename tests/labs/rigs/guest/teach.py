"""The whole daemon on a real kernel: buttons pressed, lights read, takes learnt.

harpi, smbus2, rpi-lgpio and mosquitto are as on a Pi; /dev/i2c-1 and /dev/gpiochip0 are the
kernel's. The strap is turned, so that the base alone is wrong.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from harpi.commands import Event
from harpi.imu.emulator.bus import EmulatedBus
from harpi.imu.emulator.chip import Chip
from harpi.imu.emulator.motion import rotation_matrix
from harpi.publish.messages import Health, State
from harpi.recording import Recording
from harpi.timebase import SystemTime
from tests.labs.rigs.guest.board import GPIO, Board, loopback_up
from tests.labs.rigs.guest.report import report
from tests.labs.rigs.guest.wearer import Wearer
from tests.labs.rigs.wire import Adapter
from tests.support.broker import Broker, Listener, listening, running, wait_until
from tests.support.command import running_harpi
from tests.support.device import recording_path

BUTTONS: Final = {"walking": 5, "sitting": 6, "standing": 13}
TRAIN: Final = 26
RECORDING: Final = 16
TRAINING: Final = 20
TURN: Final = rotation_matrix((0.3, -0.5, 0.8), 75.0)
TEACH_SECONDS: Final = 8.0
TEST_SECONDS: Final = 6.0
PATIENCE: Final = 60.0
SUBJECT: Final = "25"


def events(listener: Listener) -> list[Event]:
    return [msgspec.json.decode(event, type=Event) for event in listener.of("event")]


class Lesson:
    """A wearer at the board, who follows what the lights say."""

    def __init__(self, board: Board, wearer: Wearer, listener: Listener) -> None:
        self.board = board
        self.wearer = wearer
        self.listener = listener

    def teach(self, label: str) -> None:
        """Record a take by two presses of the label's button."""
        self.wearer.does(label)
        time.sleep(1.0)
        self.board.press(BUTTONS[label])
        self.sees(RECORDING, f"{label} is recorded")
        time.sleep(TEACH_SECONDS)
        self.board.press(BUTTONS[label])
        wait_until(
            lambda: events(self.listener)[-1].situation.state == "idle",
            f"{label} is kept",
            PATIENCE,
        )

    def train(self) -> Event:
        """Press the button and wait for the end."""
        self.board.press(TRAIN)
        self.sees(TRAINING, "it trains")
        wait_until(lambda: events(self.listener)[-1].outcome, "training ends", PATIENCE)
        return events(self.listener)[-1]

    def answers(self, label: str) -> dict[str, str | None]:
        """Do something that was taught and give what each model mostly calls it."""
        self.wearer.does(label)
        time.sleep(0.5)
        begun = datetime.now(UTC)
        time.sleep(TEST_SECONDS)
        states = [
            state
            for payload in self.listener.of("state")
            if (state := msgspec.json.decode(payload, type=State)).start > begun
        ]
        return {
            model: Counter(getattr(state, model).answer for state in states).most_common(1)[0][
                0
            ]
            for model in ("knn", "generic", "personal")
        }

    def sees(self, light: int, what: str) -> None:
        wait_until(lambda: self.board.lit(light), f"the light shows that {what}", PATIENCE)


def work() -> dict[str, Any]:
    loopback_up()
    timebase = SystemTime()
    wearer = Wearer(Recording.read(recording_path(), subject=SUBJECT), timebase, TURN)
    board = Board(Adapter(EmulatedBus({0x68: Chip(wearer, timebase, seed=1)}, timebase)))
    folder = Path("/tmp/broker")
    folder.mkdir()
    settings = {
        "mqtt.port": (broker := Broker(folder)).port,
        "mqtt.host": broker.host,
        "mqtt.health_seconds": 1,
        "device.id": "arm",
        "signal.hop": 8,
        "learning.labels": list(BUTTONS),
        "buttons.enabled": "true",
        "buttons.labels": list(BUTTONS.values()),
        "leds.enabled": "true",
    }
    words = [word for item in settings.items() for word in ("--set", "=".join(map(str, item)))]
    with (
        running(broker),
        listening(broker) as listener,
        running_harpi("run", *words, more=GPIO) as process,
    ):
        listener.wait_for("state", 1, PATIENCE)
        lesson = Lesson(board, wearer, listener)
        for label in BUTTONS:
            lesson.teach(label)
        trained = lesson.train()
        answers = {label: lesson.answers(label) for label in BUTTONS}
        health = msgspec.json.decode(listener.of("health")[-1], type=Health)
        process.terminate()
        _, said = process.communicate(timeout=PATIENCE)
        print(said)
        return {
            "labels": {count.label: count.takes for count in trained.situation.labels},
            "outcome": trained.outcome,
            "answers": answers,
            "sensor": msgspec.to_builtins(health.sensor),
            "ended": process.returncode,
            "lights": [pin for pin in (RECORDING, TRAINING, 21) if board.lit(pin)],
        }


if __name__ == "__main__":
    report(work)
