"""Messages that the documentation quotes are those of the code, and so are their remedies.

A message is quoted in the first column of a table whose head says `What harpi says` or `What
you see`. `...` stands for what differs from case to case. Where such a table has a column
`What to do`, the code says the same beside the message.
"""

from __future__ import annotations

import ast
import functools
import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CODE = ROOT / "pi" / "harpi"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
QUOTING = ("What harpi says", "What you see")
REMEDY = "What to do"
NOTHING = "nothing"
SHORTEST = 7
"""Characters of a quotation at least: fewer are found anywhere."""

TOGETHER = (ast.Call, ast.Tuple, ast.Assign, ast.AnnAssign, ast.Yield, ast.Return, ast.List)
SHORT_FUNCTION = 30
"""Lines of a function whose texts stand together."""

Template = tuple[str, ...]
"""The constant parts of a message, in their order."""


def plain(text: str) -> str:
    """Take quotation marks and formatting away."""
    return " ".join(re.sub(r"[`*'\"]|\\(?=[|])", "", text).split())


def gather(node: ast.AST, found: list[list[Template]]) -> list[Template]:
    """Give the texts below a node, and note those that stand together; an f-string is one."""
    if isinstance(node, ast.JoinedStr):
        parts = [x.value if isinstance(x, ast.Constant) else "%s" for x in node.values]
        return [split("".join(map(str, parts)))]
    if isinstance(node, ast.Constant):
        return [split(node.value)] if isinstance(node.value, str) else []
    texts: list[Template] = []
    simple: list[Template] = []
    for child in ast.iter_child_nodes(node):
        below = gather(child, found)
        texts += below
        if isinstance(child, (ast.Assign, ast.Expr)):
            simple += below
    if isinstance(node, TOGETHER) or _is_short(node):
        found.append(texts)
    elif simple:
        found.append(simple)
    return texts


def split(text: str) -> Template:
    pieces = re.split(r"%[sdr]|%\.\d+f|%\(\w+\)s|\$\{[^}]*\}|\{[^}]*\}", text)
    return tuple(piece for piece in map(plain, pieces) if piece)


@functools.cache
def groups() -> list[list[Template]]:
    """Give the texts that the code has, and those together that stand together in it."""
    found: list[list[Template]] = []
    for path in CODE.rglob("*.py"):
        gather(ast.parse(path.read_text("utf-8")), found)
    for path in (CODE / "web" / "static").glob("*.js"):
        text = path.read_text("utf-8")
        literals = re.findall(r"\"((?:[^\"\\]|\\.)*)\"|`((?:[^`\\]|\\.)*)`", text)
        found.append([split(a or b) for a, b in literals])
    for path in (CODE / "web" / "static").glob("*.html"):
        text = html.unescape(re.sub(r"<[^>]+>", "\n", path.read_text("utf-8")))
        found.append([split(line) for line in text.splitlines()])
    return found


def _is_short(node: ast.AST) -> bool:
    if not isinstance(node, ast.FunctionDef):
        return False
    return (node.end_lineno or 0) - node.lineno <= SHORT_FUNCTION


def has(template: Template, quotation: str) -> bool:
    """Whether a text could be what is quoted."""
    pieces = [piece for piece in map(plain, quotation.split("...")) if piece]
    place = 0
    for piece in pieces:
        while place < len(template) and piece.lower() not in template[place].lower():
            place += 1
        if place == len(template):
            return False
    return bool(pieces)


def tables(page: Path) -> Iterator[list[list[str]]]:
    """Give the tables of a page, each row as its cells."""
    rows: list[list[str]] = []
    for line in [*page.read_text("utf-8").splitlines(), ""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif rows:
            yield rows
            rows = []


def quotations() -> Iterator[tuple[str, str, str | None]]:
    """Give each message that is quoted: the page, the message, and what to do."""
    for page in PAGES:
        for head, _, *rows in tables(page):
            if head[0] not in QUOTING:
                continue
            for row in rows:
                remedy = row[head.index(REMEDY)] if REMEDY in head else None
                for message in re.findall(r"`([^`]+)`|\*([^*]+)\*", row[0]):
                    yield page.name, "".join(message), remedy


def test_the_code_says_what_the_documentation_quotes() -> None:
    wrong = [
        f"{page}: {complaint}"
        for page, message, remedy in quotations()
        if (complaint := complaint_of(message, remedy))
    ]
    assert not wrong


def complaint_of(message: str, remedy: str | None) -> str:
    """Say what is wrong with a quotation; nothing where all is well."""
    if len(plain(message)) < SHORTEST:
        return f"too short to be looked for: {message}"
    saying = [group for group in groups() if any(has(one, message) for one in group)]
    if not saying:
        return f"no message of the code is: {message}"
    if remedy in (None, NOTHING) or any(has(t, remedy or "") for g in saying for t in g):
        return ""
    return f"where the code says {message!r}, it does not say: {remedy}"


def test_there_are_quotations() -> None:
    assert len({page for page, _, _ in quotations()}) >= 2


@pytest.mark.parametrize(
    ("quotation", "found"),
    [
        ("user ... may not use", True),
        ("may not use ... at all", False),
        ("`user` ... may NOT use", True),
        ("...", False),
    ],
)
def test_what_differs_is_left_open(quotation: str, found: bool) -> None:
    assert has(split("user %s may not use %s"), quotation) == found
