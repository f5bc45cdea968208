"""What the shell offers for the next word, beyond the commands and options themselves.

It is called at every press of Tab: it is quick (no NumPy), says nothing, and offers nothing
where something is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from harpi.cli.options import load_settings
from harpi.errors import HarpiError

if TYPE_CHECKING:
    from harpi.config.schema import Config


def labels(context: typer.Context, incomplete: str) -> list[str]:
    """Offer the labels that the running daemon knows, else those of the configuration."""
    try:
        config = _config(context)
        return [label for label in _known(config) if label.startswith(incomplete)]
    except HarpiError:
        return []


def takes(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Offer the numbers of takes, the newest first, each with what it is of."""
    try:
        return [
            (number, about)
            for number, about in _takes(_config(context))
            if number.startswith(incomplete)
        ]
    except HarpiError:
        return []


def _config(context: typer.Context) -> Config:
    given = context.params
    return load_settings(given.get("config"), given.get("assignments")).config


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

    from harpi.learning.database import FILE_NAME, Database

    path = config.paths.state_folder / FILE_NAME
    with closing(Database(path, read_only=True)) as database:
        rows = database.rows(
            "SELECT id, label, start, deleted FROM take WHERE state = 'kept' ORDER BY id DESC"
        )
    for number, label, start, deleted in rows:
        gone = ", deleted" if deleted else ""
        yield str(number), f"{label}, {start[:16].replace('T', ' ')}{gone}"
