"""`harpi doctor` as a person calls it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.command import HARPI, environment, harpi


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """Options that touch nothing outside of the folder of the test."""
    settings = (f"paths.state={tmp_path}/state", f"paths.runtime={tmp_path}/run")
    return ["doctor", *(word for setting in settings for word in ("--set", setting))]


def flowing(text: str) -> str:
    """The text without its columns and line breaks."""
    return " ".join(text.split())


def test_an_emulated_sensor_is_well(words: list[str]) -> None:
    done = harpi(*words, "--emulate", "--set", "mqtt.enabled=false")
    assert (done.returncode, done.stderr) == (0, "")
    assert "ok self-test all axes answer within" in flowing(done.stdout)
    assert "-- broker it is off (mqtt.enabled)" in flowing(done.stdout)
    assert "0 failures" in done.stdout


def test_each_finding_is_an_object(words: list[str]) -> None:
    done = harpi(*words, "--emulate", "--json", "--set", "mqtt.port=1")
    findings = {row["check"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 11
    assert findings["broker"]["grade"] == "failure"
    assert findings["sampling"]["text"].startswith("50.0 samples a second of 50")
    assert findings["sampling"]["remedy"] == ""


def test_without_a_sensor_the_remedy_is_shown(words: list[str]) -> None:
    done = harpi(*words, "--set", "mqtt.enabled=false", "--set", "sensor.bus=250")
    assert done.returncode == 11
    said = flowing(done.stdout)
    assert "!! bus /dev/i2c-250: there is no such I2C bus -> Switch it on with" in said
    assert "Traceback" not in done.stderr


def test_a_warning_counts_where_it_is_strict(words: list[str]) -> None:
    words = [*words, "--emulate", "--set", "mqtt.enabled=false", "--set", "sensor.rate=25"]
    lenient, strict = harpi(*words, "--json"), harpi(*words, "--strict")
    warned = '"grade":"warning"' in lenient.stdout
    assert lenient.returncode == 0
    assert strict.returncode == (11 if warned else 0)


def test_buttons_of_a_computer_without_pins(words: list[str]) -> None:
    done = subprocess.run(
        [*HARPI, *words, "--emulate", "--guided", "--set", "buttons.enabled=true"],
        env=environment(),
        input="",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 11
    assert "!! buttons" in done.stdout
    assert "pip install rpi-lgpio lgpio" in flowing(done.stdout)


def planted(words: list[str], check: str, **more: str) -> dict[str, str]:
    done = harpi(*words, "--json", "--emulate", **more)
    assert done.stderr == "" or check == "packages"
    return {row["check"]: row for row in map(json.loads, done.stdout.splitlines())}[check]


def test_a_host_with_a_scheme_is_found_with_its_remedy(words: list[str]) -> None:
    found = planted([*words, "--set", "mqtt.host=mqtt://broker:1884"], "configuration")
    assert found["grade"] == "failure"
    assert 'Write mqtt.host = "broker", mqtt.port = 1884' in found["remedy"]


def test_a_runtime_that_crashes_is_found_with_its_remedy(
    words: list[str], tmp_path: Path
) -> None:
    (tmp_path / "ai_edge_litert").mkdir()
    (tmp_path / "ai_edge_litert" / "__init__.py").touch()
    program = "import os, signal; os.kill(os.getpid(), signal.SIGILL)"
    (tmp_path / "ai_edge_litert" / "interpreter.py").write_text(program)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    found = planted([*words, "--set", "mqtt.enabled=false"], "packages", PYTHONPATH=path)
    assert found["grade"] == "warning"
    assert (
        "ai_edge_litert is installed and does not work here (it is killed by SIGILL)"
        in found["text"]
    )
    assert "pip install --force-reinstall" in found["remedy"]
