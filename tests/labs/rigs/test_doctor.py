"""The doctor on a machine that was set up: a real kernel, systemd, i2c-dev and gpio-sim."""

from __future__ import annotations

from typing import Any

import pytest

from tests.labs.rigs import machine

pytestmark = [pytest.mark.rig, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return machine.run_with_systemd(
        "doctor", tmp_path_factory.mktemp("doctor"), bare=True, seconds=600
    )


def failures(findings: dict[str, Any]) -> dict[str, str]:
    return {
        name: finding["text"]
        for name, finding in findings.items()
        if finding.get("grade") == "failure"
    }


def test_a_machine_that_was_set_up_is_well(found: dict[str, Any]) -> None:
    """But for its samples: no time means anything here (docs/rigs.md)."""
    for findings in (found["beside"], found["alone"]):
        assert set(failures(findings)) <= {"sampling"}
    assert found["beside"]["exit"]["code"] == (11 if failures(found["beside"]) else 0)
    assert found["beside"]["daemon"]["text"].startswith("harpi ")
    assert found["beside"]["service"]["grade"] == "ok"
    for name in ("permissions", "bus", "address", "chip", "awake", "self-test"):
        assert found["alone"][name]["grade"] == "ok", found["alone"][name]
    assert found["alone"]["broker"]["grade"] == "ok"
    assert found["alone"]["buttons"]["text"] == "all 4 buttons arrive at their pins"
    assert found["alone"]["lights"]["text"] == "all 3 lights are seen"
    assert found["alone"]["config.txt"]["grade"] == "ok"


@pytest.mark.parametrize(
    ("planted", "check", "text", "remedy"),
    [
        ("wrong address", "address", "0x69 does, as MPU-6050", "sensor.address = 0x69"),
        ("full disk", "disk", "recording is refused", "harpi takes purge"),
        ("no broker", "broker", "cannot be reached", "systemctl start mosquitto"),
        ("corrupt head", "head", "head-1.safetensors", "harpi train"),
        ("clone", "chip", "ICM-20689", "harpi reads it as it is"),
        ("slow bus", "bus clock", "kHz achieved", "reboot"),
        ("swapped buttons", "buttons", "'walking' at GPIO6", "buttons.labels = [6, 5]"),
        ("asleep", "awake", "falls asleep again", "3.3 V"),
        ("no permission", "permissions", "user harpi may not use /dev/i2c-1", "usermod -aG"),
        ("stale", "config.txt", "not in effect yet", "reboot"),
        ("kernel driver", "address", "a kernel driver has claimed", "dtoverlay=mpu6050"),
    ],
)
def test_a_planted_fault_is_found_with_its_remedy(
    found: dict[str, Any], planted: str, check: str, text: str, remedy: str
) -> None:
    (findings,) = [part for name, part in found.items() if planted in name]
    finding = findings[check]
    assert finding["grade"] in ("warning", "failure"), finding
    assert text in finding["text"]
    assert remedy in finding["remedy"]
