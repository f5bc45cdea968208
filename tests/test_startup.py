"""What a release of a library adds to start and memory is noticed here, not on a Pi."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from tests.support.startup import Startup, startups

BASELINE: Final = {
    name: Startup(**taken)
    for name, taken in json.loads(Path(__file__).with_name("startup.json").read_text()).items()
}
ROOM: Final = 1.25
"""Times the baseline that modules and memory may grow to; systems and Pythons differ."""


def told(before: Startup, now: Startup) -> list[str]:
    """Say in words what takes more than the baseline and its room."""
    more = [
        f"{name} is imported, which it was not: {count} modules"
        for name, count in now.modules.items()
        if name not in before.modules
    ]
    more += [
        f"{name}: {count} modules, {before.modules[name]} before"
        for name, count in now.modules.items()
        if count > before.modules.get(name, count) * ROOM + 2
    ]
    if now.mib > before.mib * ROOM:
        more.append(f"{now.mib} MiB above a bare Python, {before.mib} before")
    return more


def test_start_and_memory_are_those_of_the_baseline(capsys: pytest.CaptureFixture[str]) -> None:
    measured = startups()
    assert measured.keys() == BASELINE.keys()
    with capsys.disabled():
        for name, now in measured.items():
            modules = ", ".join(f"{count} of {of}" for of, count in now.modules.items())
            print(f"\n{name}: {now.mib} MiB ({BASELINE[name].mib} before); modules: {modules}")
    for name, now in measured.items():
        assert told(BASELINE[name], now) == [], (
            f"{name}; if it is worth that: python -m tests.support.startup > tests/startup.json"
        )


def test_a_release_that_brings_another_library_is_told() -> None:
    """typer 0.29 did: pydantic, and with it 14 MiB."""
    before = Startup({"python": 170, "typer": 25}, 11.5)
    now = Startup({"python": 180, "typer": 40, "pydantic": 42}, 25.0)
    assert told(before, now) == [
        "pydantic is imported, which it was not: 42 modules",
        "typer: 40 modules, 25 before",
        "25.0 MiB above a bare Python, 11.5 before",
    ]
    assert told(before, before) == []
