"""Which packages of others fit a system: TensorFlow Lite, and the library for the pins.

What exists for which system was looked up on the package index; docs/install.md has the
table.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from harpi.setup.machine import Machine

Source = Literal["pip", "apt"]

_LITERT_PROCESSORS: Final = ("aarch64", "x86_64", "")
_TFLITE_PYTHONS: Final = ((3, 11),)
_LGPIO_PYTHONS: Final = ((3, 11), (3, 12))


@dataclass(frozen=True, slots=True)
class Choice:
    """The package that does something for harpi on a system.

    Attributes:
        purpose: what it does, for people.
        modules: names of which one is importable where it is there.
        source: who installs it.
        packages: what is asked of that; empty where there is nothing that fits.
        otherwise: what harpi does without it; a sentence.
    """

    purpose: str
    modules: tuple[str, ...]
    source: Source
    packages: tuple[str, ...]
    otherwise: str

    @property
    def there(self) -> bool:
        """Whether this Python can import it."""
        return any(_importable(name) for name in self.modules)

    def command(self, python: str) -> Sequence[str]:
        """Give the command that installs it for a Python."""
        if self.source == "apt":
            return ("apt-get", "install", "--yes", "--no-install-recommends", *self.packages)
        return (python, "-m", "pip", "install", "--quiet", *self.packages)


def runtime(machine: Machine) -> Choice:
    """Choose the runtime of TensorFlow Lite for a system.

    LiteRT has wheels for 64 bits only; tflite-runtime, for 32 bits, ends with Python 3.11
    and with NumPy 1.
    """
    packages: tuple[str, ...] = ()
    if machine.bits == 64 and machine.processor in _LITERT_PROCESSORS:
        packages = ("ai-edge-litert>=2.1",)
    elif machine.bits == 32 and machine.python in _TFLITE_PYTHONS and not _is_armv6(machine):
        packages = ("tflite-runtime==2.14.0", "numpy<2")
    width = f"Python {machine.python[0]}.{machine.python[1]} with {machine.bits} bits"
    without = (
        "harpi runs its models with NumPy, which gives the same answers and takes some "
        "milliseconds more for each window."
    )
    if not packages:
        without = f"There is no TensorFlow Lite for {width}: {without}"
    return Choice(
        "TensorFlow Lite",
        ("ai_edge_litert", "tflite_runtime"),
        "pip",
        packages,
        without,
    )


def pins_library(machine: Machine) -> Choice:
    """Choose the library for buttons and LEDs.

    lgpio has wheels up to Python 3.12; for later ones Debian has the package.
    """
    from_pip = machine.python in _LGPIO_PYTHONS
    return Choice(
        "buttons and LEDs",
        ("RPi.GPIO",),
        "pip" if from_pip else "apt",
        ("rpi-lgpio>=0.6", "lgpio>=0.2.2.0") if from_pip else ("python3-rpi-lgpio",),
        "Buttons and LEDs cannot be used without it; everything else can.",
    )


def _is_armv6(machine: Machine) -> bool:
    """Whether it is a Pi Zero W, a Pi 1, or one of their like: no wheels are made for it."""
    early = ("Raspberry Pi Zero", "Raspberry Pi Model", "Raspberry Pi Compute Module Rev")
    if machine.processor:
        return machine.processor == "armv6l"
    return machine.model.startswith(early) and "Zero 2" not in machine.model


def _importable(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False
