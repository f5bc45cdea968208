"""What the figures were measured on: the machine, its load, and the version of everything."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import harpi

PACKAGES = (
    "numpy",
    "ai-edge-litert",
    "tflite-runtime",
    "tensorflow-cpu",
    "tensorflow",
    "scikit-learn",
    "river",
    "tsfel",
    "tsfresh",
    "adafruit-circuitpython-mpu6050",
    "mpu6050-raspberrypi",
    "paho-mqtt",
    "msgspec",
    "iotcore",
)


def machine() -> str:
    """Processor, cores, kernel, and how busy it is."""
    return (
        f"{_processor()}, {os.cpu_count()} cores, {platform.machine()}, "
        f"{platform.system()} {platform.release().partition('-')[0]}, load average {load()}"
    )


def load() -> str:
    """Processes that want a core, over the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


def versions() -> str:
    """The version of all that is compared."""
    found = [f"Python {platform.python_version()}", f"harpi {harpi.__version__}"]
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def _processor() -> str:
    """Name of the processor as the kernel tells it; on a Pi, that of the board."""
    board = Path("/proc/device-tree/model")
    if board.exists():
        return board.read_text(errors="replace").strip("\0\n ")
    try:
        told = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    names = re.findall(r"^model name\s*:\s*(.+)$", told, re.MULTILINE)
    return names[0] if names else platform.machine()
