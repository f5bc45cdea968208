"""The running daemon: it knows itself best, and has the sensor and the pins."""

from __future__ import annotations

from harpi.controls.client import Client
from harpi.doctor.finding import NotExamined, Outcome, failure_of, ok, warn
from harpi.doctor.patient import Patient
from harpi.errors import AlreadyRunning, ControlError, DaemonNotRunning
from harpi.publish.condition import Condition


def daemon(patient: Patient) -> Outcome:
    """Ask the running daemon how it does; without one, claim the sensor."""
    if patient.emulated:
        raise NotExamined("the sensor is emulated")
    patient.hands_off = "there is a harpi that does not answer"
    try:
        with Client(patient.config.paths.runtime_folder) as client:
            condition = client.examine(Condition)
    except DaemonNotRunning:
        return _alone(patient)
    except ControlError as error:
        return failure_of(error)
    patient.condition = condition
    patient.hands_off = "the running harpi has it"
    text = f"harpi {condition.health.version} runs, for {condition.health.uptime_s:.0f} s"
    if condition.problems:
        return warn(f"{text}, and says that something is wrong", " ".join(condition.problems))
    return ok(text)


def _alone(patient: Patient) -> Outcome:
    try:
        patient.claim()
    except AlreadyRunning as error:
        patient.hands_off = "another program of harpi has it"
        return failure_of(error)
    patient.hands_off = ""
    raise NotExamined("no harpi is running, so the sensor is looked at directly")
