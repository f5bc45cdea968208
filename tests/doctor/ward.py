"""A patient that a test can make ill: emulated sensor, files below a folder, wired buttons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harpi.config import Config
from harpi.doctor import CHECKS, Finding, examine
from harpi.doctor.context import Computer, Context, Guide
from harpi.errors import ControlError
from harpi.imu.bus import Bus
from harpi.imu.emulator import Chip, EmulatedBus, FaultPlan, Motion, Still, VirtualTime
from tests.support.device import device_config

MODEL = "sys/firmware/devicetree/base/model"
BOOTED = 1_700_000_000


def chip_on_a_bus(
    time: VirtualTime,
    *,
    address: int = 0x68,
    scl_hz: int = 400_000,
    faults: FaultPlan | None = None,
    motion: Motion | None = None,
    **chip: Any,
) -> EmulatedBus:
    emulated = Chip(motion or Still(), time, **chip)
    return EmulatedBus({address: emulated}, time, scl_hz=scl_hz, faults=faults)


def raspberry_pi(root: Path) -> Path:
    """The files of a Pi that started at `BOOTED`; returns its config.txt, which is older."""
    for name, content in (
        (MODEL, "Raspberry Pi 4 Model B Rev 1.1\0"),
        ("proc/stat", f"cpu 1 2 3\nbtime {BOOTED}\n"),
        ("boot/firmware/config.txt", "dtparam=i2c_arm=on\ndtparam=i2c_arm_baudrate=400000\n"),
        ("sys/class/thermal/thermal_zone0/temp", "48250\n"),
        ("sys/devices/platform/soc/soc:firmware/get_throttled", "0\n"),
        ("dev/i2c-1", ""),
    ):
        write(root, name, content)
    tell_kernel(root, 400_000)
    config = root / "boot/firmware/config.txt"
    age(config, BOOTED - 100)
    return config


def tell_kernel(root: Path, hertz: int) -> None:
    """Let the running kernel have been told this clock of the bus."""
    path = root / "sys/class/i2c-adapter/i2c-1/of_node/clock-frequency"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(hertz.to_bytes(4, "big"))


def write(root: Path, name: str, content: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def age(path: Path, when: float) -> None:
    import os

    os.utime(path, (when, when))


class Panel:
    """Buttons and lights as somebody wired them: by role, the pin it is really at."""

    def __init__(self, wires: dict[str, int], stuck: Sequence[int] = ()) -> None:
        self.wires = wires
        self.low: dict[int, int] = dict.fromkeys(stuck, 10**9)
        self.lit: set[int] = set()
        self.closed = False
        self.busy: set[int] = set()

    def press(self, role: str) -> None:
        if role in self.wires:
            self.low[self.wires[role]] = 4  # readings until it is let go

    def watch(self, pin: int, on_edge: Callable[[int], None]) -> bool:
        if pin in self.busy:
            raise ControlError("the line cannot be used (GPIO busy)", remedy="See 'gpioinfo'")
        return True

    def level(self, pin: int) -> bool:
        readings = self.low.get(pin, 0)
        self.low[pin] = readings - 1
        return readings <= 0

    def light(self, pin: int) -> None: ...

    def write(self, pin: int, high: bool) -> None:
        (self.lit.add if high else self.lit.discard)(pin)

    def close(self) -> None:
        self.closed = True


class Hands:
    """A person who presses what is asked for, and says which light is lit."""

    def __init__(self, panel: Panel, *, blind: bool = False) -> None:
        self.panel = panel
        self.blind = blind
        self.heard: list[str] = []

    def say(self, text: str) -> None:
        self.heard.append(text)
        self.panel.press(text.split("'")[1])

    def choose(self, question: str, options: Sequence[str]) -> str | None:
        if self.blind:
            return None
        return next((o for o in options if self.panel.wires.get(o) in self.panel.lit), "none")


class Ward:
    """Makes a patient; whatever a test changes before `examine` is examined."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.root.mkdir()
        self.time = VirtualTime()
        self.bus: Bus = chip_on_a_bus(self.time)
        self.panel = Panel({})
        self.guide: Guide | None = None
        self.settings: dict[str, object] = {}

    @property
    def config(self) -> Config:
        return device_config(self.folder, **self.settings)

    def open_bus(self) -> Bus:
        return self.bus

    def patient(self) -> Context:
        return Context(
            self.config,
            Computer(self.root),
            timebase=self.time,
            open_bus=self.open_bus,
            open_gpio=lambda: self.panel,
            guide=self.guide,
        )

    def examine(self, *names: str, seconds: float | None = None) -> dict[str, Finding]:
        """Make the checks of these names, all where none is given; findings by name."""
        checks = [check for check in CHECKS if not names or check.name in names]
        if seconds is not None:
            checks = [check._replace(seconds=seconds) for check in checks]
        patient = self.patient()
        try:
            return {finding.check: finding for finding in examine(patient, checks)}
        finally:
            patient.close()

    def examine_one(self, name: str) -> Finding:
        """Make all checks; give the finding of one."""
        return self.examine()[name]
