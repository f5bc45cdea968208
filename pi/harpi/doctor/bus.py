"""The way to the chip: the bus, who may open it, and who answers on it."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path

from harpi.doctor.finding import NotExamined, Outcome, fail, ok
from harpi.doctor.patient import Patient
from harpi.errors import BusBusy, NoAcknowledge
from harpi.imu import registers as reg
from harpi.imu.bus import Bus
from harpi.imu.clones import identify

_ADDRESSES = range(0x08, 0x78)
"""What a chip may answer to (I2C specification, 3.1.12)."""
_CHIP_ADDRESSES = (0x68, 0x69)
_WIRES = "Check VCC (3.3 V), GND, SDA and SCL: `harpi pinout` shows where they go"


def bus(patient: Patient) -> Outcome:
    """Open the bus."""
    number = patient.config.sensor.bus
    if patient.sampled_by_daemon:
        return ok(f"/dev/i2c-{number} is open in the running harpi")
    patient.open_the_bus()
    return ok("emulated" if patient.emulated else f"/dev/i2c-{number} opens")


def permissions(patient: Patient) -> Outcome:
    """See whether this user, and the user harpi, may use the devices."""
    if patient.emulated:
        raise NotExamined("the sensor is emulated")
    config, computer = patient.config, patient.computer
    nodes = [computer.path(f"/dev/i2c-{config.sensor.bus}")]
    if config.buttons.enabled or config.leds.enabled:
        nodes += sorted(computer.path("/dev").glob("gpiochip[0-9]*"))[:1]
    there = [node for node in nodes if node.exists()]
    if not there:
        raise NotExamined("there are no devices to look at")
    for node in there:
        group = _group_of(node)
        if not os.access(node, os.R_OK | os.W_OK):
            user = pwd.getpwuid(os.geteuid()).pw_name
            return fail(
                f"user {user} may not use {_shown(node, patient)}",
                f"Run 'sudo usermod -aG {group} {user}' and log in again, or use sudo",
            )
        if not _daemon_may(node):
            return fail(
                f"the user harpi may not use {_shown(node, patient)}",
                "Run `sudo harpi setup`, which puts it into the groups and the devices, too; "
                "then 'sudo systemctl restart harpi'",
            )
    return ok(f"{', '.join(_shown(node, patient) for node in there)} may be read and written")


def address(patient: Patient) -> Outcome:
    """See who answers at the configured address, and who else is there."""
    wanted = patient.config.sensor.address
    if patient.sampled_by_daemon:
        return ok(f"0x{wanted:02X} answers the running harpi")
    if patient.bus is None:
        raise NotExamined("the bus could not be opened")
    try:
        patient.registers().read(reg.WHO_AM_I)
    except NoAcknowledge:
        return _nobody(patient, wanted, _others(patient.bus, wanted))
    others = _others(patient.bus, wanted)
    return ok(f"0x{wanted:02X} answers" + (f"; so does {_listed(others)}" if others else ""))


def _nobody(patient: Patient, wanted: int, others: list[int]) -> Outcome:
    for other in set(_CHIP_ADDRESSES) & set(others):
        found = identify(patient.registers(other).read(reg.WHO_AM_I)[0])
        if found is not None and found.known:
            ad0 = "high" if other == max(_CHIP_ADDRESSES) else "low"
            return fail(
                f"nothing answers at 0x{wanted:02X}, but 0x{other:02X} does, as {found.name}",
                f"Set sensor.address = 0x{other:02x}, because AD0 is {ad0}, or wire AD0 to "
                f"{'ground' if ad0 == 'high' else '3.3 V'}",
            )
    there = f"; {_listed(others)} does" if others else ", nor does anything else on the bus"
    return fail(f"nothing answers at 0x{wanted:02X}{there}", _WIRES)


def _others(bus: Bus, wanted: int) -> list[int]:
    """Find who else acknowledges its address, by reading a byte, which changes nothing.

    Raises:
        SensorError: the bus itself fails.
    """
    found = []
    for address in _ADDRESSES:
        if address == wanted:
            continue
        try:
            bus.transfer(address, b"", 1)
        except NoAcknowledge:
            continue
        except BusBusy:  # a driver of the kernel has it, so it is there
            pass
        found.append(address)
    return found


def _listed(addresses: list[int]) -> str:
    return ", ".join(f"0x{address:02X}" for address in addresses)


def _shown(node: Path, patient: Patient) -> str:
    return f"/{node.relative_to(patient.computer.root)}"


def _group_of(node: Path) -> str:
    try:
        return grp.getgrgid(node.stat().st_gid).gr_name
    except KeyError:
        return str(node.stat().st_gid)


def _daemon_may(node: Path) -> bool:
    """Whether the user harpi, where there is one, may read and write a device."""
    try:
        user = pwd.getpwnam("harpi")
    except KeyError:
        return True
    status = node.stat()
    if status.st_uid == user.pw_uid:
        needed = stat.S_IRUSR | stat.S_IWUSR
    elif status.st_gid in os.getgrouplist("harpi", user.pw_gid):
        needed = stat.S_IRGRP | stat.S_IWGRP
    else:
        needed = stat.S_IROTH | stat.S_IWOTH
    return status.st_mode & needed == needed
