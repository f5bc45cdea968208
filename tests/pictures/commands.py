"""What the commands show of a device that a stranger has worn and taught."""

from __future__ import annotations

import logging
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

from harpi.commands import Command, Record, Stop, Train
from harpi.config import Config
from harpi.daemon import Daemon
from harpi.demo.setup import demo_broker
from harpi.imu.emulator import Chip, EmulatedBus, VirtualTime
from harpi.timebase import SystemTime, Timebase
from tests.pictures.svg import write_svg
from tests.support.broker import wait_until
from tests.support.device import device_config
from tests.support.stage import Stage
from tests.support.terminal import Terminal

LABELS = ("walking", "sitting", "standing", "lying")
SECONDS = 11.0
"""Of each take."""
END_OF_SCREEN = "\x1b[?1049l"


def draw() -> None:
    """Make watch.svg, status.svg, evaluate.svg and pinout.svg."""
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder, demo_broker() as (_, port):
        config = device_config(
            Path(folder),
            learning__labels=list(LABELS),
            device__id="arm",
            device__position="right_arm",
            mqtt__enabled=True,
            mqtt__port=port,
            socket__enabled=True,
        )
        teach(config)
        camera = Camera(Path(folder), port)
        time = SystemTime()
        stage = Stage(time)
        stage.perform("walking", 1)
        with Daemon(config, bus=bus_of(stage, time), timebase=time):
            camera.shoot("watch", until=lambda picture: picture.count("walking ") >= 3)
            camera.shoot("status")
            camera.shoot("evaluate", height=60)
        camera.shoot("pinout", HARPI_BUTTONS__ENABLED="true", HARPI_LEDS__ENABLED="true")
    logging.disable(logging.NOTSET)


class Camera:
    """Draws what commands leave on a terminal.

    Args:
        folder: of the device's state.
        port: of the broker.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self._settings = {
            "HARPI_PATHS__STATE": f"{folder}/state",
            "HARPI_PATHS__RUNTIME": f"{folder}/run",
            "HARPI_MQTT__PORT": str(port),
        }
        self._as_on_a_pi = {f"{folder}/state": "/var/lib/harpi", f":{port}": ":1883"}

    def shoot(
        self,
        command: str,
        *,
        until: Callable[[str], bool] | None = None,
        height: int = 24,
        **settings: str,
    ) -> None:
        """Run a command to its end, or until its picture is as wanted."""
        terminal = Terminal(command, height=height, more={**self._settings, **settings})
        if until is None:
            assert terminal.wait(60) == 0, terminal.written
        else:
            wait_until(lambda: until(terminal.picture), "it looks as it should", 60)
            terminal.end(signal.SIGINT)
        text = f"$ harpi {command}\n" + terminal.written.rpartition(END_OF_SCREEN)[2]
        for ours, as_on_a_pi in self._as_on_a_pi.items():
            text = text.replace(ours, as_on_a_pi)
        write_svg(command, text, title=f"harpi {command}", width=80)


def teach(config: Config) -> None:
    """Let a stranger teach the device, and record what it is tested on."""
    time = VirtualTime(start=1000.0)
    stage = Stage(time)
    daemon = Daemon(config, bus=bus_of(stage, time), timebase=time)
    daemon.open()

    def do(command: Command) -> None:
        answer = daemon.session.command(command, "pictures")
        assert answer.ok, answer.message

    for occasion, test in ((0, False), (1, True)):
        for label in LABELS * 2:
            stage.perform(label, occasion)
            daemon.play(4.0)
            do(Record(label=label, test=test))
            daemon.play(SECONDS)
            do(Stop())
    do(Train())
    wait_until(lambda: daemon.session.situation.state == "idle", "training has ended", 60)
    daemon.stop()


def bus_of(stage: Stage, time: Timebase) -> EmulatedBus:
    return EmulatedBus({0x68: Chip(stage, time)}, time)
