"""What the shell offers for the next word, beyond the commands and options themselves.

It is called at every press of Tab: it is quick (no NumPy), says nothing, and offers nothing
where something is wrong. Shells evaluate what they are offered, and a label may come from
anybody who commands the device by MQTT: nothing is offered that a shell would obey.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from harpi.cli.options import load_settings
from harpi.errors import HarpiError

if TYPE_CHECKING:
    from harpi.config.schema import Config


_AT_THE_FIRST_TAB: Final = """
if [ "$funcstack[1]" = "_%(prog_name)s" ]; then
  %(complete_func)s "$@"
fi
"""
"""zsh loads a function of this name when Tab is pressed first, and takes it for what completes;
the script that typer makes would only tell which other function that is, for the second Tab."""

_OBEYED: Final = re.compile(r"[^\w .,:+/-]")
"""Anything that a shell might take for more than a letter."""


def mend_zsh() -> None:
    """Let the script that typer makes for zsh complete at the first Tab, too."""
    from typer import _completion_shared

    scripts = _completion_shared._completion_scripts
    if "funcstack" not in scripts["zsh"]:
        scripts["zsh"] += _AT_THE_FIRST_TAB


def labels(context: typer.Context, incomplete: str) -> list[str]:
    """Offer the labels that the running daemon knows, else those of the configuration."""
    try:
        config = _config(context)
        known = [label for label in _known(config) if not _OBEYED.search(label)]
        return [_as_typed(label) for label in known if label.startswith(incomplete)]
    except HarpiError:
        return []


def takes(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Offer the numbers of takes, the newest first, each with what it is of."""
    try:
        return [
            (number, _OBEYED.sub("?", about))
            for number, about in _takes(_config(context))
            if number.startswith(incomplete)
        ]
    except HarpiError:
        return []


def _as_typed(label: str) -> str:
    """Give a label as it has to stand on the line; the other shells see to that themselves."""
    in_bash = os.environ.get("_HARPI_COMPLETE") == "complete_bash"
    return label.replace(" ", "\\ ") if in_bash else label


def _config(context: typer.Context) -> Config:
    given = context.params
    file = given.get("config")  # as typed: nothing converts it before completion
    return load_settings(Path(file) if file else None, given.get("assignments")).config


def _known(config: Config) -> list[str]:
    from harpi.commands import Status
    from harpi.controls.client import Client

    try:
        with Client(config.paths.runtime_folder) as client:
            return [count.label for count in client.ask(Status()).situation.labels]
    except HarpiError:
        return list(config.learning.labels)


def _takes(config: Config) -> Iterator[tuple[str, str]]:
    # The database without the store above it, which would import NumPy.
    from contextlib import closing

    from harpi.store.database import FILE_NAME, Database

    path = config.paths.state_folder / FILE_NAME
    with closing(Database(path, read_only=True)) as database:
        rows = database.rows(
            "SELECT id, label, start, deleted FROM take WHERE state = 'kept' ORDER BY id DESC"
        )
    for number, label, start, deleted in rows:
        gone = ", deleted" if deleted else ""
        yield str(number), f"{label}, {start[:16].replace('T', ' ')}{gone}"
