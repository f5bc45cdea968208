"""What the rigs need of Debian is installed, or asked for in one sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from deb.targets import BuildError

from tests.labs.rigs import packages
from tests.labs.rigs.cache import RigError


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder that is all of PATH, on a machine that lacks the compiler."""
    monkeypatch.setattr(packages, "PACKAGES", {"/no/cc": "gcc", str(tmp_path): "there"})
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def apt_get(tools: Path, script: str) -> None:
    program = tools / "apt-get"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_no_compiler_and_no_root(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt_get(tools, "exit 1")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(RigError) as caught:
        packages.install()
    assert (
        str(caught.value) == "packages are missing and this is not root: sudo apt install gcc."
    )


def test_no_debian(tools: Path) -> None:
    with pytest.raises(
        RigError, match="there is no apt-get here, and the rigs need of Debian: gcc"
    ):
        packages.install()


def test_no_network(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    apt_get(tools, "echo 'Temporary failure resolving' >&2; exit 100")
    with pytest.raises(BuildError) as caught:
        packages.install()
    assert str(caught.value).splitlines() == [
        "apt-get installs gcc: it failed with exit code 100.",
        "  | Temporary failure resolving",
    ]


def test_root_gets_what_is_missing_and_nothing_else(
    tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    apt_get(tools, f'echo "$@" >> {tools}/asked')
    packages.install()
    update, install = (tools / "asked").read_text().splitlines()
    assert update.startswith("update")
    assert install.split()[-1] == "gcc"
    assert "there" not in install
