"""The command `harpi` as a person calls it: in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.broker import PATIENCE

HARPI = [sys.executable, "-c", "from harpi.__main__ import main; main()"]


def environment(**more: str) -> dict[str, str]:
    """The environment without anything that could configure harpi by accident."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("HARPI_", "NOTIFY_"))}
    return {**clean, "PYTHONUNBUFFERED": "1", **more}


def harpi(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*HARPI, *words],
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


@contextmanager
def running_harpi(
    *words: str, stdin: int = subprocess.DEVNULL, more: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run a command that goes on until it is told to end."""
    with subprocess.Popen(
        [*HARPI, *words],
        env=environment(**(more or {})),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
                process.wait(PATIENCE)


def end(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> str:
    """Tell a command to end; give what it said on standard error."""
    process.send_signal(number)
    _, errors = process.communicate(timeout=PATIENCE)
    return errors
