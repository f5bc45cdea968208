"""Checks of the bus, of the chip on it, and of its calibration."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from datetime import datetime
from pathlib import Path
from typing import Final

from harpi.doctor.context import Context, NotExamined, Outcome, fail, failure_of, ok, warn
from harpi.errors import BusBusy, NoAcknowledge
from harpi.imu import registers as reg
from harpi.imu.bus import Bus, claimed
from harpi.imu.calibration import FILE_NAME, read_calibration
from harpi.imu.chip import MPU6050, ChipIdentity, identify
from harpi.imu.selftest import TOLERANCE, self_test
from harpi.signal.gait import FILE_NAME as MOUNTING_FILE
from harpi.signal.gait import read_mountings

_ADDRESSES = range(0x08, 0x78)
"""What a chip may answer to (I2C specification, 3.1.12)."""

_CHIP_ADDRESSES = (0x68, 0x69)

_WIRES = "Check VCC (3.3 V), GND, SDA and SCL: `harpi pinout` shows where they go"


def bus(patient: Context) -> Outcome:
    """Open the bus."""
    number = patient.config.sensor.bus
    if patient.sampled_by_daemon:
        return ok(f"/dev/i2c-{number} is in use by the daemon")
    patient.open_the_bus()
    return ok("emulated" if patient.emulated else f"/dev/i2c-{number} opens")


def permissions(patient: Context) -> Outcome:
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


def address(patient: Context) -> Outcome:
    """See who answers at the configured address, and who else is there."""
    wanted = patient.config.sensor.address
    if patient.sampled_by_daemon:
        return ok(f"0x{wanted:02X} answers the daemon")
    if patient.bus is None:
        raise NotExamined("the bus could not be opened")
    if not patient.emulated:
        busy = claimed(patient.config.sensor.bus, wanted, patient.computer.root)
        if busy is not None:
            return failure_of(busy)
    try:
        patient.registers().read(reg.WHO_AM_I)
    except NoAcknowledge:
        return _nobody(patient, wanted, _others(patient.bus, wanted))
    others = _others(patient.bus, wanted)
    return ok(f"0x{wanted:02X} answers" + (f"; so does {_listed(others)}" if others else ""))


def _nobody(patient: Context, wanted: int, others: list[int]) -> Outcome:
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


def _shown(node: Path, patient: Context) -> str:
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


_LOOKS: Final = 10

_LOOK_SECONDS: Final = 0.02

_GENUINE: Final = "MPU-6050"


def identity(patient: Context) -> Outcome:
    """Name the chip."""
    if patient.condition is not None and patient.sampled_by_daemon:
        return _named(patient.condition.health.sensor.chip)
    who_am_i = patient.registers().read(reg.WHO_AM_I)[0]
    found = identify(who_am_i)
    if found is None:
        return fail(
            f"WHO_AM_I reads 0x{who_am_i:02X}, which belongs to no known chip",
            "Check SDA and the sensor's supply, and which other chips share the address",
        )
    patient.identity = found
    return _named(found.name, found)


def _named(name: str, found: ChipIdentity | None = None) -> Outcome:
    if name == _GENUINE:
        return ok(name)
    if found is not None and not found.known:
        return warn(
            f"WHO_AM_I 0x{found.who_am_i:02X} belongs to no chip that harpi knows",
            "Nothing has to be done if the other checks pass; see which chip, such as a clock, "
            "may sit at this address if they do not",
        )
    return warn(
        f"it is not an MPU-6050 but: {name}",
        "Nothing has to be done, harpi reads it as it is; buy from another seller if you need "
        "the MPU-6050 itself",
    )


def awake(patient: Context) -> Outcome:
    """See whether the chip wakes when it is told to, and stays awake."""
    if patient.sampled_by_daemon:
        return ok("the daemon keeps it awake")
    patient.require_alone()
    patient.require_chip()
    registers = patient.registers()
    slept = registers.read(reg.PWR_MGMT_1)[0] & reg.SLEEP
    registers.write(reg.PWR_MGMT_1, reg.CLOCK_PLL_X_GYRO)
    for _ in range(_LOOKS):
        registers.wait(_LOOK_SECONDS)
        if registers.read(reg.PWR_MGMT_1)[0] & reg.SLEEP:
            return fail(
                "it falls asleep again at once, as after a breakdown of its supply",
                "Shorten or thicken the 3.3 V and ground wires, take other loads off the 3.3 V "
                "pin, and replace the sensor if it goes on",
            )
    return ok("it slept, as harpi leaves it, and wakes" if slept else "it is awake")


def factory(patient: Context) -> Outcome:
    """Let the chip test itself and compare with what the factory measured."""
    patient.require_alone()
    identity = patient.require_chip()
    if identity.family is not MPU6050:
        raise NotExamined(f"the {identity.name} keeps no factory trim as the MPU-6050 does")
    axes = self_test(patient.registers())
    if all(axis.deviation is None for axis in axes):
        return warn(
            "the chip holds no factory trim to compare with",
            "Nothing has to be done if noise and zero are well; it may be a copy",
        )
    bad = [axis for axis in axes if not axis.passed]
    worst = max(abs(axis.deviation or 0.0) for axis in axes)
    if not bad:
        return ok(
            f"all axes answer within {worst:.1%} of the factory (allowed {TOLERANCE:.0%})"
        )
    listed = ", ".join(
        f"{axis.axis} by {axis.deviation:+.0%}" if axis.deviation is not None else axis.axis
        for axis in bad
    )
    return fail(
        f"the response to the self-test differs from the factory's: {listed} (allowed "
        f"{TOLERANCE:.0%})",
        "Repeat it with the sensor at rest; if it happens again, the chip is damaged: "
        "replace it",
    )


WARMER: Final = 15.0
"""°C from which a calibration is for another temperature: the zero rate may move by 20 deg/s
over 125 °C (PS-MPU-6000A r3.4, 6.1), that is 2.4 deg/s."""

_AGAIN: Final = "Calibrate this chip: `harpi calibrate gyro`, `harpi calibrate accel`"


def calibration(patient: Context) -> Outcome:
    """Read the files, and compare them with the chip and its temperature."""
    folder = patient.config.paths.state_folder
    found = read_calibration(folder / FILE_NAME)
    places = ", ".join(sorted(read_mountings(folder / MOUNTING_FILE).places))
    if found is None:
        if places:
            return ok(f"mounting of {places}; the chip's zero and scale are as they came")
        raise NotExamined("not calibrated: `harpi calibrate gyro` takes ten seconds")
    if _is_used(patient) is False:
        return fail("it is another chip's, and is not used", _AGAIN)
    parts = []
    if (gyro := found.gyro) is not None:
        parts.append(f"gyro {_when(gyro.made)} at {gyro.temperature:.0f} °C")
    if (accel := found.accel) is not None:
        parts.append(f"accel {_when(accel.made)}, residual {1000 * accel.residual:.1f} mg")
    text = "; ".join([*parts, *([f"mounting of {places}"] if places else [])])
    now = _temperature(patient)
    if gyro is not None and now is not None and abs(now - gyro.temperature) > WARMER:
        return warn(
            f"{text}; now the chip is at {now:.0f} °C",
            "Calibrate at the temperature that it is worn at: `harpi calibrate gyro`",
        )
    return ok(text)


def _is_used(patient: Context) -> bool | None:
    """Whether the calibration is this chip's; None where that was not found out."""
    if patient.condition is not None:
        said = patient.condition.calibration
        return None if said is None else said.used
    return None if patient.health is None else patient.calibrated


def _temperature(patient: Context) -> float | None:
    if patient.condition is not None:
        return patient.condition.health.sensor.temperature_c
    return None if patient.health is None else patient.health.temperature


def _when(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d}"
