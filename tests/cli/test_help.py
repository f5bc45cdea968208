"""Help that teaches: every command says what it does, and shows how in an example."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from tests.support.command_tree import Node, parse, root, walk

NODES = list(walk())
COMMANDS = [node for node in NODES if node.does_something]


def is_group(node: Node) -> bool:
    return hasattr(node.command, "commands")


def name(node: Node) -> str:
    return " ".join(node.words)


@pytest.mark.parametrize("node", NODES, ids=name)
def test_it_says_in_a_sentence_what_it_does(node: Node) -> None:
    first = node.text.split("\n\n")[0]
    assert len(first) > 10
    assert first.endswith((".", ":"))


@pytest.mark.parametrize("node", [root(), *filter(is_group, NODES)], ids=name)
def test_a_list_of_commands_cuts_no_sentence_at_80_columns(node: Node) -> None:
    shown = CliRunner().invoke(node.command, ["--help"], env={"COLUMNS": "80"}).output
    assert "Usage:" in shown
    assert [line for line in shown.splitlines() if line.endswith("...")] == [
        line for line in shown.splitlines() if line.endswith("[ARGS]...")
    ]


@pytest.mark.parametrize("node", COMMANDS, ids=name)
def test_it_has_an_example_that_is_a_call_of_it(node: Node) -> None:
    assert node.examples, "add a paragraph `Example: harpi ...` to the docstring"
    for words in node.examples:
        assert parse(words) == node.words


@pytest.mark.parametrize("node", NODES, ids=name)
def test_every_option_and_argument_says_what_it_is_for(node: Node) -> None:
    for parameter in node.command.params:
        assert parameter.help, parameter.name


def test_what_is_no_command_line_is_not_parsed() -> None:
    with pytest.raises(Exception, match="nonsense"):
        parse(["takes", "list", "--nonsense"])
