"""The map in docs/architecture.md is that of the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HOUSE = ROOT / "pi" / "harpi"
MAP = (ROOT / "docs" / "architecture.md").read_text("utf-8")

LONGEST = 700
"""Lines of a module: above it, something in it belongs elsewhere."""


def layers() -> list[set[str]]:
    """The floors that import-linter checks, the highest first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contract = settings["tool"]["importlinter"]["contracts"][0]
    return [
        {name.strip().removeprefix("harpi.") for name in layer.split("|")}
        for layer in contract["layers"]
    ]


def floors(page: str) -> list[set[str]]:
    """The floors as a page draws them: `a → b, c → d`, over several lines."""
    drawn = re.search(r"\n    (cli → .*?)\n\n", page, re.DOTALL)
    assert drawn is not None
    return [{name.strip() for name in floor.split(",")} for floor in drawn[1].split("→")]


def rooms() -> set[str]:
    return {
        init.parent.relative_to(HOUSE).as_posix() for init in HOUSE.rglob("__init__.py")
    } - {"."}


@pytest.mark.parametrize("name", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_a_page_draws_the_floors_that_are_checked(name: str) -> None:
    assert floors((ROOT / name).read_text("utf-8")) == layers()


def test_every_room_stands_on_a_floor() -> None:
    on_floors = set().union(*layers())
    alone = {file.stem for file in HOUSE.glob("*.py")} - {"__init__", "__main__"}
    assert on_floors <= rooms() | alone
    assert {room for room in rooms() if "/" not in room} | alone <= on_floors


def test_every_room_is_named_on_the_map() -> None:
    named = set(re.findall(r"^\| `harpi/([\w/]+)` \|", MAP, re.MULTILINE))
    assert named == rooms()


def test_every_module_that_the_map_names_is_there() -> None:
    named = set(re.findall(r"`((?:\w+/)+\w+\.py)`", MAP))
    assert named
    places = [HOUSE, ROOT, HOUSE.parent]
    assert {name for name in named if not any((p / name).is_file() for p in places)} == set()


def test_a_module_is_small_enough_to_hold_in_the_head() -> None:
    lines = {
        file.relative_to(HOUSE).as_posix(): file.read_text("utf-8").count("\n")
        for file in HOUSE.rglob("*.py")
    }
    assert {name: count for name, count in lines.items() if count > LONGEST} == {}
