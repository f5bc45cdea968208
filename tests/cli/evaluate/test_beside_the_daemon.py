"""Evaluating while harpi runs."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from harpi.learning import training_set
from tests.support.broker import wait_until
from tests.support.command import HARPI, environment, harpi, running_harpi
from tests.support.device import recording_path


def health(settings: list[str]) -> dict[str, Any]:
    """What the running harpi says of its sampling; nothing before it answers."""
    said = harpi("status", "--json", *settings)
    if said.returncode != 0:
        return {}
    found: dict[str, Any] = json.loads(said.stdout)["health"]["sensor"]
    return found


def test_it_steps_back_and_no_sample_is_lost(tmp_path: Path) -> None:
    settings = [
        word
        for setting in (
            f"paths.state={tmp_path / 'state'}",
            f"paths.runtime={tmp_path / 'run'}",
            "mqtt.enabled=false",
            # The FIFO then holds more than three seconds, whatever else this machine does.
            "sensor.rate=25",
        )
        for word in ("--set", setting)
    ]
    with running_harpi("run", "--emulate", str(recording_path()), *settings) as run:
        wait_until(lambda: health(settings).get("samples", 0) > 0, "samples come")
        before = health(settings)
        words = ["evaluate", "--recording", "--subject", "25", *settings]
        with subprocess.Popen(
            [*HARPI, *words], env=environment(), stdout=subprocess.PIPE
        ) as evaluating:
            nice = 0
            while evaluating.poll() is None and nice < training_set.NICE:
                nice = os.getpriority(os.PRIO_PROCESS, evaluating.pid)
                time.sleep(0.01)
            said, _ = evaluating.communicate()
        after = health(settings)
        assert run.poll() is None
    assert evaluating.returncode == 0
    assert b"14 stretches" in said
    assert nice >= training_set.NICE
    assert after["samples"] > before["samples"]
    assert (after["lost"], after["gaps"], after["recoveries"]) == (0, 0, 0)
