"""Boots the kernel with a program of `guest/` as its only work."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Final

from tests.rigs.cache import HERE, ROOT, RigError, cached
from tests.rigs.kernel import kernel

MEMORY: Final = "768M"


def pins_library() -> Path:
    """Give the folder of rpi-lgpio, as a Pi has it.

    Raises:
        RigError: it cannot be had.
    """
    version = sysconfig.get_python_version()
    packages = ["rpi-lgpio==0.6", "lgpio==0.2.2.0"]

    def make(folder: Path) -> None:
        words = ["--quiet", "--no-deps", "--only-binary=:all:", "--target", str(folder)]
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", *words, *packages],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RigError(f"pip cannot get {packages}: {done.stderr.strip().splitlines()[-1]}")

    return cached("pins", [version, *packages], make, megabytes=50)


def run(program: str, folder: Path, *options: str, seconds: float = 120.0) -> dict[str, Any]:
    """Boot, run `tests.rigs.guest.<program>`, and give what it reports.

    Args:
        program: name of the module.
        folder: where the machine's console and its report are left.
        options: more for the kernel's command line.
        seconds: after which the machine is switched off.

    Returns:
        The report: JSON, as `tests.rigs.guest.report` writes it.

    Raises:
        AssertionError: the program failed, or did not end; with the end of the console.
    """
    words = [
        str(kernel()),
        f"mem={MEMORY}",
        "rootfstype=hostfs",
        "rootflags=/",
        "ro",
        f"init={HERE / 'guest/init.sh'}",
        f"uml_dir={folder}",
        "con=null",
        "con0=fd:0,fd:1",
        "quiet",
        "panic=-1",
        f"RIG_OUT={folder}",
        f"RIG_SOURCE={ROOT}",
        f"RIG_PYTHON={sys.base_prefix}",
        f"RIG_SITE={sysconfig.get_path('purelib')}",
        f"RIG_PINS={pins_library()}",
        f"RIG_PROGRAM=tests.rigs.guest.{program}",
        *options,
    ]
    console = folder / "console"
    with console.open("wb") as output:
        machine = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        try:
            machine.wait(seconds)
            ended = True
        except subprocess.TimeoutExpired:
            ended = False
        finally:
            _switch_off(machine)
    report = folder / "report.json"
    said = "\n".join(console.read_text(errors="replace").splitlines()[-60:])
    assert ended, f"the machine did not end within {seconds:g} s:\n{said}"
    assert report.exists(), f"the machine left no report:\n{said}"
    content: dict[str, Any] = json.loads(report.read_text())
    assert "failed" not in content, f"{content['failed']}\n{said}"
    return content


def _switch_off(machine: subprocess.Popen[bytes]) -> None:
    """Kill the kernel and the processes that it keeps for those of its guests."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(machine.pid, signal.SIGKILL)
    machine.wait()
