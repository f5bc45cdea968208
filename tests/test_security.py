"""The page on security says what holds; each line names a test, and that test is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and "::" in line
]
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", PAGE)))


def test_every_line_names_the_test_that_holds_it() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("|")]
    assert len(ROWS) == len(lines) - 2, "heading and rule"
    assert len(ROWS) > 20
    for row in ROWS:
        assert len(row) == 4, row
        assert re.fullmatch(r"(`tests/[\w/]+\.py::test_\w+`(, )?)+", row[3]), row


@pytest.mark.parametrize(("file", "name"), NAMED, ids=lambda part: Path(part).stem)
def test_the_test_is_there(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_what_nothing_holds_is_said() -> None:
    open_lines = [row for row in ROWS if "*no protection*" in row[2]]
    assert len(open_lines) == 3
