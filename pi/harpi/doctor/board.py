"""The computer: supply, temperature, clock, and the service."""

from __future__ import annotations

import time
from typing import Final

from harpi.doctor.computer import Computer
from harpi.doctor.finding import NotExamined, Outcome, fail, ok, warn
from harpi.doctor.patient import Patient

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


def supply(patient: Patient) -> Outcome:
    """Look for under-voltage, now and since the start."""
    flags = _throttled(patient.computer)
    if flags is None:
        alarm = _alarm(patient.computer)
        if alarm is None:
            raise NotExamined("this computer does not tell")
        flags = _UNDER_VOLTAGE if alarm else 0
    if flags & _UNDER_VOLTAGE:
        return fail("the voltage is too low now; the sensor suffers from it first", _SUPPLY)
    if flags & _WAS_UNDER_VOLTAGE:
        return warn("the voltage was too low since the start", _SUPPLY)
    return ok("no under-voltage since the start")


def temperature(patient: Patient) -> Outcome:
    """Read the temperature of the processor."""
    raw = patient.computer.text("/sys/class/thermal/thermal_zone0/temp")
    if raw is None or not raw.lstrip("-").isdecimal():
        raise NotExamined("this computer does not tell")
    celsius = int(raw) / 1000
    flags = _throttled(patient.computer) or 0
    text = f"the processor is at {celsius:.0f} °C"
    if celsius >= HOT or flags & _THROTTLED:
        return fail(f"{text} and is slowed down", "Give it a heat sink, a fan, or air")
    if celsius >= WARM:
        return warn(f"{text}; at {HOT:.0f} °C it is slowed down", "Give it a heat sink, or air")
    return ok(text)


def clock(patient: Patient) -> Outcome:
    """See whether the system clock is kept right; takes and messages carry its time."""
    now = time.localtime()
    if now.tm_year < _OLDEST_YEAR:
        return fail(
            f"the system clock says {time.strftime('%Y-%m-%d', now)}",
            "Connect to a network, or set it: 'sudo date -s \"2025-01-31 12:00\"'",
        )
    kept = patient.computer.clock_is_set()
    if kept is None:
        raise NotExamined("this computer does not tell")
    if not kept:
        return warn(
            "no service keeps the system clock right, so times may be off",
            "Switch it on: 'sudo timedatectl set-ntp true'; without a network, set it by hand",
        )
    return ok("the system clock is kept right")


def service(patient: Patient) -> Outcome:
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
            f"harpi.service is {state}, but no watchdog looks after it",
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
    return ok(f"harpi.service is {state}, the watchdog looks after it")


def _unit(computer: Computer) -> dict[str, str] | None:
    names = (
        "LoadState,ActiveState,SubState,Result,NRestarts,WatchdogUSec,UnitFileState,"
        "NeedDaemonReload"
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
