"""`harpi status`: a session and a device behind the real socket, in one screen."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harpi.cli import main
from harpi.cli.status import doing
from harpi.commands import LabelCount, Progress, Situation
from harpi.config.loading import build
from harpi.imu.health import SensorHealth
from harpi.publish.messages import CalibrationCondition, Condition
from tests.support import control_socket
from tests.support.command import environment, harpi
from tests.support.conditions import WELL, condition
from tests.support.fake_room import FakeRoom

CALIBRATED = datetime(2026, 3, 4, 12, tzinfo=UTC)
LABELS = ("walking", "sitting", "standing", "running")


@contextmanager
def served(folder: Path, device: Condition, **situation: object) -> Iterator[None]:
    room = FakeRoom()
    labels = tuple(LabelCount(label=label, takes=1, windows=9) for label in LABELS)
    room.become(**{"labels": labels, **situation})
    with control_socket.served(room, folder, examine=lambda: msgspec.json.encode(device)):
        yield


def shown(folder: Path, *words: str) -> str:
    done = harpi("status", "--set", f"paths.runtime={folder}", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def row(text: str, what: str) -> str:
    (line,) = [line for line in text.splitlines() if line.split("  ")[0] == what]
    return " ".join(line.split()[1:])


def test_a_device_that_does_well(tmp_path: Path) -> None:
    with served(tmp_path, condition(config=build({"device.id": "arm"})), session=3):
        text = shown(tmp_path)
    lines = text.splitlines()
    assert lines[0].startswith("arm, harpi 0.")
    assert lines[0].endswith("up 1 min, session 3, worn at: right_arm")
    assert lines[1] == "idle"
    assert row(text, "sensor") == "ok MPU-6050 running, 50.0 samples/s, 0 lost, 31 °C"
    assert row(text, "kNN") == "ok knn_reference.safetensors, 9 labels"
    assert row(text, "personal").startswith("-- not trained: `harpi record LABEL`")
    assert row(text, "store") == "ok 3 of 2048 MB, 12.0 GB free, takes.db"
    assert row(text, "broker") == "ok localhost:1883, 0 sent"
    assert row(text, "page") == "-- off (web.enabled)"
    assert "Nothing is wrong." in text
    assert row(text, "walking") == "1 9 - 0"


def test_what_is_wrong_is_said_with_what_to_do(tmp_path: Path) -> None:
    fault = SensorHealth(
        state="recovering", rate=0.0, error="/dev/i2c-1: no acknowledge. Check the wires."
    )
    with served(tmp_path, condition(fault, connected=False)):
        text = shown(tmp_path)
    assert row(text, "sensor").startswith("!! MPU-6050 recovering")
    assert row(text, "broker").startswith("!! localhost:1883, not connected")
    assert "!! No samples come. /dev/i2c-1: no acknowledge. Check the wires." in text
    assert "!! The broker at localhost:1883 is not connected" in text
    assert "Nothing is wrong" not in text


def test_what_was_lost_long_ago_is_told_and_nothing_is_wrong(tmp_path: Path) -> None:
    with served(tmp_path, condition(replace(WELL, lost=1000, gaps=1), long_ago=True)):
        text = shown(tmp_path)
    assert "1000 lost since the start" in row(text, "sensor")
    assert "Nothing is wrong." in text


def test_what_is_doubtful_is_told_apart(tmp_path: Path) -> None:
    device = msgspec.structs.replace(condition(), hints=("The sensor is not worn.",))
    with served(tmp_path, device):
        text = shown(tmp_path)
    assert "?? The sensor is not worn." in text
    assert "Nothing is wrong" not in text


def test_it_fits_a_small_terminal_with_much_to_say(tmp_path: Path) -> None:
    fault = SensorHealth(state="recovering", error="The bus is stuck. " * 8, lost=50, gaps=3)
    labels = tuple(LabelCount(label=f"activity {n}") for n in range(30))
    device = condition(fault, connected=False, config=build({"web.enabled": True}))
    with served(tmp_path, device, labels=labels):
        text = on_a_terminal(tmp_path)
    lines = text.splitlines()
    assert len(lines) <= 23
    assert max(map(len, lines)) <= 80
    assert text.count("!! ") == 7
    well = condition()
    with served(tmp_path, well, labels=labels):
        lines = on_a_terminal(tmp_path).splitlines()
    assert len(lines) == 23
    assert lines[-1].split()[0] == "and"


@pytest.mark.parametrize(
    ("calibration", "shown_as"),
    [
        ({"used": False}, "-- none: `harpi calibrate gyro`"),
        ({"used": True, "gyro": CALIBRATED}, "ok gyro 2026-03-04"),
        (
            {"used": True, "accel": CALIBRATED, "residual_mg": 1.5},
            "ok accel 2026-03-04 (1.5 mg left)",
        ),
        (
            {"used": False, "mounting": CALIBRATED, "turned_degrees": 75.0},
            "ok strap turned by 75 degrees",
        ),
        (
            {"used": False, "gyro": CALIBRATED},
            "!! another chip's, not used: `harpi calibrate gyro`",
        ),
    ],
)
def test_a_calibration(tmp_path: Path, calibration: dict[str, Any], shown_as: str) -> None:
    found = CalibrationCondition(**calibration)
    device = msgspec.structs.replace(condition(), calibration=found)
    with served(tmp_path, device):
        assert row(shown(tmp_path), "calibration") == shown_as


def on_a_terminal(folder: Path) -> str:
    """What is drawn on a terminal of 80 by 24, without its colours."""
    code = (
        "import sys; sys.stdout.isatty = lambda: True;"
        "from harpi.cli import main; main(sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "status", "--set", f"paths.runtime={folder}"],
        env=environment(NO_COLOR="1", TERM="xterm", COLUMNS="80", LINES="24"),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    for code in ("\x1b[1m", "\x1b[2m", "\x1b[0m"):
        done.stdout = done.stdout.replace(code, "")
    assert "\x1b" not in done.stdout
    return done.stdout


def test_for_machines(tmp_path: Path) -> None:
    device = condition()
    with served(tmp_path, device, session=3):
        said = json.loads(shown(tmp_path, "--json"))
    situation = msgspec.convert(said.pop("situation"), Situation)
    assert (situation.state, situation.session) == ("idle", 3)
    assert msgspec.convert(said, Condition) == device


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_without_a_daemon_it_says_how_to_start_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["status", *words, "--set", f"paths.runtime={tmp_path}"])
    assert end.value.code == 8
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "sudo systemctl start harpi" in error


def test_numpy_is_not_needed_to_ask(tmp_path: Path) -> None:
    code = (
        "import sys; from harpi.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: print('numpy' in sys.modules, file=sys.stderr)"
    )
    with served(tmp_path, condition()):
        done = subprocess.run(
            [sys.executable, "-c", code, "status", "--set", f"paths.runtime={tmp_path}"],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert (done.stderr, "Nothing is wrong." in done.stdout) == ("False\n", True)


@pytest.mark.parametrize(
    ("situation", "said"),
    [
        ({"state": "idle"}, "idle"),
        ({"state": "idle", "asking": True}, "asks whether to forget everything"),
        ({"state": "recording", "label": "walking"}, "recording walking"),
        (
            {"state": "testing", "label": "walking", "seconds": 10.0},
            "recording a test take of walking for 10 s",
        ),
        ({"state": "training"}, "training"),
        ({"state": "idle", "evaluating": True}, "idle, and the models are being tested"),
        (
            {
                "state": "paused",
                "progress": Progress(epoch=3, epochs=200, loss=0.5, accuracy=0.9),
            },
            (
                "training, paused: epoch 3 of at most 200, loss 0.500, "
                "90% correct on held-out windows"
            ),
        ),
    ],
)
def test_what_it_does(situation: dict[str, object], said: str) -> None:
    whole = {"session": 1, "position": "right_arm", **situation}
    assert doing(msgspec.convert(msgspec.to_builtins(whole), Situation)) == said
