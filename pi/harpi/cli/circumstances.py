"""What the report of an evaluation says besides figures: when, with what, how configured."""

from __future__ import annotations

import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import msgspec

from harpi import __version__
from harpi.cli.examining import Choice, Examination
from harpi.config.schema import Config
from harpi.evaluation.judging import Judgements
from harpi.evaluation.measuring import Circumstances
from harpi.evaluation.words import counted

_PACKAGES: Final = ("numpy", "ai-edge-litert", "tflite-runtime")
_SECTIONS: Final = ("signal", "models", "knn", "learning")
"""Sections of the configuration that have a say in the figures."""
_NAMED: Final = 3


def circumstances(
    config: Config, choice: Choice, examined: Examination, judged: Judgements
) -> Circumstances:
    """Gather what the report says besides figures."""
    return Circumstances(
        time=datetime.now(UTC),
        harpi=__version__,
        software=_software(),
        origin=examined.origin,
        conditions=_conditions(choice),
        configuration={name: msgspec.to_builtins(getattr(config, name)) for name in _SECTIONS},
        models=examined.models,
        notices=(*examined.notices, *_too_short(judged)),
    )


def _software() -> dict[str, str]:
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _conditions(choice: Choice) -> dict[str, Any]:
    """Give what was asked for, in what JSON has."""
    asked = {
        name: value for name, value in asdict(choice).items() if value not in (None, (), {})
    }
    if choice.recordings:
        asked["recordings"] = [str(path) for path in choice.recordings]
    if choice.since is not None:
        asked["since"] = choice.since.isoformat()
    return asked


def _too_short(judged: Judgements) -> list[str]:
    if not judged.too_short:
        return []
    names = ", ".join(trial.name for trial in judged.too_short[:_NAMED])
    more = len(judged.too_short) - _NAMED
    return [
        f"Left out, because too short for one window: {names}"
        + (f" and {counted(more, 'other')}." if more > 0 else ".")
    ]
