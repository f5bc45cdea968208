"""The order of the checks, and that nothing keeps the others from being made."""

from __future__ import annotations

import threading

import pytest

from harpi.doctor import CHECKS, examine
from harpi.doctor.context import Context, NotExamined, Outcome, ok
from harpi.doctor.runner import Check
from harpi.errors import ModelError
from tests.doctor.ward import Ward


class HangingBus:
    """A bus whose transfers never come back, as when a chip holds the clock low."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.transfers = 0

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        self.transfers += 1
        self.released.wait()
        return bytes(read_length)

    def close(self) -> None:
        raise AssertionError("a bus that hangs would hang its closing, too")


def made(examine_it: object, ward: Ward) -> Outcome:
    check = Check("group", "name", examine_it)  # type: ignore[arg-type]
    (finding,) = examine(ward.patient(), [check])
    return Outcome(finding.grade, finding.text, finding.remedy)


def test_every_check_has_a_name_of_its_own_and_groups_stand_together() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    groups = [check.group for check in CHECKS]
    assert len(dict.fromkeys(groups)) == sum(
        a != b for a, b in zip(groups, ["", *groups], strict=False)
    )


def test_a_hanging_bus_hangs_nothing_else(ward: Ward) -> None:
    bus = HangingBus()
    ward.bus = bus
    try:
        findings = ward.examine(
            "daemon", "bus", "address", "chip", "sampling", "noise", "disk", seconds=0.1
        )
    finally:
        bus.released.set()
    assert "did not finish" in findings["address"].text
    assert "Take the sensor's supply away" in findings["address"].remedy
    for name in ("chip", "sampling"):
        assert (findings[name].grade, findings[name].text) == ("skipped", "the bus hangs")
    assert findings["disk"].grade == "ok"
    assert bus.transfers == 1


def test_an_error_of_harpi_brings_its_remedy(ward: Ward) -> None:
    def broken(patient: Context) -> Outcome:
        raise ModelError("it is damaged", where="a.tflite", remedy="Install it again")

    found = made(broken, ward)
    assert found == ("failure", "a.tflite: it is damaged", "Install it again")


def test_a_defect_in_a_check_is_a_finding(ward: Ward) -> None:
    def defective(patient: Context) -> Outcome:
        raise KeyError("oh")

    found = made(defective, ward)
    assert (found.grade, found.text) == ("failure", "the check itself failed (KeyError: 'oh')")


def test_what_cannot_be_looked_at_says_why(ward: Ward) -> None:
    def elsewhere(patient: Context) -> Outcome:
        raise NotExamined("there is none")

    assert made(elsewhere, ward) == ("skipped", "there is none", "")


@pytest.mark.parametrize("alone", [True, False])
def test_only_one_program_has_the_sensor(ward: Ward, alone: bool) -> None:
    other = ward.patient()
    if not alone:
        other.claim()
    findings = ward.examine("daemon", "bus", "address", "chip", "awake", "buttons")
    other.close()
    assert findings["daemon"].grade == ("skipped" if alone else "failure")
    if not alone:
        assert "another program" in findings["daemon"].text
        assert findings["awake"].text == "in use by another program of harpi"


def test_the_sensor_is_free_again_afterwards(ward: Ward) -> None:
    ward.examine("daemon")
    ward.patient().claim()


def test_findings_come_one_by_one(ward: Ward) -> None:
    def never(patient: Context) -> Outcome:
        raise AssertionError("nobody asked for it")

    checks = [Check("a", "first", lambda _: ok("well")), Check("a", "second", never)]
    assert next(examine(ward.patient(), checks)).text == "well"
