"""Try the entries of the search on one fixed split, and write what came out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harpi_models.card import table
from harpi_models.examples import Examples
from harpi_models.folds import PEOPLE_RUNS
from harpi_models.judging import figures_by_group, judge_generic, overall
from harpi_models.output import write_result
from harpi_models.pipeline import Data
from harpi_models.protocol import (
    CONDITIONS,
    TEST_AFTER,
    Embed,
    courses,
    discriminant_learner,
    personal_scores,
)
from harpi_models.recipes import Entry
from harpi_models.training import Trained, train

SPLIT = PEOPLE_RUNS[-1]
SPAR_TEST_AFTER = 6
FILE = "search.json"
GROUPS = ("all", "arms", "legs")
"""Places that have columns of their own."""


def search(
    data: Data, entries: Sequence[Entry], out: Path, *, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Train and judge every entry that has no figures yet.

    Args:
        data: the sets.
        entries: what to try.
        out: folder of `search.json` and `search.md`; entries that stand in the file with the
            same recipe are not tried again.
        tell: told each entry's figures.

    Returns:
        Figures by entry.
    """
    path = out / FILE
    known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    for entry in entries:
        recipe = repr(entry.recipe)
        if known.get(entry.name, {}).get("recipe") != recipe:
            mine = data.training.where(SPLIT.trained_on(data.training))
            trained = train(mine, entry.recipe, walkers=data.walkers_for(SPLIT))
            known[entry.name] = {
                "why": entry.why,
                "recipe": recipe,
                "weights": int(trained.body.count_params()),
                "seconds": round(trained.seconds),
                "figures": {name: round(f, 3) for name, f in judge(trained, data).items()},
            }
            write_result(path, json.dumps(known, indent=1).encode())
            write_result(out / "search.md", report(known).encode())
        tell(f"{entry.name}: {known[entry.name]['figures']}")
    return known


def judge(trained: Trained, data: Data) -> dict[str, float]:
    """Mean figures of one entry, by the column that they stand in."""
    strangers = data.judging.where(SPLIT.judged_on(data.judging))
    generic = judge_generic(
        strangers, lambda windows: trained.probabilities(trained.features(windows))
    )
    figures: dict[str, float] = {}
    for condition, scores in generic.items():
        means = {name: figure.mean for name, figure in figures_by_group(scores).items()}
        means["all"] = overall(scores).mean
        figures |= {f"{condition}, {group}": means[group] for group in GROUPS if group in means}
    worn = _personal(strangers, trained.features, TEST_AFTER)
    new = _personal(data.spar, trained.features, SPAR_TEST_AFTER)
    figures |= {f"personal, {n}": float(np.mean(worn[n])) for n in ("n=1", "n=10")}
    return figures | {f"new, {n}": float(np.mean(new[n])) for n in ("n=1", "n=5")}


def report(known: dict[str, Any]) -> str:
    """The search as a Markdown table."""
    columns = list(dict.fromkeys(name for e in known.values() for name in e["figures"]))
    rows = [
        [
            name,
            entry["why"],
            entry["weights"],
            *(f"{entry['figures'][c]:.3f}" if c in entry["figures"] else "" for c in columns),
        ]
        for name, entry in known.items()
    ]
    return (
        "# The search behind the shipped base\n\n"
        "Written by `harpi-models search`. Each entry was trained on two thirds of the\n"
        "people, briefly, and judged on the others (every third person of each set): mean\n"
        "macro F1 over people and places, as they were recorded and with straps turned at\n"
        "random. The figures rank entries; those of the card come after longer training.\n"
        "Entries without a row were not tried at this length; the command goes on with them.\n"
        "*Personal*: discriminant on the features of the base, without turned copies, after\n"
        "n windows of each class; *new*: the seven exercises of SPAR, a set that no entry was\n"
        "trained on. Differences of about .02 are noise with this few people.\n\n"
        + table(["entry", "why", "weights", *columns], rows)
    )


def _personal(examples: Examples, embed: Embed, test_after: int) -> dict[str, list[float]]:
    scores: dict[str, list[float]] = {c.name: [] for c in CONDITIONS}
    everything, learner = {"": slice(None)}, {"head": ("", discriminant_learner)}
    for course in courses(examples, test_after=test_after):
        for name, score in personal_scores(course, embed, everything, learner)["head"].items():
            scores[name].append(score)
    return scores
