"""The command line as a whole: help, exit codes, errors in one line."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer

from harpi import __version__, cli, errors
from harpi.cli import EXIT_CODES, GROUPS, main
from tests.support.command import HARPI, environment, harpi

HEAVY = ("numpy", "msgspec", "paho", "ai_edge_litert", "rich", "safetensors", "smbus2")


def test_help_names_every_command_and_the_exit_codes() -> None:
    done = harpi("--help")
    assert done.returncode == 0
    for command in ("run", "watch", "config", "schema"):
        assert f"  {command} " in done.stdout
    for code, meaning in EXIT_CODES.items():
        assert f"{code}  {meaning}" in done.stdout


def test_the_command_line_is_built_without_anything_heavy() -> None:
    code = (
        "import sys; from harpi.cli import application; import typer;"
        "typer.main.get_command(application());"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_every_error_has_its_exit_code_in_the_table() -> None:
    def leaves(kind: type[errors.HarpiError]) -> set[int]:
        return {kind.exit_code}.union(*(leaves(leaf) for leaf in kind.__subclasses__()))

    assert leaves(errors.HarpiError) <= set(EXIT_CODES)


def test_version() -> None:
    done = harpi("--version")
    assert (done.returncode, done.stdout) == (0, f"harpi {__version__}\n")


@pytest.mark.parametrize("words", [["nonsense"], ["run", "--nonsense"], ["config", "nonsense"]])
def test_words_that_mean_nothing_are_refused(words: list[str]) -> None:
    done = harpi(*words)
    assert done.returncode == 2
    assert "nonsense" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_command_help_is_shown() -> None:
    assert "Commands:" in harpi().stdout + harpi().stderr


def test_shell_completion_is_to_be_had() -> None:
    done = harpi("", _HARPI_COMPLETE="complete_bash", COMP_WORDS="harpi wa", COMP_CWORD="1")
    assert done.stdout.split() == ["watch"]


class Failing:
    """A group whose one command ends as a test wants it."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def register(self, app: typer.Typer) -> None:
        @app.command()
        def fail() -> None:
            raise self.error

        @app.command()
        def other() -> None: ...


@contextmanager
def only_group(group: Failing) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "GROUPS", ("fail",))
        patch.setattr(cli, "import_module", lambda _name: group)
        yield


def run_failing(error: BaseException, *words: str) -> int:
    """Give the exit code of `harpi fail` where it raises an error."""
    with only_group(Failing(error)), pytest.raises(SystemExit) as caught:
        main([*words, "fail"])
    code = caught.value.code
    assert isinstance(code, int)
    return code


def test_an_error_of_harpi_is_one_line_and_its_exit_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = errors.BusNotFound("there is no bus", where="/dev/i2c-1", remedy="Enable I2C")
    assert run_failing(error) == 3
    assert capsys.readouterr().err == "harpi: /dev/i2c-1: there is no bus. Enable I2C.\n"


def test_an_unexpected_error_is_one_line_and_tells_how_to_see_more(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_failing(RuntimeError("oh")) == 1
    assert capsys.readouterr().err == (
        "harpi: unexpected RuntimeError: oh. `harpi --traceback ...` shows where.\n"
    )


def test_the_traceback_is_shown_when_asked_for() -> None:
    with only_group(Failing(RuntimeError("oh"))), pytest.raises(RuntimeError, match="oh"):
        main(["--traceback", "fail"])


def test_ctrl_c_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_failing(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == ""


def test_a_reader_that_leaves_is_no_error() -> None:
    code = f"{HARPI[2]}"
    with subprocess.Popen(
        [sys.executable, "-c", code, "config", "defaults"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""


def test_groups_are_named_once() -> None:
    assert len(set(GROUPS)) == len(GROUPS)


@pytest.mark.parametrize("moment", ["imported", "begun"])
def test_ctrl_c_ends_it_without_a_trace(moment: str, tmp_path: Path) -> None:
    begin = "" if moment == "imported" else "harpi.cli.application = interrupt; "
    script = (
        "import os, signal, sys; "
        "interrupt = lambda: os.kill(os.getpid(), signal.SIGINT); "
        "import harpi.__main__ as command, harpi.cli; "
        f"{begin}sys.argv = ['harpi', 'status']; "
        f"{'interrupt()' if not begin else 'command.main()'}"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == -signal.SIGINT
    assert done.stderr == ""
