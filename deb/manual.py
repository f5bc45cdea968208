"""The manual page harpi(1), written from the commands themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer

from harpi.cli import EXIT_CODES, application


def manual(version: str, day: str) -> str:
    """Write the page.

    Args:
        version: of harpi.
        day: of the release, ISO 8601.
    """
    command: Any = typer.main.get_command(application())
    lines = [
        f'.TH HARPI 1 "{day}" "harpi {version}" "User Commands"',
        ".SH NAME",
        "harpi \\- recognise activities from an MPU\\-6050, and learn them on the device",
        ".SH SYNOPSIS",
        ".B harpi",
        "COMMAND [OPTIONS]",
        ".SH COMMANDS",
    ]
    for words, text in _commands(command, "harpi"):
        lines += [".TP", f".B {_escaped(words)}", _escaped(text)]
    lines += [".PP", "Each command tells its options with \\-\\-help."]
    lines += [".SH EXIT STATUS"]
    for code, meaning in EXIT_CODES.items():
        lines += [".TP", f".B {code}", _escaped(meaning)]
    lines += [
        ".SH FILES",
        ".TP",
        ".I /etc/harpi/harpi.toml",
        "settings; /etc/harpi/harpi.d/*.toml are read after it",
        ".TP",
        ".I /var/lib/harpi",
        "takes, heads and what was learnt",
    ]
    return "\n".join(lines) + "\n"


def _commands(command: Any, name: str) -> Iterator[tuple[str, str]]:
    """Give every command with the first sentence of its help."""
    for word, below in getattr(command, "commands", {}).items():
        if not below.hidden:
            text = " ".join((below.help or "").split("\n\n")[0].split())
            yield f"{name} {word}", text
            yield from _commands(below, f"{name} {word}")


def _escaped(text: str) -> str:
    """Keep roff from taking signs of a text for its own."""
    return re.sub(r"^([.'])", r"\\&\1", text.replace("\\", "\\e").replace("-", "\\-"))
