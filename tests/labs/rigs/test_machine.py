"""A machine that does not do its work is switched off, and its console shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.labs.rigs import machine


def boot(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run something else than a kernel."""
    program = folder / "linux"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(machine, "kernel", lambda: program)
    monkeypatch.setattr(machine, "pins_library", lambda: folder)
    machine.run("nothing", folder, seconds=1)


def test_one_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="did not end within 1 s:\nsomething is said"):
        boot("echo something is said; sleep 600", tmp_path, monkeypatch)


def test_one_that_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="left no report:\nKernel panic"):
        boot("echo Kernel panic", tmp_path, monkeypatch)


def test_one_whose_work_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = tmp_path / "report.json"
    script = f"""echo on the console; echo '{{"failed": "in words"}}' > {report}"""
    with pytest.raises(AssertionError, match="in words\non the console"):
        boot(script, tmp_path, monkeypatch)
