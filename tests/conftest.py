"""What all tests share: nothing is skipped in silence.

A test that needs something this machine lacks is left out by name in the summary, with
how to get it. Where `CI` is set, that is an error instead.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# No test asserts a time, not even that of one example.
settings.register_profile("harpi", deadline=None)
settings.load_profile("harpi")

OLDEST_PIP = Path(sys.prefix) / "oldest-pip"

NEEDS = {
    "broker": (
        lambda: shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto"),
        "the mosquitto broker: sudo apt install mosquitto",
    ),
    "browser": (lambda: shutil.which("chromium"), "Chromium: sudo apt install chromium"),
    "shells": (
        lambda: shutil.which("zsh") and shutil.which("fish"),
        "the shells zsh and fish: sudo apt install zsh fish",
    ),
    "compiler": (lambda: shutil.which("cc"), "a C compiler: sudo apt install gcc libc6-dev"),
    "oldest_pip": (OLDEST_PIP.is_dir, "the oldest pip, which make test sets up"),
    "pythons": (lambda: False, "each Python from 3.11 to 3.13, with venv"),
    "models": (
        lambda: importlib.util.find_spec("tensorflow"),
        "TensorFlow: make test-models",
    ),
    "export": (
        lambda: importlib.util.find_spec("onnxruntime"),
        "ONNX Runtime and nncase: make test-export",
    ),
    "rig": (
        lambda: os.environ.get("HARPI_RIGS"),
        "minutes, a kernel and ARM of their own: make rigs",
    ),
    "homeassistant": (
        lambda: os.environ.get("HARPI_HOMEASSISTANT"),
        "Home Assistant: make test-homeassistant",
    ),
}
ELSEWHERE = {"models", "export", "rig", "homeassistant", "pythons"}
"""Markers of what CI does not ask of `make test`: most have a make target of their own."""


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Take back what a command that ran in this process did to the logging."""
    logger = logging.getLogger("harpi")
    before = logger.handlers[:], logger.level, logger.propagate
    yield
    logger.handlers[:], logger.level, logger.propagate = before
    logging.disable(logging.NOTSET)


_left_out = pytest.StashKey[dict[str, int]]()


class SideBySide:
    """What one process left out, told to the one that prints; all leave out the same."""

    def pytest_testnodedown(self, node: Any) -> None:
        node.config.stash[_left_out] = node.workeroutput.get("left_out", {})


def pytest_configure(config: pytest.Config) -> None:
    if config.pluginmanager.hasplugin("xdist") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(SideBySide())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out: dict[str, int] = {}
    kept = []
    for item in items:
        lacking = [
            m for m, (there, _) in NEEDS.items() if item.get_closest_marker(m) and not there()
        ]
        if not lacking:
            kept.append(item)
        for marker in lacking[:1]:
            left_out[marker] = left_out.get(marker, 0) + 1
    config.stash[_left_out] = left_out
    if (output := getattr(config, "workeroutput", None)) is not None:
        output["left_out"] = left_out
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept
    if _fatal(left_out):
        items[:] = []  # which pytest does not take for a success


def _fatal(left_out: dict[str, int]) -> list[str]:
    if not os.environ.get("CI"):
        return []
    return [NEEDS[marker][1] for marker in left_out if marker not in ELSEWHERE]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    left_out = config.stash.get(_left_out, {})
    for marker, count in left_out.items():
        terminalreporter.write_line(
            f"NOT RUN: {count} tests need {NEEDS[marker][1]}", yellow=True, bold=True
        )
    if fatal := _fatal(left_out):
        terminalreporter.write_line(
            f"In CI every test must run; this machine lacks {', '.join(fatal)}.", red=True
        )
