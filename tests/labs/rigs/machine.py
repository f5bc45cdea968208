"""Boots the kernel with a program of `guest/` as its only work.

Time in the machine jumps from one event to the next and computing takes none of it
(time-travel=inf-cpu): nothing is waited for, and nothing comes late on a busy host.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Final

from deb.step import end_group, step

from tests.labs.rigs.cache import HERE, ROOT, cached
from tests.labs.rigs.kernel import kernel

MEMORY: Final = "768M"
TAIL: Final = 60
"""Lines of the console that are shown where a machine fails."""


def pins_library() -> Path:
    """Give the folder of rpi-lgpio, as a Pi has it.

    Raises:
        BuildError: it cannot be had.
    """
    version = sysconfig.get_python_version()
    packages = ["rpi-lgpio==0.6", "lgpio==0.2.2.0"]

    def make(folder: Path) -> None:
        words = ["--quiet", "--no-deps", "--only-binary=:all:", "--target", folder, *packages]
        pip = [sys.executable, "-m", "pip", "install", *words]
        step("pip gets what the pins need", pip, seconds=300)

    return cached("pins", [version, *packages], make, megabytes=50)


def run_with_systemd(
    work: str, folder: Path, *, bare: bool = False, seconds: float = 400.0
) -> dict[str, Any]:
    """Boot a small Debian and let systemd start `tests.labs.rigs.guest.<work>` there.

    Args:
        work: name of the module.
        folder: as for `run`.
        bare: whether only the program of harpi is there, and nothing of it in the system.
        seconds: as for `run`.

    Returns:
        The report.

    Raises:
        AssertionError: as for `run`.
    """
    options = [f"RIG_WORK={work}", *(["RIG_BARE=1"] if bare else [])]
    return run("systemd", folder, *options, seconds=seconds)


def run(program: str, folder: Path, *options: str, seconds: float = 400.0) -> dict[str, Any]:
    """Boot, run `tests.labs.rigs.guest.<program>`, and give what it reports.

    Args:
        program: name of the module.
        folder: where the machine's console and its report are left.
        options: more for the kernel's command line.
        seconds: after which the machine is switched off.

    Returns:
        The report: JSON, as `tests.labs.rigs.guest.report` writes it.

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
        "time-travel=inf-cpu",
        f"RIG_OUT={folder}",
        f"RIG_SOURCE={ROOT}",
        f"RIG_PYTHON={sys.base_prefix}",
        f"RIG_SITE={sysconfig.get_path('purelib')}",
        f"RIG_PINS={pins_library()}",
        f"RIG_PROGRAM=tests.labs.rigs.guest.{program}",
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
            # The kernel, and the processes that it keeps for those of its guests.
            end_group(machine)
    report = folder / "report.json"
    said = "\n".join(console.read_text(errors="replace").splitlines()[-TAIL:])
    assert ended, f"the machine did not end within {seconds:g} s:\n{said}"
    assert report.exists(), f"the machine left no report:\n{said}"
    content: dict[str, Any] = json.loads(report.read_text())
    assert "failed" not in content, f"{content['failed']}\n{said}"
    return content
