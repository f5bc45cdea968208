"""Write the page of all commands, from the commands: `python -m tests.docs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.command_tree import Node, walk

PAGE = Path(__file__).resolve().parent.parent / "docs" / "commands.md"

SHARED = {"config", "assignments"}
"""Options that are described once for all commands."""

COMMANDS_HEAD = """\
# Every command

Made from the code by `python -m tests.docs`; `harpi COMMAND --help` says the same.

Most commands read the configuration and have these two options:

{shared}

The command is `harpi` where harpi is installed, as on a Pi. After `make demo` it is
`.venv/bin/harpi`, from the folder of this project, or `harpi` after
`source .venv/bin/activate`.

`harpi --install-completion` makes the shell complete commands, options, labels and the numbers
of takes. Text has colours on a terminal only, and none where `NO_COLOR` is set. The exit
codes are listed in [When something is wrong](troubleshooting.md#exit-codes).

| command | |
|---|---|
{contents}
"""


def commands_page() -> str:
    """Describe every command."""
    nodes = list(walk())
    contents = "\n".join(f"| [`{_name(n)}`](#{_anchor(n)}) | {_summary(n)} |" for n in nodes)
    record = next(node for node in nodes if node.words[-1] == "record")
    shared = "\n".join(
        _item(record, parameter)
        for parameter in record.command.params
        if parameter.name in SHARED
    )
    parts = [COMMANDS_HEAD.format(shared=shared, contents=contents)]
    parts += [_section(node) for node in nodes]
    return "\n".join(parts).rstrip() + "\n"


def _section(node: Node) -> str:
    usage = node.command.get_usage(node.context).removeprefix("Usage: ")
    # typer breaks a long usage into lines
    lines = [f"## {_name(node)}", "", f"    {' '.join(usage.split())}", ""]
    for paragraph in node.text.split("\n\n"):
        text = " ".join(paragraph.split())
        example = text.removeprefix("Example: ")
        lines += [f"Example: `{example}`" if example != text else text, ""]
    parameters = [_item(node, p) for p in node.command.params if _is_shown(p)]
    if node.subcommands:
        names = ", ".join(f"`{name}`" for name in node.subcommands)
        lines += [f"Under it: {names}.", ""]
    if parameters:
        lines += [*parameters, ""]
    return "\n".join(lines)


def _is_shown(parameter: Any) -> bool:
    return parameter.name not in SHARED and not getattr(parameter, "hidden", False)


def _item(node: Node, parameter: Any) -> str:
    """Describe an option or an argument as its help does."""
    name, text = parameter.get_help_record(node.context)
    return f"- `{name}`: {' '.join(text.split())}".rstrip(": ")


def _name(node: Node) -> str:
    return " ".join(node.words)


def _anchor(node: Node) -> str:
    return "-".join(node.words)


def _summary(node: Node) -> str:
    return " ".join(node.text.split("\n\n")[0].split())


if __name__ == "__main__":
    PAGE.write_text(commands_page(), encoding="utf-8")
