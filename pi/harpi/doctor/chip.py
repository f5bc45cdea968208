"""The chip: what it is, whether it stays awake, and whether it is as it left the factory."""

from __future__ import annotations

from typing import Final

from harpi.doctor.finding import NotExamined, Outcome, fail, ok, warn
from harpi.doctor.patient import Patient
from harpi.imu import registers as reg
from harpi.imu.clones import MPU6050, ChipIdentity, identify
from harpi.imu.selftest import TOLERANCE, self_test

_LOOKS: Final = 10
_LOOK_SECONDS: Final = 0.02
_GENUINE: Final = "MPU-6050"


def identity(patient: Patient) -> Outcome:
    """Name the chip."""
    if patient.condition is not None and patient.sampled_by_daemon:
        return _named(patient.condition.health.sensor.chip)
    who_am_i = patient.registers().read(reg.WHO_AM_I)[0]
    found = identify(who_am_i)
    if found is None:
        return fail(
            f"WHO_AM_I reads 0x{who_am_i:02X}, which is no chip's",
            "Check SDA and the sensor's supply, and which other chips share the address",
        )
    patient.identity = found
    return _named(found.name, found)


def _named(name: str, found: ChipIdentity | None = None) -> Outcome:
    if name == _GENUINE:
        return ok(name)
    if found is not None and not found.known:
        return warn(
            f"WHO_AM_I 0x{found.who_am_i:02X} is that of no chip that harpi knows",
            "Nothing has to be done if the other checks pass; see which chip, such as a clock, "
            "may sit at this address if they do not",
        )
    return warn(
        f"it is no MPU-6050 but: {name}",
        "Nothing has to be done, harpi reads it as it is; buy from another seller if you need "
        "the MPU-6050 itself",
    )


def awake(patient: Patient) -> Outcome:
    """See whether the chip wakes when it is told to, and stays awake."""
    if patient.sampled_by_daemon:
        return ok("the running harpi keeps it awake")
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


def factory(patient: Patient) -> Outcome:
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
        "Repeat it with the sensor at rest; if it stays so, the chip is damaged: replace it",
    )
