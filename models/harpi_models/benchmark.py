"""The base beside its rivals: same people to learn from, same strangers to answer for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harpi.recognition.model_file import ModelFile
from harpi_models.card import foreign_sets, table
from harpi_models.errors import DataRefused
from harpi_models.folds import PEOPLE_RUNS, SET_RUNS, Run
from harpi_models.judging import (
    embedder,
    figures_by_group,
    join,
    judge_generic,
    judge_sureness,
    outcomes,
    overall,
)
from harpi_models.pipeline import Data
from harpi_models.rivals import RIVALS, training_windows

Tell = Callable[[str], None]
BASE = "harpi's base"
TURNS = 2
"""Random turns of the strap; fewer than for the card, for the rivals are slow."""


def benchmark(data: Data, models: Path, *, tell: Tell = lambda line: None) -> dict[str, Any]:
    """Judge base and rivals on the people of every fold.

    Args:
        data: the sets.
        models: folder that `harpi-models train` wrote; its `runs/` holds the folds' bases.
        tell: told what was done.

    Returns:
        For every model the scores by condition, place and person.

    Raises:
        DataRefused: the folds' bases are not there.
    """
    parts: dict[str, list[dict[str, Any]]] = {}
    bases = [ModelFile.read(fold_file(models, run)) for run in PEOPLE_RUNS]
    for run, base in zip(PEOPLE_RUNS, bases, strict=True):
        strangers = data.judging.where(run.judged_on(data.judging))
        mine = data.training.where(run.trained_on(data.training))
        parts.setdefault(BASE, []).append(
            judge_generic(strangers, embedder(base, "generic"), turns=TURNS)
        )
        for turned in (False, True):
            windows, labels = training_windows(mine, seed=run.fold or 0, turned=turned)
            for name, rival in RIVALS.items():
                shown = f"{name}, also with turned straps" if turned else name
                scores = judge_generic(strangers, rival(windows, labels), turns=TURNS)
                parts.setdefault(shown, []).append(scores)
                tell(f"{run.name}: {shown}")
    return {name: join(found) for name, found in parts.items()}


def foreign(data: Data, models: Path, *, tell: Tell = lambda line: None) -> str:
    """What becomes of sets, and of people, that a base never saw, as Markdown.

    Args:
        data: the sets.
        models: folder that `harpi-models train` wrote.
        tell: told what was done.

    Raises:
        DataRefused: a base is not there.
    """
    unknown_below = ModelFile.read(models / "generic.tflite").metadata.unknown_below or 0.0
    runs: dict[str, Any] = {}
    for run in (*PEOPLE_RUNS, *SET_RUNS):
        if run.data_set and run.data_set not in data.names:
            continue
        probabilities = embedder(ModelFile.read(fold_file(models, run)), "generic")
        strangers = data.judging.where(run.judged_on(data.judging))
        runs[run.name] = {
            "generic": judge_generic(strangers, probabilities, turns=0),
            "sureness": judge_sureness(outcomes(strangers, probabilities), unknown_below),
        }
        tell(f"{run.name}: {BASE}")
    return foreign_sets(runs)


def fold_file(models: Path, run: Run) -> Path:
    """Where the base of a fold is.

    Raises:
        DataRefused: it is not there.
    """
    path = models / "runs" / f"{run.name.replace(' ', '_')}.tflite"
    if not path.exists():
        raise DataRefused(
            "the base of a fold is missing",
            where=str(path),
            remedy="Train first: harpi-models train --data DIR --out DIR",
        )
    return path


def comparison(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The table, as Markdown: macro F1 with 95 % intervals over people."""
    parts = []
    for condition in next(iter(found.values())):
        groups = sorted(figures_by_group(next(iter(found.values()))[condition]))
        rows = []
        for name, conditions in found.items():
            by_group = figures_by_group(conditions[condition])
            rows.append([name, *(by_group[g] for g in groups), overall(conditions[condition])])
        parts.append(f"### Strangers, {condition}\n\n" + table(["", *groups, "all"], rows))
    return "\n".join(parts)
