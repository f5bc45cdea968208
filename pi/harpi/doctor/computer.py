"""Checks of the computer: supply, temperature, clock, service, config.txt."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from harpi.doctor.context import Computer, Context, NotExamined, Outcome, fail, ok, warn
from harpi.setup.boot import conflicts
from harpi.setup.plan import STATE, hidden

HOT: Final = 80.0
"""°C at which a Pi begins to slow down (Raspberry Pi documentation, frequency management)."""

WARM: Final = 70.0

_UNDER_VOLTAGE: Final = 1 << 0

_THROTTLED: Final = 1 << 1 | 1 << 2 | 1 << 3

_WAS_UNDER_VOLTAGE: Final = 1 << 16

_SUPPLY: Final = (
    "Use the power supply made for this Pi (5.1 V) with its own cable, and take USB devices off"
)

_OLDEST_YEAR: Final = 2025
"""No clock that is set is in a year before."""

_UNIT: Final = "harpi.service"


def supply(patient: Context) -> Outcome:
    """Look for under-voltage, now and since the start."""
    flags = _throttled(patient.computer)
    if flags is None:
        alarm = _alarm(patient.computer)
        if alarm is None:
            raise NotExamined("this computer does not say")
        flags = _UNDER_VOLTAGE if alarm else 0
    if flags & _UNDER_VOLTAGE:
        return fail("the voltage is too low now; the sensor suffers from it first", _SUPPLY)
    if flags & _WAS_UNDER_VOLTAGE:
        return warn("the voltage was too low since the start", _SUPPLY)
    return ok("no under-voltage since the start")


def temperature(patient: Context) -> Outcome:
    """Read the temperature of the processor."""
    raw = patient.computer.text("/sys/class/thermal/thermal_zone0/temp")
    if raw is None or not raw.lstrip("-").isdecimal():
        raise NotExamined("this computer does not say")
    celsius = int(raw) / 1000
    flags = _throttled(patient.computer) or 0
    text = f"the processor is at {celsius:.0f} °C"
    if celsius >= HOT or flags & _THROTTLED:
        return fail(f"{text} and is slowed down", "Give it a heat sink, a fan, or air")
    if celsius >= WARM:
        return warn(f"{text}; at {HOT:.0f} °C it is slowed down", "Give it a heat sink, or air")
    return ok(text)


def clock(patient: Context) -> Outcome:
    """See whether the system clock is kept right; takes and messages carry its time."""
    now = time.localtime()
    if now.tm_year < _OLDEST_YEAR:
        return fail(
            f"the system clock says {time.strftime('%Y-%m-%d', now)}",
            "Connect to a network, or set it: 'sudo date -s \"2025-01-31 12:00\"'",
        )
    kept = patient.computer.clock_is_set()
    if kept is None:
        raise NotExamined("this computer does not say")
    if not kept:
        return warn(
            "no service keeps the system clock right, so times may be off",
            "Switch it on: 'sudo timedatectl set-ntp true'; without a network, set it by hand",
        )
    return ok("the system clock is kept right")


def service(patient: Context) -> Outcome:
    """Look at the unit: is it installed, running, watched over, and stable?"""
    unit = _unit(patient.computer)
    if unit is None:
        raise NotExamined("there is no systemd to ask")
    if unit.get("LoadState") != "loaded":
        raise NotExamined("harpi.service is not installed (`sudo harpi setup` does)")
    state = f"{unit.get('ActiveState')} ({unit.get('SubState')})"
    restarts = int(unit.get("NRestarts") or 0)
    if unit.get("ActiveState") == "failed" or unit.get("SubState") == "auto-restart":
        return fail(
            f"harpi.service is {state}, result {unit.get('Result')}, {restarts} restarts",
            "See why: 'journalctl -u harpi -n 50'; then 'sudo systemctl restart harpi'",
        )
    if unit.get("ActiveState") != "active":
        return warn(f"harpi.service is {state}", "Start it: 'sudo systemctl start harpi'")
    if unit.get("NeedDaemonReload") == "yes":
        return warn(
            "harpi.service was changed on the disk",
            "Run 'sudo systemctl daemon-reload' and 'sudo systemctl restart harpi'",
        )
    if unit.get("WatchdogUSec") in ("0", "infinity"):
        return warn(
            f"harpi.service is {state}, but no watchdog watches it",
            "Set WatchdogSec=30 in the unit, as the one that ships with harpi has it",
        )
    if restarts:
        return warn(
            f"harpi.service is {state}, after {restarts} restarts",
            "See why: 'journalctl -u harpi'",
        )
    if unit.get("UnitFileState") != "enabled":
        return warn(
            f"harpi.service is {state}, and does not start with the computer",
            "Run 'sudo systemctl enable harpi'",
        )
    return ok(f"harpi.service is {state}, watched by the watchdog")


def sandbox(patient: Context) -> Outcome:
    """See whether the service can reach every file and folder that its settings name."""
    unit = _unit(patient.computer)
    if unit is None or unit.get("LoadState") != "loaded":
        raise NotExamined("harpi.service is not installed")
    config = patient.config
    named = {
        "paths.state": config.paths.state,
        "models.base": config.models.base,
        "models.knn_reference": config.models.knn_reference,
        "mqtt.password_file": config.mqtt.password_file,
        "mqtt.tls.ca_file": config.mqtt.tls.ca_file,
        "web.password_file": config.web.password_file,
        "web.cert_file": config.web.cert_file,
        "web.key_file": config.web.key_file,
    }
    for setting, path in named.items():
        if path is not None and (folder := hidden(Path(path))) is not None:
            return fail(
                f"{setting} is {path}, and the service cannot see {folder}",
                "Move it to /etc/harpi or /srv/harpi, change the setting, and restart harpi",
            )
    state = config.paths.state_folder
    writable = [STATE, *(unit.get("ReadWritePaths") or "").split()]
    if not any(state.is_relative_to(folder) for folder in writable):
        return fail(
            f"paths.state is {state}, where the service may not write",
            "'sudo harpi setup' lets it, then 'sudo systemctl restart harpi'",
        )
    return ok("the service reaches all that its settings name")


def _unit(computer: Computer) -> dict[str, str] | None:
    names = (
        "LoadState,ActiveState,SubState,Result,NRestarts,WatchdogUSec,UnitFileState,"
        "NeedDaemonReload,ReadWritePaths"
    )
    shown = computer.run("systemctl", "show", _UNIT, f"--property={names}")
    if not shown:
        return None
    return dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)


def _throttled(computer: Computer) -> int | None:
    """Read the firmware's flags (Raspberry Pi documentation, vcgencmd get_throttled)."""
    said = computer.text("/sys/devices/platform/soc/soc:firmware/get_throttled")
    if said is None and computer.is_pi:
        said = (computer.run("vcgencmd", "get_throttled") or "").partition("=")[2]
    try:
        return int(said or "", 16)
    except ValueError:
        return None


def _alarm(computer: Computer) -> bool | None:
    """Read the alarm of the kernel's driver raspberrypi-hwmon, which forgets nothing."""
    for folder in sorted(computer.path("/sys/class/hwmon").glob("hwmon*")):
        name = f"/{folder.relative_to(computer.root)}"
        if computer.text(f"{name}/name") == "rpi_volt":
            alarm = computer.text(f"{name}/in0_lcrit_alarm")
            return None if alarm is None else alarm == "1"
    return None


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


def boot(patient: Context) -> Outcome:
    """Compare config.txt with what the running kernel was started with."""
    computer, bus = patient.computer, patient.config.sensor.bus
    asked = read(computer)
    if asked is None:
        raise NotExamined("this computer has no config.txt, it is not a Raspberry Pi")
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
        if conflict.text.startswith(("dtoverlay", "dtparam"))
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
