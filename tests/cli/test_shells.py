"""Completion as `harpi --install-completion` leaves it, in real shells, typed into."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.broker import wait_until
from tests.support.command import environment, harpi

pytestmark = pytest.mark.shells

LABELS = '["sitting down", "standing", "s`touch owned`", "s$(touch owned)", "s\'; touch owned"]'
TAB, WIPE_LINE = "\t", "\x15"
SHELLS = ("bash", "zsh", "fish")

Environment = dict[str, str]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    binary = tmp_path / "bin" / "harpi"
    binary.parent.mkdir()
    binary.write_text(f"#!{sys.executable}\nfrom harpi.cli import main\nmain()\n")
    binary.chmod(0o755)
    return tmp_path


@pytest.fixture
def surroundings(home: Path) -> Environment:
    """What a shell of somebody who has just installed the completion runs in."""
    env = environment(
        HOME=str(home),
        TERM="dumb",
        HARPI_LEARNING__LABELS=LABELS,
        HARPI_PATHS__RUNTIME=str(home / "run"),
    )
    env["PATH"] = f"{home / 'bin'}:{env['PATH']}"
    return env


def install(shell: str, home: Path) -> None:
    done = harpi(
        "--install-completion",
        shell,
        HOME=str(home),
        _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1",
    )
    assert done.returncode == 0, done.stderr


class Shell:
    """An interactive shell on a pseudo-terminal."""

    def __init__(self, name: str, env: Environment) -> None:
        self._primary, secondary = pty.openpty()
        fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack("4H", 40, 120, 0, 0))
        self._process = subprocess.Popen(
            [name, "-i"],
            env=env,
            cwd=env["HOME"],
            stdin=secondary,
            stdout=secondary,
            stderr=secondary,
            start_new_session=True,
        )
        os.close(secondary)
        self._written = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def shown(self) -> str:
        """What it has shown, without movements of the cursor."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[\x07\r\b]", "", self._written)

    def types(self, keys: str) -> None:
        os.write(self._primary, keys.encode())

    def close(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)
        self._reader.join(10)
        os.close(self._primary)

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the shell has ended
            while piece := os.read(self._primary, 65536):
                self._written += piece.decode(errors="replace")


@contextmanager
def typing(name: str, env: Environment) -> Iterator[Shell]:
    shell = Shell(name, env)
    try:
        shell.types("echo rea''dy\n")
        wait_until(lambda: "ready" in shell.shown.replace("rea''dy", ""), "the shell is ready")
        yield shell
    finally:
        shell.close()


@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_a_word_is_completed_where_it_is_typed(
    home: Path, surroundings: Environment, name: str
) -> None:
    install(name, home)
    with typing(name, surroundings) as shell:
        for typed, becomes in (
            ("harpi ta", "harpi takes "),  # at the first Tab in this shell
            ("harpi takes list --po", "harpi takes list --position "),
            ("harpi record st", "harpi record standing "),
            ("harpi record si", "harpi record sitting\\ down "),
        ):
            shell.types(f"{WIPE_LINE}{typed}{TAB}")
            wait_until(lambda becomes=becomes: becomes in shell.shown, f"{typed} is completed")


def offered_by_fish(line: str, env: Environment) -> list[str]:
    done = subprocess.run(
        ["fish", "-c", f"complete -C '{line}'"],
        env=env,
        cwd=env["HOME"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    return [line.partition("\t")[0] for line in done.stdout.splitlines()]


def test_fish_offers_commands_options_and_labels(home: Path, surroundings: Environment) -> None:
    install("fish", home)
    assert offered_by_fish("harpi ta", surroundings) == ["takes"]
    assert offered_by_fish("harpi takes list --po", surroundings) == ["--position"]
    assert offered_by_fish("harpi record s", surroundings) == ["sitting down", "standing"]


@pytest.mark.parametrize("name", SHELLS)
def test_a_label_commands_no_shell(home: Path, surroundings: Environment, name: str) -> None:
    install(name, home)
    if name == "fish":
        offered_by_fish("harpi record s", surroundings)
    else:
        with typing(name, surroundings) as shell:
            shell.types(f"harpi record s{TAB}{TAB}")
            wait_until(lambda: "sitting" in shell.shown, "labels are offered")
    assert not (home / "owned").exists()
