"""`harpi setup` on a machine that systemd runs, and back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.labs.rigs import machine

pytestmark = [pytest.mark.rig, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return machine.run_with_systemd(
        "setup", tmp_path_factory.mktemp("setup"), bare=True, seconds=300
    )


def test_who_is_not_root_sees_the_plan_and_changes_nothing(owner: dict[str, Any]) -> None:
    looked, refused = owner["looked"], owner["refused"]
    assert looked["code"] == 0, looked
    assert looked["said"].startswith("Raspberry Pi 4 Model B Rev 1.1, ")
    assert "+dtparam=i2c_arm_baudrate=400000" in looked["said"]
    assert refused["code"] == 10
    assert "only root may change the system" in refused["errors"]
    assert owner["untouched"]


def test_the_service_runs_at_once_and_a_reboot_is_asked_for(owner: dict[str, Any]) -> None:
    first = owner["first"]
    assert first["code"] == 0, first
    assert first["said"].rstrip().endswith("at the next boot: sudo reboot")
    assert owner["active"]["ActiveState"] == "active"


def test_its_owner_hears_from_it_and_the_profile_is_in_effect(owner: dict[str, Any]) -> None:
    assert owner["status"]["health"]["sensor"]["rate_hz"] == pytest.approx(100, rel=0.05)


def test_a_second_time_changes_nothing_and_leaves_the_daemon_alone(
    owner: dict[str, Any],
) -> None:
    again = owner["again"]
    assert again["code"] == 0, again
    assert not [
        line for line in again["said"].splitlines() if line.startswith(("create", "change"))
    ]
    assert "sudo reboot" in again["said"]
    assert owner["pid"]


def test_without_its_sensor_it_starts_and_says_what_it_waits_for(
    owner: dict[str, Any],
) -> None:
    waiting = owner["waiting"]
    assert (waiting["code"], waiting["ActiveState"]) == (0, "active")
    assert waiting["StatusText"].startswith(
        "Waiting for the sensor: /dev/i2c-1: this user may not open the I2C bus"
    )
    assert "waiting for the broker at localhost:1883" in waiting["StatusText"]


def test_afterwards_the_system_is_as_it_was(owner: dict[str, Any]) -> None:
    assert owner["removed"]["code"] == 0, owner["removed"]
    assert owner["inactive"] == "inactive"
    assert (owner["left"], owner["lost"]) == ([], [])
