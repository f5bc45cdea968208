"""What a shell offers when Tab is pressed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harpi.commands import LabelCount
from harpi.store.store import FILE_NAME, Store
from tests.support.command import environment, harpi
from tests.support.control_socket import served
from tests.support.fake_room import FakeRoom
from tests.support.takes import ROOMY, signal, take_of

Tab = Callable[[str], list[str]]

PRESS = """
source "$SCRIPT"
read -ra COMP_WORDS <<< "$LINE"
[[ $LINE == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
$(complete -p harpi | sed 's/.*-F \\([^ ]*\\).*/\\1/') harpi
printf '%s\\n' "${COMPREPLY[@]}"
"""
"""Calls the function that bash would call for the words of a line."""


@pytest.fixture
def tab(tmp_path: Path) -> Tab:
    """Press Tab in a real bash, after a line."""
    binary = tmp_path / "bin" / "harpi"
    binary.parent.mkdir()
    binary.write_text(f"#!{sys.executable}\nfrom harpi.cli import main\nmain()\n")
    binary.chmod(0o755)
    script = tmp_path / "completion.bash"
    shown = harpi("--show-completion", "bash", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    script.write_text(shown.stdout)

    def press(line: str) -> list[str]:
        env = environment(
            LINE=line,
            SCRIPT=str(script),
            HARPI_PATHS__STATE=str(tmp_path),
            HARPI_PATHS__RUNTIME=str(tmp_path),
        )
        env["PATH"] = f"{binary.parent}:{env['PATH']}"
        done = subprocess.run(
            ["bash", "-c", PRESS], env=env, capture_output=True, text=True, timeout=60
        )
        assert done.stderr == ""
        return done.stdout.split("\n")[:-1]

    return press


def test_commands(tab: Tab) -> None:
    assert tab("harpi ta") == ["takes"]
    assert {"list", "relabel", "undo"} <= set(tab("harpi takes "))


def test_options(tab: Tab) -> None:
    assert tab("harpi takes list --po") == ["--position"]


def test_labels_of_the_configuration_where_no_daemon_runs(tab: Tab) -> None:
    assert tab("harpi record ") == ["walking", "sitting", "standing", "running"]
    assert tab("harpi record st") == ["standing"]
    assert tab("harpi takes list --label wa") == ["walking"]


def test_labels_of_the_running_daemon(tab: Tab, tmp_path: Path) -> None:
    room = FakeRoom()
    room.become(labels=(LabelCount(label="rowing"), LabelCount(label="resting")))
    with served(room, tmp_path):
        assert tab("harpi record r") == ["rowing", "resting"]


def test_numbers_of_takes(tab: Tab, tmp_path: Path) -> None:
    assert tab("harpi takes show ") == [""]
    with Store(tmp_path / FILE_NAME, ROOMY) as store:
        session = store.new_session()
        for n in range(3):
            store.add(take_of(session=session), [signal(seed=n)])
    assert tab("harpi takes show ") == ["3", "2", "1"]
    assert tab("harpi takes delete 1 2") == ["2"]


def test_a_broken_configuration_offers_nothing_and_says_nothing(
    tab: Tab, tmp_path: Path
) -> None:
    (tmp_path / "harpi.toml").write_text("[sensor")
    assert tab(f"harpi record --config {tmp_path / 'harpi.toml'} ") == [""]
