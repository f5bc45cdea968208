"""Try the entries of the search on one fixed split, and write what came out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harpi_models.card import table
from harpi_models.examples import Examples
from harpi_models.folds import PEOPLE_RUNS
from harpi_models.judging import judge_generic, overall
from harpi_models.metrics import Figure, over_people
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
COLUMNS = (
    "as recorded",
    "strap turned",
    "personal, n=1",
    "personal, n=10",
    "new, n=1",
    "new, n=5",
)


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
            trained = train(mine, entry.recipe)
            known[entry.name] = {
                "why": entry.why,
                "recipe": recipe,
                "weights": int(trained.body.count_params()),
                "seconds": round(trained.seconds),
                "figures": {k: str(v) for k, v in judge(trained, data).items()},
            }
            write_result(path, json.dumps(known, indent=1).encode())
            write_result(out / "search.md", report(known).encode())
        tell(f"{entry.name}: {known[entry.name]['figures']}")
    return known


def judge(trained: Trained, data: Data) -> dict[str, Figure]:
    """Figures of one entry, in the order of `COLUMNS`."""
    strangers = data.judging.where(SPLIT.judged_on(data.judging))
    generic = judge_generic(
        strangers, lambda windows: trained.probabilities(trained.features(windows))
    )
    figures = [overall(generic["as recorded"]), overall(generic["strap turned"])]
    worn = _personal(strangers, trained.features, TEST_AFTER)
    new = _personal(data.spar, trained.features, SPAR_TEST_AFTER)
    figures += [
        over_people(scores) for scores in (worn["n=1"], worn["n=10"], new["n=1"], new["n=5"])
    ]
    return dict(zip(COLUMNS, figures, strict=True))


def report(known: dict[str, Any]) -> str:
    """The search as a Markdown table."""
    rows = [
        [name, entry["why"], entry["weights"], *entry["figures"].values()]
        for name, entry in known.items()
    ]
    return (
        "# The search behind the shipped base\n\n"
        "Written by `harpi-models search`. Macro F1 of strangers (every third person\n"
        "of each set), mean over people and places with its 95 % interval.\n"
        "*Personal*: discriminant on\n"
        "the features after n windows of each class; *new*: the seven exercises of\n"
        "SPAR, a set\n"
        "that no entry was trained on. Differences of about .02 are noise with this few\n"
        "people.\n\n" + table(["entry", "why", "weights", *COLUMNS], rows)
    )


def _personal(examples: Examples, embed: Embed, test_after: int) -> dict[str, list[float]]:
    scores: dict[str, list[float]] = {c.name: [] for c in CONDITIONS}
    learner = {"head": ("base", discriminant_learner)}
    for course in courses(examples, test_after=test_after):
        for name, score in personal_scores(course, {"base": embed}, learner)["head"].items():
            scores[name].append(score)
    return scores
