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
    return {
        "as recorded": generic_scores(examples, probabilities),
        "strap turned": mean_scores(turned),
    }


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


def confidence_at(examples: Examples, probabilities: Embed, share: float) -> float:
    """Confidence under which a share of strangers' familiar windows falls."""
    sure = examples.where(examples.sure)
    return float(np.quantile(probabilities(sure.values).max(axis=1), share))


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
