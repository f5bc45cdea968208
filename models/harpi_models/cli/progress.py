"""How far long work has come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

Show = Callable[[str, float], None]
"""Takes what is being done and the share, 0..1, that is done."""


@contextmanager
def progress_bar() -> Iterator[Show]:
    """A bar on standard error with the time that is left; lines where nobody looks."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        BarColumn(24),
        TextColumn("{task.percentage:3.0f} %"),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    if not console.is_terminal:
        yield lambda what, share: typer.echo(f"{share:4.0%} {what}", err=True)
        return
    # What goes to standard output meanwhile goes there, wherever that is.
    with Progress(*columns, console=console, redirect_stdout=False) as shown:
        task = shown.add_task("", total=1.0)
        yield lambda what, share: shown.update(task, description=what, completed=share)
