"""What root asks of systemd, and what a user asks of harpi, in a machine that systemd runs."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any, Final

from tests.support.broker import wait_until

PATIENCE: Final = 60.0
UNIT: Final = "harpi.service"
HARPI: Final = "/opt/harpi/bin/harpi"
SHOWN: Final = ("ActiveState", "MainPID", "NRestarts", "Result", "StatusText", "ExecMainStatus")


def systemctl(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)


def shown() -> dict[str, str]:
    """Say how the service is."""
    output = systemctl("show", UNIT, "--property", ",".join(SHOWN)).stdout
    return dict(line.split("=", 1) for line in output.splitlines())


def eventually(condition: Callable[[], object], what: str) -> None:
    """Wait for something that is asked of other programs.

    Asking takes no time in the machine, but it does on the host, so it is done seldom.
    """
    wait_until(condition, what, PATIENCE, pause=0.25)


def settled() -> None:
    """Let udev apply its rules to the devices that are there."""
    systemctl("start", "systemd-udev-trigger.service")
    subprocess.run(["udevadm", "settle"], check=False)


def harpi(*words: str, user: str = "root") -> subprocess.CompletedProcess[str]:
    """Give a command to harpi as a user and in no other group than that user's own."""
    return subprocess.run(
        [HARPI, *words],
        user=user,
        group=user,
        extra_groups=[],
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def command(*words: str) -> str:
    """Give a command to harpi as its own user; give what it prints."""
    done = harpi(*words, user="harpi")
    assert done.returncode == 0, done.stderr
    return done.stdout


def told_with_journal(work: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """Make work show the journal on the console where it fails."""

    def told() -> dict[str, Any]:
        try:
            return work()
        except BaseException:
            time.sleep(1.0)  # systemd has its say, too
            journal = subprocess.run(
                ["journalctl", "--no-pager", "--lines", "60"], capture_output=True, text=True
            )
            print(journal.stdout, json.dumps(shown()), flush=True)
            raise

    return told
