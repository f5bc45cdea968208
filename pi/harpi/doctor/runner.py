"""All checks in their order, each within its time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from harpi.doctor import computer, controls, sampling, sensor, software
from harpi.doctor.context import Context, Finding, NotExamined, Outcome, fail, failure_of
from harpi.errors import HarpiError, SensorMoves

GUIDED_SECONDS: Final = 300.0
"""For checks in which a person has to do something."""


class Check(NamedTuple):
    """One line of the report.

    Attributes:
        group: part of the device.
        name: what is checked.
        examine: does it; what it raises is a finding, too.
        seconds: real time after which it is given up.
        on_the_bus: it uses the bus, and is left out once one of these did not come back.
    """

    group: str
    name: str
    examine: Callable[[Context], Outcome]
    seconds: float = 10.0
    on_the_bus: bool = False


CHECKS: Final = (
    Check("sensor", "daemon", software.daemon, 8.0),
    Check("sensor", "permissions", sensor.permissions),
    Check("sensor", "bus", sensor.bus, on_the_bus=True),
    Check("sensor", "address", sensor.address, on_the_bus=True),
    Check("sensor", "chip", sensor.identity, on_the_bus=True),
    Check("sensor", "awake", sensor.awake, on_the_bus=True),
    Check("sensor", "self-test", sensor.factory, on_the_bus=True),
    Check("sensor", "sampling", sampling.sampling, 20.0, on_the_bus=True),
    Check("sensor", "bus clock", sampling.clock),
    Check("sensor", "noise", sampling.noise),
    Check("sensor", "zero", sampling.zero),
    Check("sensor", "calibration", sensor.calibration),
    Check("controls", "buttons", controls.buttons, GUIDED_SECONDS),
    Check("controls", "lights", controls.lights, GUIDED_SECONDS),
    Check("models", "base", software.base),
    Check("models", "kNN", software.reference),
    Check("models", "head", software.head),
    Check("takes", "store", software.store, 15.0),
    Check("takes", "disk", software.disk),
    Check("takes", "durable", software.durable),
    Check("network", "broker", software.broker, 15.0),
    Check("network", "time", computer.clock),
    Check("computer", "config.txt", computer.boot),
    Check("computer", "service", computer.service),
    Check("computer", "sandbox", computer.sandbox),
    Check("computer", "supply", computer.supply),
    Check("computer", "temperature", computer.temperature),
    Check("computer", "packages", software.packages),
)
"""What later checks need comes first."""


def examine(patient: Context, checks: Sequence[Check] = CHECKS) -> Iterator[Finding]:
    """Make one check after the other; close the patient afterwards.

    Nothing that a check raises, and none that hangs, keeps the others from being made.
    """
    for check in checks:
        outcome = _outcome(check, patient)
        yield Finding(
            group=check.group,
            check=check.name,
            grade=outcome.grade,
            text=outcome.text,
            remedy=outcome.remedy,
        )


def _outcome(check: Check, patient: Context) -> Outcome:
    if check.on_the_bus and patient.bus_hangs:
        return Outcome("skipped", "the bus hangs")
    outcomes: list[Outcome] = []
    thread = threading.Thread(
        target=lambda: outcomes.append(_made(check, patient)), name=check.name, daemon=True
    )
    thread.start()
    thread.join(check.seconds)
    if outcomes:
        return outcomes[0]
    patient.bus_hangs |= check.on_the_bus
    return fail(
        f"it did not finish within {check.seconds:.0f} s",
        "Take the sensor's supply away for a second; if that does not help, reboot"
        if check.on_the_bus
        else "See what 'journalctl -k' says, and reboot if it happens again",
    )


def _made(check: Check, patient: Context) -> Outcome:
    try:
        return check.examine(patient)
    except NotExamined as reason:
        return Outcome("skipped", str(reason))
    except SensorMoves as error:
        return Outcome("skipped", f"{error.problem}; lay it down and repeat")
    except HarpiError as error:
        return failure_of(error)
    except Exception as error:  # noqa: BLE001 - a defect in one check must not hide the others
        return fail(
            f"the check itself failed ({type(error).__name__}: {error})",
            "Tell the authors of harpi, with what `harpi doctor --json` prints",
        )
