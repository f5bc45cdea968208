"""Hours of sampling, in minutes."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.labs.rigs import machine
from tests.labs.rigs.guest.hours import CLOCK_ERROR, HOP_SECONDS

HOURS = float(os.environ.get("HARPI_RIG_HOURS", "2"))
"""Each takes about 10 s of a processor."""

SECONDS = HOURS * 3600
PATIENCE = HOURS * 300 + 900
CHIP = 1 + CLOCK_ERROR

pytestmark = [pytest.mark.rig, pytest.mark.timeout(PATIENCE + 600)]


@pytest.fixture(scope="module")
def hours(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("hours")
    return machine.run("hours", folder, f"RIG_SECONDS={SECONDS}", seconds=PATIENCE)


def test_hours_pass_without_a_lost_sample(hours: dict[str, Any]) -> None:
    sensor = hours["health"]["sensor"]
    assert (sensor["lost"], sensor["gaps"], sensor["recoveries"]) == (0, 0, 0)
    assert sensor["samples"] == pytest.approx(hours["health"]["uptime_s"] * 50 * CHIP, rel=1e-3)
    assert hours["ended"] == 0


def test_the_chips_clock_is_known_by_then(hours: dict[str, Any]) -> None:
    assert hours["health"]["sensor"]["clock_ppm"] == pytest.approx(1e6 * CLOCK_ERROR, abs=100)


def test_every_window_was_judged_and_heard(hours: dict[str, Any]) -> None:
    figures = hours["health"]["recognition"]
    assert (figures["skipped"], figures["failed"]) == (0, 0)
    assert hours["states"] == pytest.approx(SECONDS / HOP_SECONDS * CHIP, rel=5e-3)
