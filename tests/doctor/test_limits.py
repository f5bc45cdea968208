"""The limits that docs/doctor.md states are those by which the doctor judges."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harpi.daemon.status import LOST_SHARE, RATE_ERROR
from harpi.doctor import computer
from harpi.doctor.sampling import BUSY, FAST_HERTZ, NOISY, SLOW
from harpi.imu.calibration import GRAVITY_ERROR, ZERO_RATE
from harpi.imu.selftest import TOLERANCE

PAGE = Path(__file__).parents[2] / "docs/doctor.md"


@pytest.mark.parametrize(
    ("check", "limits"),
    [
        ("self-test", f"{100 * TOLERANCE:g} %"),
        ("sampling", f"{100 * RATE_ERROR:g} %, {100 * LOST_SHARE:g} %"),
        (
            "bus clock",
            f"{SLOW * FAST_HERTZ / 1e3:g} kHz; {100 * BUSY:g} % in use",
        ),
        ("noise, zero", f"{NOISY:g} times; {ZERO_RATE:g} deg/s, {GRAVITY_ERROR:g} g"),
    ],
)
def test_of_a_check(check: str, limits: str) -> None:
    (row,) = re.findall(rf"^\| {check} \|.*\|$", PAGE.read_text(), re.MULTILINE)
    assert row.split("|")[3].strip() == limits


def test_of_the_temperature() -> None:
    limits = f"{computer.WARM:g} °C is a warning, {computer.HOT:g} °C a failure"
    assert limits in PAGE.read_text()
