"""The computer that harpi runs on, as its files and programs describe it."""

from __future__ import annotations

import ctypes
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Final

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
