"""Judge a model file as a stranger would meet it; figures are kept person by person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from harpi.config.schema import Config
from harpi.recognition.head import join as join_features
from harpi.recognition.interpreter import Interpreter
from harpi.recognition.model_file import ModelFile
from harpi.types import FloatArray
from harpi_models.datasets.catalogue import CORE
from harpi_models.datasets.layout import RATE
from harpi_models.examples import Examples
from harpi_models.metrics import Figure, over_people
from harpi_models.mixture import STAIRS, WALKING, only
from harpi_models.protocol import (
    Embed,
    Learner,
    class_scores,
    courses,
    discriminant_learner,
    generic_scores,
    group,
    neighbours_learner,
    personal_scores,
    summary,
    unknown_score,
    unturned_learner,
)
from harpi_models.unknown import Outcomes

TURNS = 4
"""Random turns of the strap over which a figure is the mean."""
SPAR_TEST_AFTER = 6
BATCH = 512

LEARNERS: dict[str, tuple[str, Learner]] = {
    "base, discriminant": ("base", discriminant_learner),
    "base and features, discriminant": ("both", discriminant_learner),
    "features, discriminant": ("features", discriminant_learner),
    "base and features, discriminant without copies": ("both", unturned_learner),
    "features, discriminant without copies": ("features", unturned_learner),
    "features, kNN": ("features", neighbours_learner),
}

Scores = dict[str, dict[str, float]]
"""By place, by person."""


def embedder(file: ModelFile, signature: str = "bottleneck") -> Embed:
    """A signature of a model file as a function of windows."""
    interpreter = Interpreter(file)
    output = "features" if signature == "bottleneck" else "probabilities"

    def embed(windows: FloatArray) -> FloatArray:
        parts = [
            np.array(interpreter.run(signature, {"window": windows[i : i + BATCH]})[output])
            for i in range(0, len(windows), BATCH)
        ]
        return np.concatenate(parts)

    return embed


def judge_generic(
    examples: Examples, probabilities: Embed, *, turns: int = TURNS
) -> dict[str, Scores]:
    """Macro F1 of strangers, as recorded and as the mean of random turns of the strap."""
    turned = [
        generic_scores(examples, probabilities, turned_seed=seed) for seed in range(turns)
    ]
    recorded = {"as recorded": generic_scores(examples, probabilities)}
    return recorded | ({"strap turned": mean_scores(turned)} if turned else {})


def judge_classes(examples: Examples, probabilities: Embed) -> dict[str, float]:
    """F1 of each core label."""
    return class_scores(examples, probabilities)


def judge_personal(
    examples: Examples, file: ModelFile, *, test_after: int
) -> tuple[dict[str, dict[str, Scores]], Scores]:
    """Personal figures by learner and condition, and the AUROC of unknown classes.

    Args:
        examples: windows of strangers that do not overlap.
        file: the model.
        test_after: windows of each class kept for learning.
    """
    base = embedder(file)

    def embed(windows: FloatArray) -> FloatArray:
        return join_features(base(windows), windows, RATE)

    length = file.metadata.features
    columns = {
        "base": slice(length),
        "features": slice(length, None),
        "both": slice(None),
    }
    figures: dict[str, dict[str, Scores]] = {}
    unknown: Scores = {}
    settings = Config().learning
    for course in courses(examples, test_after=test_after):
        scores = personal_scores(
            course,
            embed,
            columns,
            LEARNERS,
            copies=settings.augment_copies,
            degrees=settings.augment_degrees,
        )
        for learner, by_condition in scores.items():
            for condition, score in by_condition.items():
                place = figures.setdefault(learner, {}).setdefault(condition, {})
                place.setdefault(course.place, {})[course.person] = score
        if len(course.learnt) > 3:
            unknown.setdefault(course.place, {})[course.person] = unknown_score(course, base)
    return figures, unknown


def outcomes(examples: Examples, probabilities: Embed) -> Outcomes:
    """What a model says of the windows that have a core label."""
    mine = examples.where(np.asarray(examples.core.any(axis=1)))
    return Outcomes(mine, probabilities(mine.values))


def confidence_at(examples: Examples, probabilities: Embed, share: float) -> float:
    """Confidence under which a share of strangers' familiar windows falls."""
    sure = examples.where(examples.sure)
    return float(np.quantile(probabilities(sure.values).max(axis=1), share))


def judge_sureness(told: Outcomes, unknown_below: float) -> dict[str, dict[str, Any]]:
    """What strangers are told at each place, and how surely.

    Args:
        told: what a model says of them.
        unknown_below: confidence under which the answer is *unknown*.

    Returns:
        By place: shares of the windows, as the mean over people, that are answered `right`,
        said to be `unknown`, and answered `wrong and sure`; also of walking alone (with what
        was `called stairs`) and of stairs alone (with what was `called walking`).
    """
    mine, right = told.examples, told.right
    answers = np.argmax(told.probabilities, axis=1)
    unknown = told.confidence < unknown_below
    shares = {
        "right": right & ~unknown,
        "unknown": unknown,
        "wrong and sure": ~right & ~unknown,
    }
    groups = {"all": np.ones(len(mine), bool), "walking": only(mine, [WALKING])}
    groups["stairs"] = only(mine, STAIRS)
    called = {"walking": np.isin(answers, STAIRS), "stairs": answers == WALKING}
    result: dict[str, dict[str, Any]] = {}
    for place in np.unique(mine.position):
        rows: dict[str, Any] = {}
        for kind, members in groups.items():
            here = members & (mine.position == place)
            if not here.any():
                continue
            asked = dict(shares)
            if kind in called:
                asked[f"called {'stairs' if kind == 'walking' else 'walking'}"] = (
                    called[kind] & ~unknown
                )
            people = np.unique(mine.person[here])
            rows[kind] = {
                name: float(np.mean([values[here & (mine.person == p)].mean() for p in people]))
                for name, values in asked.items()
            }
            rows[kind]["people"] = len(people)
        result[mine.places[place]] = rows
    return result


def confusion(examples: Examples, probabilities: Embed) -> list[list[int]]:
    """Windows by truth (rows) and answer (columns), in the order of `CORE`."""
    sure = examples.where(examples.sure)
    truth = np.argmax(sure.core, axis=1)
    answers = np.argmax(probabilities(sure.values), axis=1)
    table = np.zeros((len(CORE), len(CORE)), int)
    np.add.at(table, (truth, answers), 1)
    found: list[list[int]] = table.tolist()
    return found


def mean_scores(several: Iterable[Scores]) -> Scores:
    """Mean of several scores of the same people."""
    listed = list(several)
    return {
        place: {p: float(np.mean([s[place][p] for s in listed])) for p in people}
        for place, people in listed[0].items()
    }


def join(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Join nested figures of disjoint people."""
    joined: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            if isinstance(value, Mapping):
                joined[key] = join([joined.get(key, {}), value])
            else:
                joined[key] = value
    return joined


def figures_by_group(scores: Scores) -> dict[str, Figure]:
    """Mean over people for arms, legs and every other place, with its interval."""
    return summary(scores)


def overall(scores: Scores) -> Figure:
    """Mean over all people of all groups of places."""
    people: dict[str, list[float]] = {}
    for place, by_person in scores.items():
        for person, score in by_person.items():
            people.setdefault(f"{group(place)} {person}", []).append(score)
    return over_people([float(np.mean(values)) for values in people.values()])
