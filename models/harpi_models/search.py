"""Try the entries of the search on one fixed split, and write what came out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harpi.types import FloatArray
from harpi_models.card import table
from harpi_models.examples import Examples
from harpi_models.folds import PEOPLE_RUNS
from harpi_models.judging import (
    confidence_at,
    figures_by_group,
    judge_generic,
    judge_sureness,
    outcomes,
    overall,
)
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
from harpi_models.recipes import LATER, Entry
from harpi_models.training import Trained, train

SPLIT = PEOPLE_RUNS[-1]
SPAR_TEST_AFTER = 6
FILE = "search.json"
UNKNOWN_RATE = 0.05
"""Share of strangers' familiar windows that are called unknown, alike for every entry."""
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
        tried = known.get(entry.name, {})
        if (tried.get("recipe"), tried.get("without")) != (recipe, list(entry.without)):
            wanted = SPLIT.trained_on(data.training) & ~_of(data.training, entry.without)
            walkers = data.walkers_for(SPLIT) if entry.recipe.mixture.virtual else None
            trained = train(data.training.where(wanted), entry.recipe, walkers=walkers)
            known[entry.name] = {
                "why": entry.why,
                "recipe": recipe,
                "without": list(entry.without),
                "weights": int(trained.body.count_params()),
                "seconds": round(trained.seconds),
                "figures": {
                    name: round(f, 3) for name, f in judge(trained, data, entry).items()
                },
            }
            write_result(path, json.dumps(known, indent=1).encode())
            write_result(out / "search.md", report(known).encode())
        tell(f"{entry.name}: {known[entry.name]['figures']}")
    return known


def judge(trained: Trained, data: Data, entry: Entry) -> dict[str, float]:
    """Mean figures of one entry, by the column that they stand in.

    Strangers are of the sets of base 1.1, so that all entries are asked about the same people.
    """
    later = _of(data.judging, LATER)
    strangers = data.judging.where(SPLIT.judged_on(data.judging) & ~later)

    def probabilities(windows: FloatArray) -> FloatArray:
        return trained.probabilities(trained.features(windows))

    generic = judge_generic(strangers, probabilities)
    figures: dict[str, float] = {}
    for condition, scores in generic.items():
        means = {name: figure.mean for name, figure in figures_by_group(scores).items()}
        means["all"] = overall(scores).mean
        figures |= {f"{condition}, {group}": means[group] for group in GROUPS if group in means}
    worn = _personal(strangers, trained.features, TEST_AFTER)
    new = _personal(data.spar, trained.features, SPAR_TEST_AFTER)
    figures |= {f"personal, {n}": float(np.mean(worn[n])) for n in ("n=1", "n=10")}
    figures |= {f"new, {n}": float(np.mean(new[n])) for n in ("n=1", "n=5")}
    foreign = data.judging.where(_of(data.judging, entry.without))
    others = (
        foreign if len(foreign) else data.judging.where(SPLIT.judged_on(data.judging) & later)
    )
    if len(others):
        limit = confidence_at(strangers, probabilities, UNKNOWN_RATE)
        places = list(judge_sureness(outcomes(others, probabilities), limit).values())
        which = "sets left out" if len(foreign) else "later sets"
        for kind, what in ASKED:
            shares = [place[kind][what] for place in places if kind in place]
            if shares:
                shown = what if kind == "all" else f"{kind} {what}"
                figures[f"{which}, {shown}"] = float(np.mean(shares))
    return figures


ASKED = (
    ("walking", "right"),
    ("walking", "called stairs"),
    ("stairs", "right"),
    ("all", "wrong and sure"),
)


def _of(examples: Examples, names: Sequence[str]) -> NDArray[np.bool_]:
    """Windows of some sets."""
    mine = [data_set.name in names for data_set in examples.data_sets]
    return np.array(mine, bool)[examples.data_set]


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
        "trained on. *Sets left out*: shares of the windows of the sets that the entry was\n"
        "trained without, where those were measured; *later sets*: the same of new people of\n"
        "UMAFall and DiFronzo's pocket, where it learnt from them. What is blank was not\n"
        "measured. Strangers are of the other four sets throughout. Differences of about .02\n"
        "are noise with this few people.\n\n"
        + table(["entry", "why", "weights", *columns], rows)
    )


def _personal(examples: Examples, embed: Embed, test_after: int) -> dict[str, list[float]]:
    scores: dict[str, list[float]] = {c.name: [] for c in CONDITIONS}
    everything, learner = {"": slice(None)}, {"head": ("", discriminant_learner)}
    for course in courses(examples, test_after=test_after):
        for name, score in personal_scores(course, embed, everything, learner)["head"].items():
            scores[name].append(score)
    return scores
