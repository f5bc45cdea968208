"""Sets a bare machine up as its owner would, looks, takes it back, and looks again."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

from harpi.timebase import SystemTime
from tests.labs.rigs.guest.board import Board
from tests.labs.rigs.guest.manager import (
    HARPI,
    UNIT,
    eventually,
    settled,
    shown,
    systemctl,
    told_with_journal,
)
from tests.labs.rigs.guest.report import report
from tests.labs.rigs.wire import Adapter
from tests.support.device import emulated

OWNER: Final = "pi"
AS_OWNER: Final = ("setpriv", f"--reuid={OWNER}", f"--regid={OWNER}", "--init-groups")
SENSOR: Final = Path("/dev/i2c-1")
FOLDERS: Final = ("/etc", "/boot", "/usr/local/bin", "/var/lib")


def seen() -> dict[str, str]:
    """Give every file that a setup could change, with its permissions and content."""
    found = {}
    for folder in FOLDERS:
        for path in Path(folder).rglob("*"):
            # What systemd keeps for itself meanwhile, and what this rig put there.
            if any(part in ("systemd", "dbus") for part in path.parts[2:3]):
                continue
            content = str(path.readlink()) if path.is_symlink() else ""
            if path.is_file() and not path.is_symlink():
                content = path.read_bytes().hex()
            found[str(path)] = f"{path.lstat().st_mode:o} {content}"
    for path in Path("/etc/systemd").rglob("*"):
        found[str(path)] = f"{path.lstat().st_mode:o}"
    return found


def setup(*words: str, user: str | None = None) -> dict[str, Any]:
    """Call `harpi setup`, as root by sudo or as its owner."""
    done = subprocess.run(
        [HARPI, "setup", "--program", HARPI, *words],
        user=user,
        env={**os.environ, "SUDO_USER": OWNER} if user is None else None,
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return {"code": done.returncode, "said": done.stdout, "errors": done.stderr}


def status() -> dict[str, Any]:
    """Ask the daemon as its owner, who is a member of its group by now."""
    done = subprocess.run(
        [*AS_OWNER, HARPI, "status", "--json"],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return {"error": done.stderr}
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def work() -> dict[str, Any]:
    found: dict[str, Any] = {}
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/usr/local/bin"], check=True)
    subprocess.run(["useradd", "--no-create-home", "--user-group", OWNER], check=True)
    adapter = Adapter(emulated(SystemTime()))
    Board(adapter)
    settled()
    before = seen()

    found["looked"] = setup("--dry-run", user=OWNER)
    found["refused"] = setup(user=OWNER)
    found["untouched"] = seen() == before

    found["first"] = setup("--profile", "leg")
    found["active"] = shown()
    eventually(lambda: "health" in status(), "the owner hears from harpi")

    def samples() -> int:
        answer = status()
        return int(answer["health"]["sensor"]["samples"]) if "health" in answer else 0

    eventually(lambda: samples() > 100, "samples come")
    found["status"] = status()
    found["again"] = setup()
    found["pid"] = shown()["MainPID"] == found["active"]["MainPID"]

    # Without its sensor it starts all the same, and says what it waits for.
    systemctl("stop", UNIT)
    SENSOR.chmod(0)
    started = systemctl("start", UNIT)
    eventually(lambda: "aiting" in shown()["StatusText"], "harpi says what it waits for")
    found["waiting"] = {"code": started.returncode, **shown()}
    SENSOR.chmod(0o660)
    eventually(lambda: "running" in shown()["StatusText"], "the sensor is found")

    found["removed"] = setup("--remove", "--purge")
    found["inactive"] = systemctl("is-active", UNIT).stdout.strip()
    after = seen()
    found["left"] = sorted(path for path in after if after[path] != before.get(path))
    found["lost"] = sorted(path for path in before if path not in after)
    return found


if __name__ == "__main__":
    report(told_with_journal(work))
