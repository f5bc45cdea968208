"""The command `harpi-models`: one file here for each command.

Help, and the refusal of options that contradict, come without TensorFlow: each command
imports it only after its options made sense.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

import typer

from harpi.errors import HarpiError

COMMANDS: Final = (
    "convert",
    "images",
    "export",
    "reference",
    "fetch",
    "train",
    "benchmark",
    "search",
    "study",
)


def application() -> typer.Typer:
    """Build the command line with all its commands."""
    app = typer.Typer(
        name="harpi-models",
        help="The workshop of harpi: convert, train and measure models on a workstation.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_root)
    for command in COMMANDS:
        import_module(f"harpi_models.cli.{command}").register(app)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit code.

    Args:
        arguments: what follows `harpi-models`; those of the process where not given.

    Raises:
        SystemExit: always.
    """
    try:
        application()(
            list(sys.argv[1:] if arguments is None else arguments), prog_name="harpi-models"
        )
    except HarpiError as error:
        for line in str(error).splitlines():
            print(f"harpi-models: {line}", file=sys.stderr)
        sys.exit(error.exit_code)


def _root() -> None:
    """The workshop of harpi: convert, train and measure models on a workstation."""
