"""config.txt of a Raspberry Pi: what it asks for, and whether that is in effect."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from harpi.doctor.computer import Computer
from harpi.doctor.finding import NotExamined, Outcome, fail, ok, warn
from harpi.doctor.patient import Patient
from harpi.setup.boot import conflicts

PLACES: Final = ("/boot/firmware/config.txt", "/boot/config.txt")
"""Where it is, since Bookworm and before."""

DEFAULT_HERTZ: Final = 100_000
"""Clock of the bus where config.txt does not say."""

_KERNEL_DRIVER: Final = "mpu6050"
_MOST_INCLUDES: Final = 8
_ON: Final = frozenset({"on", "yes", "true", "1", ""})
_ENABLE: Final = frozenset({"i2c_arm", "i2c", "i2c1"})
_SPEED: Final = frozenset({"i2c_arm_baudrate", "i2c_baudrate", "i2c1_baudrate"})


@dataclass(frozen=True, slots=True)
class BootConfig:
    """What config.txt asks for, as far as it is for this model.

    Attributes:
        path: where it stands.
        changed: when it or a file that it includes was written last, seconds of the clock.
        i2c: bus 1 is switched on.
        hertz: the clock of bus 1.
        overlays: names of the overlays.
    """

    path: Path
    changed: float
    i2c: bool
    hertz: int
    overlays: frozenset[str]


def read(computer: Computer) -> BootConfig | None:
    """Read config.txt; None on a computer that has none."""
    path = next((path for name in PLACES if (path := computer.path(name)).is_file()), None)
    if path is None:
        return None
    files = [path]
    i2c, hertz, overlays, overlay = False, DEFAULT_HERTZ, set(), ""
    for key, value in _settings(path, computer.filters, files):
        if key == "dtoverlay":
            overlay = value.partition(",")[0].partition(":")[0]
            overlays.add(overlay)
        elif key == "dtparam":
            for parameter in value.split(","):
                name, _, content = parameter.partition("=")
                if name in _ENABLE:
                    i2c = content in _ON
                elif name in _SPEED and re.fullmatch("[0-9]{1,9}", content):
                    hertz = int(content)
    changed = max(file.stat().st_mtime for file in files)
    return BootConfig(path, changed, i2c, hertz, frozenset(overlays - {""}))


def running_hertz(computer: Computer, bus: int) -> int | None:
    """Give the clock that the running kernel was told for a bus; None where it does not say."""
    return computer.cell(f"/sys/class/i2c-adapter/i2c-{bus}/of_node/clock-frequency")


def boot(patient: Patient) -> Outcome:
    """Compare config.txt with what the running kernel was started with."""
    computer, bus = patient.computer, patient.config.sensor.bus
    asked = read(computer)
    if asked is None:
        raise NotExamined("this computer has no config.txt, it is no Raspberry Pi")
    if _KERNEL_DRIVER in asked.overlays:
        return fail(
            f"{asked.path.name} gives the sensor to the kernel's own driver "
            f"(dtoverlay={_KERNEL_DRIVER})",
            f"Remove dtoverlay={_KERNEL_DRIVER} from {_shown(asked, computer)} and reboot",
        )
    stale = computer.started is not None and asked.changed > computer.started
    running = running_hertz(computer, bus)
    if bus == 1 and not asked.i2c:
        return fail(
            f"{asked.path.name} does not switch I2C on",
            f"Add dtparam=i2c_arm=on to {_shown(asked, computer)} (`sudo harpi setup` does), "
            "and reboot",
        )
    if bus == 1 and running is not None and running != asked.hertz:
        text = (
            f"{asked.path.name} asks for {asked.hertz} Hz on I2C, the kernel has {running} Hz"
        )
        if stale:
            return warn(f"{text}: it was changed after the start", "Reboot: 'sudo reboot'")
        return warn(
            text,
            "Put the line below [all] and before any dtoverlay; 'sudo vclog --msg' tells what "
            "the firmware made of it",
        )
    if stale:
        when = datetime.fromtimestamp(asked.changed).astimezone()
        return warn(
            f"{asked.path.name} was changed on {when:%Y-%m-%d at %H:%M}, after the start, "
            "and is not in effect yet",
            "Reboot: 'sudo reboot'",
        )
    in_the_way = [
        conflict
        for conflict in conflicts(asked.path.read_bytes(), patient.config)
        if conflict.text.startswith("dtoverlay")
    ]
    if in_the_way:
        first = in_the_way[0]
        does, _, remedy = first.problem.partition(". ")
        return warn(
            f"line {first.line} of {asked.path.name}, {first.text}: "
            f"{does[:1].lower()}{does[1:]}",
            remedy,
        )
    return ok(f"{asked.path.name} is in effect, I2C at {asked.hertz // 1000} kHz")


def _settings(
    path: Path, filters: frozenset[str], files: list[Path]
) -> Iterator[tuple[str, str]]:
    """Give the lines that are for this model, those of included files in their places."""
    applies = True
    for raw in path.read_text(encoding="utf-8", errors="replace").splitlines():
        line = raw.partition("#")[0].strip()
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1].strip().lower()
            applies = section == "all" or section in filters
        elif line.startswith("include ") and applies:
            included = path.parent / line.removeprefix("include ").strip()
            if len(files) <= _MOST_INCLUDES and _is_file(included):
                files.append(included)
                yield from _settings(included, filters, files)
        elif "=" in line and applies:
            key, _, value = line.partition("=")
            yield key.strip(), value.strip()


def _is_file(path: Path) -> bool:
    """Whether it is one; a name that is too long is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def _shown(asked: BootConfig, computer: Computer) -> str:
    return f"/{asked.path.relative_to(computer.root)}"
