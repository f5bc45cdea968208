"""The commands of harpi as a tree: walked by the tests, and by the writer of their page."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import typer

from harpi.cli import application

EXAMPLE = re.compile(r"^Example: (harpi .+?)$", re.MULTILINE)


@dataclass(frozen=True)
class Node:
    """A command or a group.

    Attributes:
        words: how it is called, beginning with `harpi`.
        context: what its help is made from, of typer.
    """

    words: tuple[str, ...]
    context: Any

    @property
    def command(self) -> Any:
        return self.context.command

    @property
    def text(self) -> str:
        """What its help says of it."""
        return (self.command.help or "").strip()

    @property
    def does_something(self) -> bool:
        """Whether it is more than the name of a group."""
        return not self.subcommands or self.command.invoke_without_command

    @property
    def subcommands(self) -> dict[str, Any]:
        return getattr(self.command, "commands", {})

    @property
    def examples(self) -> list[list[str]]:
        """The words after `harpi` of each example in its help, up to what the shell takes."""
        return [
            shlex.split(line.split(">")[0].split("|")[0])[1:]
            for line in EXAMPLE.findall(self.text)
        ]


def root() -> Node:
    command: Any = typer.main.get_command(application())
    return Node(("harpi",), command.context_class(command, info_name="harpi"))


def walk(node: Node | None = None) -> Iterator[Node]:
    """Give every command and group but `harpi` itself, in the order of the help."""
    node = root() if node is None else node
    for name, command in node.subcommands.items():
        if not command.hidden:
            context = command.context_class(command, info_name=name, parent=node.context)
            below = Node((*node.words, name), context)
            yield below
            yield from walk(below)


def parse(words: list[str]) -> tuple[str, ...]:
    """Read a command line without doing it; give the words of the command that it calls.

    Raises:
        Exception: of typer, where it would be refused.
    """
    node = root()
    while True:
        context = node.command.make_context(
            node.words[-1], list(words), parent=node.context.parent
        )
        rest = [*getattr(context, "_protected_args", []), *context.args]
        if not rest or not node.subcommands:
            return node.words
        name, command, words = node.command.resolve_command(context, rest)
        node = Node((*node.words, name), command.context_class(command, parent=context))
