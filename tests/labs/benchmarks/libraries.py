"""Libraries that a benchmark compares harpi with, where they are installed."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

REMEDY = "`make bench` installs it"


def installed(name: str) -> bool:
    """Whether a module can be imported; it is not imported for that."""
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def why_not(name: str) -> str:
    """The reason that a table gives for what was not run."""
    return f"{name} is not installed ({REMEDY})"


def load(name: str) -> ModuleType | None:
    """Import a module; None where it is not installed."""
    return importlib.import_module(name) if installed(name) else None
