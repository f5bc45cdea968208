"""What systemd is told, and the unit that it is given."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harpi import shipped
from harpi.config.schema import SYSTEM_RUNTIME, SYSTEM_STATE
from harpi.systemd import Notifier


class Manager:
    """The receiving end of sd_notify."""

    def __init__(self, address: str) -> None:
        self.environment = {"NOTIFY_SOCKET": address.replace("\0", "@")}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)

    def heard(self) -> list[str]:
        messages = []
        while True:
            try:
                messages.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return messages

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["file", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    address = str(tmp_path / "notify")
    if request.param == "abstract":
        address = f"\0harpi-test-{os.getpid()}"
    receiver = Manager(address)
    yield receiver
    receiver.close()


def test_each_message_arrives(manager: Manager) -> None:
    notifier = Notifier(manager.environment)
    notifier.ready()
    notifier.status("50.0 samples/s\nREADY=0")
    notifier.alive()
    notifier.stopping()
    assert manager.heard() == [
        "READY=1",
        "STATUS=50.0 samples/s READY=0",
        "WATCHDOG=1",
        "STOPPING=1",
    ]


def test_without_a_manager_nothing_happens() -> None:
    notifier = Notifier({"WATCHDOG_USEC": "30000000"})
    notifier.ready()
    assert notifier.watchdog_seconds is None


def test_a_manager_that_is_gone_does_no_harm(tmp_path: Path) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).alive()


@pytest.mark.parametrize(
    ("more", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "1500000", "WATCHDOG_PID": str(os.getpid())}, 1.5),
        ({"WATCHDOG_USEC": "1500000", "WATCHDOG_PID": "1"}, None),
    ],
)
def test_the_watchdog_is_asked_for_by_the_environment(
    more: dict[str, str], seconds: float | None
) -> None:
    assert Notifier({"NOTIFY_SOCKET": "/nowhere", **more}).watchdog_seconds == seconds


# --- the unit ---------------------------------------------------------------------------


def tool(name: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} is needed to check the unit: apt install systemd"
    return found


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that exists here."""
    text = (shipped.path("systemd") / "harpi.service").read_text()
    path = tmp_path / "harpi.service"
    path.write_text(re.sub(r"(?m)^ExecStart=\S+", f"ExecStart={sys.executable}", text))
    return path


def test_the_unit_is_valid(unit: Path) -> None:
    done = subprocess.run(
        [tool("systemd-analyze"), "verify", "--man=no", unit], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_is_confined(unit: Path) -> None:
    done = subprocess.run(
        [tool("systemd-analyze"), "security", "--offline=true", "--threshold=20", "--no-pager",
         unit],
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_the_unit_waits_for_ready_and_watches_the_progress(unit: Path) -> None:
    lines = unit.read_text().splitlines()
    assert "Type=notify" in lines
    assert "WatchdogSec=30" in lines
    assert "RestartPreventExitStatus=2" in lines


def test_the_unit_makes_the_folders_that_the_configuration_names(unit: Path) -> None:
    lines = unit.read_text().splitlines()
    assert f"StateDirectory={SYSTEM_STATE.relative_to('/var/lib')}" in lines
    assert f"RuntimeDirectory={SYSTEM_RUNTIME.relative_to('/run')}" in lines
    assert f"WorkingDirectory={SYSTEM_RUNTIME}" in lines


def test_the_user_is_made_with_the_groups_of_its_devices(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    users = shipped.path("systemd/harpi.sysusers")
    done = subprocess.run(
        [tool("systemd-sysusers"), f"--root={tmp_path}", users], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"(?m)^harpi:.*:/var/lib/harpi:", (tmp_path / "etc/passwd").read_text())
    groups = (tmp_path / "etc/group").read_text()
    for group in ("i2c", "gpio"):
        assert re.search(rf"(?m)^{group}:x:\d+:harpi$", groups)


def test_the_manager_hears_of_a_notifier_in_another_process(tmp_path: Path) -> None:
    receiver = Manager(str(tmp_path / "notify"))
    code = "from harpi.systemd import Notifier; Notifier().ready()"
    subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **receiver.environment}, check=True
    )
    assert receiver.heard() == ["READY=1"]
    receiver.close()
