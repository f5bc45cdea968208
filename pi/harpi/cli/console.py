"""What all that is drawn for people shares: the console, and text that comes from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console


def console_on(stream: TextIO) -> Console:
    """Give a console that suits a stream.

    It keeps to the width of the terminal (80 in a pipe, or `COLUMNS`), and has colours on a
    terminal only, none where `NO_COLOR` is set or `TERM` is `dumb`.
    """
    from rich.console import Console

    return Console(file=stream, highlight=False, markup=False, emoji=False)


def clean(text: str) -> str:
    """Give text without what a terminal would obey: it may come from anybody on a broker."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def since(seconds: float) -> str:
    """Tell a time span in its two largest units."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 1:
        return f"{minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if days else f"{hours} h {minutes} min"
