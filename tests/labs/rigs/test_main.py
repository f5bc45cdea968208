"""Parts that run side by side, and how each ends."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import tests.labs.rigs.__main__ as rigs
from tests.labs.rigs.part import LACKS, PARTS, Part
from tests.support.broker import wait_until


@contextmanager
def started(code: str, folder: Path) -> Iterator[rigs.Run]:
    """Run something else than tests."""
    with subprocess.Popen([sys.executable, "-c", code], process_group=0) as process:
        yield rigs.Run("shim", process, folder / "log")


@pytest.mark.parametrize(
    ("code", "outcome", "well"),
    [
        (0, "passed", True),
        (1, "FAILED", False),
        (5, "nothing chosen", True),
        (LACKS, "NOT RUN, see its reason above", False),
    ],
)
def test_a_part_that_ends(code: int, outcome: str, well: bool, tmp_path: Path) -> None:
    with started(f"raise SystemExit({code})", tmp_path) as run:
        wait_until(run.ended, "it ends")
        assert run.outcome.endswith(f" s  {outcome}")
        assert run.well is well


def test_a_part_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(rigs.PARTS, "shim", Part((), minutes=0.001))
    with started("import time; time.sleep(600)", tmp_path) as run:
        wait_until(run.ended, "it is ended")
        assert run.process.returncode is not None
        assert run.outcome.endswith("FAILED, it did not end within 0.001 min")


def test_a_part_for_which_there_is_no_time_left(tmp_path: Path) -> None:
    with started("import time; time.sleep(600)", tmp_path) as run:
        assert not run.ended()
        run.give_up()
        assert run.process.returncode is not None
        assert run.outcome.endswith("NOT RUN to its end, the time was over")
        assert run.well


def test_a_part_that_will_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rigs, "GRACE", 0.2)
    deaf = tmp_path / "deaf"
    code = "import signal, time, pathlib; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    with started(
        f"{code}; pathlib.Path({str(deaf)!r}).touch(); time.sleep(600)", tmp_path
    ) as run:
        wait_until(deaf.exists, "it no longer listens")
        run.stop()
        assert run.process.returncode == -signal.SIGKILL


def test_every_file_of_rigs_belongs_to_one_part() -> None:
    here = Path(__file__).parent
    files = [file for part in PARTS.values() for file in part.files]
    assert len(files) == len(set(files))
    marked = re.compile(r"^pytestmark = .*mark\.rig\b", re.MULTILINE)
    needing = {path.name for path in here.glob("test_*.py") if marked.search(path.read_text())}
    assert needing <= set(files)
