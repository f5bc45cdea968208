"""What the checks look at (configuration, computer, daemon) and what they find."""

from __future__ import annotations

import ctypes
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple, Protocol

from msgspec import Meta, Struct

from harpi.config.schema import Config
from harpi.controls.gpio import Gpio
from harpi.daemon.sensor import SensorClaim
from harpi.errors import HarpiError
from harpi.imu.bus import Bus, RegisterAccess
from harpi.imu.calibration import Calibration, Rest
from harpi.imu.chip import ChipIdentity
from harpi.imu.health import SensorHealth
from harpi.publish.messages import Condition
from harpi.timebase import Timebase


class Context:
    """What is examined, and what earlier checks have learnt of it.

    Args:
        config: all settings.
        computer: what harpi runs on.
        timebase: the time of the bus.
        open_bus: opens the bus that is configured.
        open_gpio: opens the pins.
        emulated: the sensor is emulated: no daemon is asked, nothing is claimed.
        guide: a person who presses buttons and looks at lights; None where there is none.

    Attributes:
        condition: what the running daemon says; None where none runs.
        hands_off: why the sensor and the pins must be left alone; empty where they need not.
        bus: the open bus; None before it was opened.
        bus_hangs: a check of the sensor did not come back.
        identity: what answers at the address; None before it was asked.
        health: of the sampling; None before.
        rest: what the samples show; None before.
        calibration: of the chip; None before sampling, and where there is none.
        calibrated: it is this chip's, and was taken out of the samples.
    """

    def __init__(
        self,
        config: Config,
        computer: Computer,
        *,
        timebase: Timebase,
        open_bus: Callable[[], Bus],
        open_gpio: Callable[[], Gpio],
        emulated: bool = False,
        guide: Guide | None = None,
    ) -> None:
        self.config = config
        self.computer = computer
        self.timebase = timebase
        self.emulated = emulated
        self.guide = guide
        self.open_gpio = open_gpio
        self._open_bus = open_bus
        self._claim: SensorClaim | None = None
        self.condition: Condition | None = None
        self.hands_off = ""
        self.bus: Bus | None = None
        self.bus_hangs = False
        self.identity: ChipIdentity | None = None
        self.health: SensorHealth | None = None
        self.rest: Rest | None = None
        self.calibration: Calibration | None = None
        self.calibrated = False

    @property
    def sampled_by_daemon(self) -> bool:
        """Whether a running daemon has the sensor, and it works."""
        return self.condition is not None and self.condition.health.sensor.fault is None

    def open_the_bus(self) -> Bus:
        """Open the bus, once.

        Raises:
            SensorError: it cannot be opened.
        """
        if self.bus is None:
            self.bus = self._open_bus()
        return self.bus

    def registers(self, address: int | None = None) -> RegisterAccess:
        """Reach the registers of a chip; of the configured one where no address is given.

        Raises:
            NotExamined: the bus could not be opened.
        """
        if self.bus is None:
            raise NotExamined("the bus could not be opened")
        return RegisterAccess(self.bus, self.timebase, address or self.config.sensor.address)

    def require_chip(self) -> ChipIdentity:
        """Give what answers at the address.

        Raises:
            NotExamined: nothing does that harpi can read.
        """
        if self.identity is None:
            raise NotExamined("no chip answers")
        return self.identity

    def require_alone(self) -> None:
        """Make sure that nobody else uses the sensor and the pins.

        Raises:
            NotExamined: somebody does.
        """
        if self.hands_off:
            raise NotExamined(self.hands_off)

    def claim(self) -> None:
        """Keep other programs of harpi from the sensor until `close`.

        Raises:
            AlreadyRunning: one of them uses it.
        """
        self._claim = SensorClaim(self.config)

    def close(self) -> None:
        """Leave the sensor to others; closing twice is harmless."""
        if self.bus is not None and not self.bus_hangs:
            self.bus.close()
        if self._claim is not None:
            self._claim.release()


Grade = Literal["ok", "warning", "failure", "skipped"]


class Outcome(NamedTuple):
    """What a check says: how it stands, why, and what to do where it is not well."""

    grade: Grade
    text: str
    remedy: str = ""


class NotExamined(Exception):
    """A check that cannot be made here; the message says why."""


def ok(text: str) -> Outcome:
    """All is well."""
    return Outcome("ok", text)


def warn(text: str, remedy: str) -> Outcome:
    """It works, but not as it could."""
    return Outcome("warning", text, remedy)


def fail(text: str, remedy: str) -> Outcome:
    """It does not work."""
    return Outcome("failure", text, remedy)


def failure_of(error: HarpiError) -> Outcome:
    """Put an error of harpi, which brings its remedy along, as an outcome."""
    text = f"{error.where}: {error.problem}" if error.where else error.problem
    return fail(text, error.remedy)


class Finding(Struct, frozen=True, kw_only=True):
    """One line of the report."""

    group: str
    """Which part of the device it is about."""
    check: str
    grade: Grade
    text: str
    """What was found, one line without a full stop."""
    remedy: Annotated[str, Meta(description="empty where nothing has to be done")] = ""


def count(findings: Iterable[Finding], grade: Grade) -> int:
    """Count the findings of one grade."""
    return sum(finding.grade == grade for finding in findings)


_PROGRAM_SECONDS: Final = 5.0

_TIMEX_BYTES: Final = 512
"""More than a `struct timex` has on any machine."""

_TIME_ERROR: Final = 5
"""What adjtimex(2) returns while the clock is not synchronised."""

_FILTERS: Final = (
    ("Raspberry Pi 5", "pi5"),
    ("Raspberry Pi 500", "pi5 pi500"),
    ("Raspberry Pi Compute Module 5", "pi5 cm5"),
    ("Raspberry Pi 4", "pi4"),
    ("Raspberry Pi 400", "pi4 pi400"),
    ("Raspberry Pi Compute Module 4", "pi4 cm4"),
    ("Raspberry Pi 3", "pi3"),
    ("Raspberry Pi 3 Model B Plus", "pi3 pi3+"),
    ("Raspberry Pi 3 Model A Plus", "pi3 pi3+"),
    ("Raspberry Pi Compute Module 3", "pi3"),
    ("Raspberry Pi 2", "pi2"),
    ("Raspberry Pi Zero", "pi0"),
    ("Raspberry Pi Zero W", "pi0 pi0w"),
    ("Raspberry Pi Zero 2", "pi0 pi02"),
    ("Raspberry Pi Model", "pi1"),
    ("Raspberry Pi Compute Module Rev", "pi1"),
)
"""Beginnings of a model's name, and the sections of config.txt that are for it; the longest
that fits counts (Raspberry Pi documentation, config.txt, "Conditional filters")."""


class Computer:
    """Files below a root and programs on the path; a test gives another root.

    Args:
        root: where the file system begins.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root

    def path(self, name: str) -> Path:
        """Give a path of this computer, e.g. `/proc/stat`."""
        return self.root / name.lstrip("/")

    def text(self, name: str) -> str | None:
        """Read a file of the system; None where it is not there or cannot be read."""
        try:
            return self.path(name).read_text(encoding="utf-8", errors="replace").strip("\0\n ")
        except OSError:
            return None

    def cell(self, name: str) -> int | None:
        """Read a number of the device tree, big-endian; None where there is none."""
        try:
            return int(struct.unpack(">I", self.path(name).read_bytes())[0])
        except (OSError, struct.error):
            return None

    def run(self, *words: str) -> str | None:
        """Run a program; give what it says, None where it is missing, fails or hangs."""
        program = shutil.which(words[0])
        if program is None:
            return None
        try:
            done = subprocess.run(  # noqa: S603 - the words are ours
                [program, *words[1:]],
                capture_output=True,
                text=True,
                timeout=_PROGRAM_SECONDS,
                check=True,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip()

    @property
    def model(self) -> str | None:
        """Name of the board, e.g. `Raspberry Pi 4 Model B Rev 1.1`; None where it has none."""
        return self.text("/sys/firmware/devicetree/base/model")

    @property
    def is_pi(self) -> bool:
        """Whether it is a Raspberry Pi."""
        return (self.model or "").startswith("Raspberry Pi")

    @property
    def filters(self) -> frozenset[str]:
        """Sections of config.txt that are for this model."""
        fitting = [row for row in _FILTERS if (self.model or "").startswith(row[0])]
        return frozenset(
            max(fitting, key=lambda row: len(row[0]))[1].split() if fitting else []
        )

    @property
    def started(self) -> float | None:
        """When the kernel started, seconds of the system clock; None where it does not say."""
        for line in (self.text("/proc/stat") or "").splitlines():
            if line.startswith("btime "):
                return float(line.split()[1])
        return None

    def clock_is_set(self) -> bool | None:
        """Whether some service keeps the system clock right; None where nobody can tell.

        The kernel itself knows it (adjtimex(2), `TIME_ERROR`), whichever service it is.
        """
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
        return None if state < 0 else state != _TIME_ERROR


class Guide(Protocol):
    """Asks a person to do something, or what is to be seen."""

    def say(self, text: str) -> None:
        """Tell the person what to do now."""
        ...

    def choose(self, question: str, options: Sequence[str]) -> str | None:
        """Ask which of the options it is; None where nobody answers."""
        ...
