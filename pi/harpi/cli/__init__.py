"""The command `harpi`: one file here per group of commands.

How to add a group: write `cli/<name>.py` with a function `register(app)` that adds its
commands, and name the file in `GROUPS`; their order is that of `harpi --help`. Such a file
imports at its top only typer, the standard library, `harpi.errors` and `cli.options`;
everything else is imported inside the function of the command, so that `harpi --help` and
shell completion stay quick on a small Pi (a test holds this).

A command ends with a return, or by raising a `HarpiError`, which becomes one line on
standard error and the exit code that stands in its class.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Final

import typer

from harpi import __version__
from harpi.cli.completion import mend_zsh
from harpi.cli.terminal import INTERRUPTED, clean
from harpi.errors import HarpiError

GROUPS: Final = (
    "demo",
    "run",
    "start",
    "session",
    "status",
    "watch",
    "fleet",
    "day",
    "takes",
    "transfer",
    "backup",
    "heads",
    "evaluate",
    "replay",
    "doctor",
    "calibrate",
    "setup",
    "config",
)

EXIT_CODES: Final = {
    0: "done; a daemon that was asked to end",
    1: "something unexpected",
    2: "arguments or configuration that cannot be used",
    3: "sensor or I2C bus",
    4: "recording",
    5: "model, reference or head file",
    6: "store of takes, or diary",
    7: "MQTT broker (only commands that cannot go on without it)",
    8: "buttons, LEDs, control socket, or no daemon running",
    9: "command refused in the present state",
    10: "setting up this machine",
    11: "the doctor found something that does not work",
    12: "a part of the daemon failed again and again; systemd starts it again",
    130: "interrupted with Ctrl-C",
}
"""What the exit codes mean; `harpi --help` shows this table."""


def application() -> typer.Typer:
    """Build the command line with all its groups."""
    table = "\n".join(f"{code:>5}  {meaning}" for code, meaning in EXIT_CODES.items())
    app = typer.Typer(
        name="harpi",
        help="Recognise what a wearer does, and learn it on the device.",
        epilog=f"\b\nExit codes:\n{table}",  # \b keeps the lines apart
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_root)
    for group in GROUPS:
        import_module(f"harpi.cli.{group}").register(app)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit code.

    Args:
        arguments: what follows `harpi`; those of the process where not given.

    Raises:
        SystemExit: always, with one of `EXIT_CODES`.
    """
    # NumPy's BLAS would start a thread for each core; its threads spin while they wait for
    # each other, and beside other work a small matrix then takes 50 times as long.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    words = list(sys.argv[1:] if arguments is None else arguments)
    if any(word.endswith("-completion") for word in words):
        mend_zsh()
    try:
        run = application()
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # see harpi.__main__
            signal.signal(signal.SIGINT, signal.default_int_handler)
        run(words, prog_name="harpi")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except HarpiError as error:
        for line in str(error).splitlines():
            print(f"harpi: {clean(line)}", file=sys.stderr)
        sys.exit(error.exit_code)
    except Exception as error:
        if "--traceback" in words:
            raise
        name = type(error).__name__
        print(
            f"harpi: unexpected {name}: {error}. `harpi --traceback ...` shows where.",
            file=sys.stderr,
        )
        sys.exit(1)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"harpi {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Show the version."
        ),
    ] = False,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show the traceback of an unexpected error.")
    ] = False,
) -> None:
    """Recognise what a wearer does, and learn it on the device."""
