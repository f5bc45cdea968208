"""Run all rigs: `python -m tests.labs.rigs [--part NAME] [options of pytest]`; docs/rigs.md.

What they need of the machine is installed first, as root, or said in one sentence.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from deb.step import end_group
from deb.targets import BuildError

from tests.labs.rigs import packages
from tests.labs.rigs.broken import BREAKS, show
from tests.labs.rigs.cache import ROOT, home
from tests.labs.rigs.part import LACKS, PARTS

GRACE: Final = 20.0
"""Seconds that a part which is told to end has for switching its machines off."""


@dataclass
class Run:
    """A part that was started."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    begun: float = field(default_factory=time.monotonic)
    outcome: str = ""
    well: bool = False

    def ended(self) -> bool:
        """Tell whether it has ended, and note how; one that takes too long is ended here."""
        limit = PARTS[self.name].minutes
        took = time.monotonic() - self.begun
        code = self.process.poll()
        if code is None and took < 60 * limit:
            return False
        self.well = code in (0, pytest.ExitCode.NO_TESTS_COLLECTED)
        if code is None:
            self.stop()
            self.outcome = f"FAILED, it did not end within {limit:g} min"
        elif code == LACKS:
            self.outcome = "NOT RUN, see its reason above"
        elif code == pytest.ExitCode.NO_TESTS_COLLECTED:
            self.outcome = "nothing chosen"
        else:
            self.outcome = "passed" if self.well else "FAILED"
        self.outcome = f"{took:5.0f} s  {self.outcome}"
        return True

    def give_up(self) -> None:
        """End it where the time that all parts have together is over: no fault of its own."""
        self.stop()
        self.well = True
        took = time.monotonic() - self.begun
        self.outcome = f"{took:5.0f} s  NOT RUN to its end, the time was over"

    def stop(self) -> None:
        """Let it switch its machines off; kill it where it does not."""
        self.process.terminate()
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            end_group(self.process)


def start(name: str, options: list[str]) -> Run:
    log = home() / "log" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.labs.rigs.part", name, *options],
            cwd=ROOT,
            env={**os.environ, "HARPI_RIGS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            process_group=0,
        )
    return Run(name, process, log)


def run(names: Iterable[str], options: list[str], minutes: float = math.inf) -> bool:
    """Run parts side by side and tell how each ended.

    Args:
        names: of the parts.
        options: of pytest.
        minutes: after which all that goes on is ended, and named as not run.

    Returns:
        Whether all is well; what was not run to its end is no reason that it is not.
    """
    deadline = time.monotonic() + 60 * minutes
    packages.install()
    runs = [start(name, options) for name in names]
    try:
        going = runs
        while going:
            time.sleep(0.1)
            if time.monotonic() > deadline:
                for late in [each for each in going if not each.ended()]:
                    late.give_up()
            for ended in [each for each in going if each.outcome or each.ended()]:
                print(f"\n{ended.log.read_text(errors='replace')}", end="", flush=True)
            going = [each for each in going if not each.outcome]
    finally:
        for each in runs:
            if each.process.poll() is None:
                each.stop()
    print()
    for each in runs:
        print(f"rigs: {each.name:10} {each.outcome}")
    return all(each.well for each in runs)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.labs.rigs",
        description="Run harpi on a real kernel, under systemd and on ARM, without a Pi.",
        epilog="All other options go to pytest, for example -k judge.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--part",
        dest="parts",
        action="append",
        choices=PARTS,
        help="run this part only; may be given more than once",
    )
    parser.add_argument(
        "--break",
        dest="breaks",
        action="append",
        choices=[*BREAKS, "all"],
        help="break this in a copy of the checkout, and show that its rig finds it",
    )
    parser.add_argument(
        "--within",
        type=float,
        default=math.inf,
        metavar="MINUTES",
        help="end then what still goes on, and name it as not run",
    )
    chosen, options = parser.parse_known_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if chosen.breaks:
            well = show(chosen.breaks)
        else:
            well = run(chosen.parts or PARTS, options, chosen.within)
    except BuildError as error:
        print(f"rigs: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("rigs: interrupted", file=sys.stderr)
        return 130
    return int(not well)


if __name__ == "__main__":
    sys.exit(main())
