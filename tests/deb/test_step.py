"""A step ends, and says why it failed."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from deb.step import TAIL, step
from deb.targets import BuildError

from tests.support.broker import wait_until


def test_what_it_prints_is_given() -> None:
    assert (
        step("it speaks", [sys.executable, "-c", "print('spoken')"], seconds=60) == "spoken\n"
    )


def test_a_failure_is_told_with_the_last_lines() -> None:
    code = "import sys; [print(i, file=sys.stderr) for i in range(100)]; sys.exit(7)"
    with pytest.raises(BuildError) as caught:
        step("it counts", [sys.executable, "-c", code], seconds=60)
    first, *rest = str(caught.value).splitlines()
    assert first == "it counts: it failed with exit code 7."
    assert rest == [f"  | {i}" for i in range(100 - TAIL, 100)]


def test_a_missing_compiler_is_one_sentence() -> None:
    with pytest.raises(BuildError) as caught:
        step("the kernel is built", ["no-such-cc", "--version"], seconds=60)
    assert (
        str(caught.value)
        == "the kernel is built: no-such-cc cannot be started: No such file or directory."
    )


def test_a_hang_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    command = ["sh", "-c", f"echo begun; sleep 600 & echo $! > {noted}; wait"]
    with pytest.raises(
        BuildError, match=r"^it waits: it did not end within 1 s\.\n  \| begun$"
    ):
        step("it waits", command, seconds=1)
    wait_until(lambda: not _alive(int(noted.read_text())), "the child is gone")


def _alive(process: int) -> bool:
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False
    return not re.search(r"^State:\s+Z", status, re.MULTILINE)
