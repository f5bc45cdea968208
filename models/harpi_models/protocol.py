"""How a base is judged: by strangers, as they were recorded and with the strap turned.

Personal: the first n windows of each class, in time, are learnt; the test starts after 20
windows and a gap of 10 s, and is the same for every n. Windows do not overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from harpi.learning.closed_form import discriminant, logits, temperature
from harpi.recognition.head import softmax
from harpi.recognition.rejection import Rejection
from harpi.signal.orientation import any_rotations, random_rotations, rotation_about, turn
from harpi.types import FloatArray
from harpi_models.datasets.catalogue import CORE
from harpi_models.examples import Examples
from harpi_models.metrics import Figure, auroc, macro_f1, over_people

Embed = Callable[[FloatArray], FloatArray]
"""Windows ``[n, T, 6]`` to features ``[n, F]``."""


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """What a learner learns from.

    Attributes:
        features: float32 ``[n, F]``.
        labels: ``[n]``, class of each row.
        classes: how many classes there are.
        turned: float32 ``[n, K, F]``, features of slightly turned copies of each window.
    """

    features: FloatArray
    labels: NDArray[np.int64]
    classes: int
    turned: FloatArray

    def of(self, columns: slice) -> Learnt:
        """Some of the features only."""
        return replace(
            self, features=self.features[:, columns], turned=self.turned[..., columns]
        )


Learner = Callable[[Learnt], Embed]
"""What was learnt, to scores ``[n, C]`` of features ``[n, F]``."""

TEST_AFTER = 20
GAP = 4


@dataclass(frozen=True, slots=True)
class Condition:
    """Under which something is asked of what was learnt.

    Attributes:
        n: windows of each class that are learnt.
        averaged: answers are means over so many consecutive windows.
        turned: degrees by which the strap is turned after learning.
    """

    n: int
    averaged: int = 1
    turned: float = 0.0

    @property
    def name(self) -> str:
        """Shown in tables."""
        parts = [f"n={self.n}"]
        parts += [f"{self.averaged} windows"] if self.averaged > 1 else []
        parts += [f"turned {self.turned:g}"] if self.turned else []
        return ", ".join(parts)


CONDITIONS = (
    Condition(1),
    Condition(5),
    Condition(10),
    Condition(10, averaged=3),
    Condition(10, turned=45.0),
    Condition(10, turned=90.0),
)

PERSONAL_LABELS = {
    "dsads": (
        "sitting",
        "standing",
        "lying_back",
        "stairs_up",
        "stairs_down",
        "walk_parking",
        "run_treadmill_8kmh",
        "cycle_vertical",
        "jumping",
        "rowing",
    )
}
"""Own labels that a wearer is taken to teach; all of a set's labels where it is not listed."""


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """One person at one place: what is learnt and what is asked.

    Attributes:
        person: ``set/subject``.
        place: ``set/position``.
        names: what the set calls each class.
        learnt: windows ``[C, 20 at most, T, 6]`` per class, in time.
        stretches: for each class ``[20 at most]``, from which stretch of it a window is.
        asked: windows ``[m, T, 6]``, in time within each class.
        truth: class of each asked window.
    """

    person: str
    place: str
    names: tuple[str, ...]
    learnt: tuple[FloatArray, ...]
    stretches: tuple[NDArray[np.int64], ...]
    asked: FloatArray
    truth: NDArray[np.int64]


def generic_scores(
    examples: Examples, probabilities: Embed, *, turned_seed: int | None = None
) -> dict[str, dict[str, float]]:
    """Macro F1 of the core labels, by place and person.

    In a set with a label for one of several (stairs, not said whether up or down), the several
    count as one, in the truth and in the answers.

    Args:
        examples: windows of strangers.
        probabilities: the model, ``[n, T, 6]`` to ``[n, 9]``.
        turned_seed: turn each person's strap at each place by one random rotation.
    """
    meant = np.asarray(examples.core.any(axis=1))
    mine = examples.where(meant)
    values = mine.values
    if turned_seed is not None:
        values = turned(mine, np.random.default_rng(turned_seed))
    answers = _without_directions(mine, np.argmax(probabilities(values), axis=1))
    truth = np.argmax(mine.core, axis=1)
    scores: dict[str, dict[str, float]] = {}
    for place, person in sorted(set(zip(mine.position, mine.person, strict=True))):
        here = (mine.position == place) & (mine.person == person)
        by_person = scores.setdefault(mine.places[place], {})
        by_person[mine.people[person]] = macro_f1(truth[here], answers[here])
    return scores


def _without_directions(examples: Examples, answers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Answers in which what a set does not tell apart is one label, the first of them."""
    merged = answers.copy()
    for i, data_set in enumerate(examples.data_sets):
        for several in data_set.either.values():
            places = sorted(CORE.index(name) for name in several)
            merged[(examples.data_set == i) & np.isin(answers, places)] = places[0]
    return merged


def class_scores(examples: Examples, probabilities: Embed) -> dict[str, float]:
    """F1 of each core label over all strangers and places together."""
    sure = examples.where(examples.sure)
    answers = np.argmax(probabilities(sure.values), axis=1)
    truth = np.argmax(sure.core, axis=1)
    result = {}
    for c, name in enumerate(CORE):
        both = np.sum(truth == c) + np.sum(answers == c)
        hits = np.sum((truth == c) & (answers == c))
        result[name] = float(2 * hits / both) if both else float("nan")
    return result


def turned(examples: Examples, rng: np.random.Generator) -> FloatArray:
    """The windows with every person's strap turned at random, alike for the whole person."""
    keys = examples.position * (int(examples.person.max()) + 1) + examples.person
    unique, which = np.unique(keys, return_inverse=True)
    return turn(examples.values, any_rotations(len(unique), rng)[which])


def courses(examples: Examples, *, test_after: int = TEST_AFTER) -> Iterator[Course]:
    """Every person at every place who has enough of at least two classes.

    Args:
        examples: windows that do not overlap, in the order of time within each run.
        test_after: windows of each class that are kept for learning.
    """
    names = np.array([label.partition("/")[2] for label in examples.own_labels])
    for place, person in sorted(set(zip(examples.position, examples.person, strict=True))):
        here = np.flatnonzero((examples.position == place) & (examples.person == person))
        data_set = examples.data_sets[examples.data_set[here[0]]].name
        wanted = PERSONAL_LABELS.get(data_set)
        called: list[str] = []
        learnt: list[FloatArray] = []
        stretches: list[NDArray[np.int64]] = []
        asked: list[FloatArray] = []
        truth: list[NDArray[np.int64]] = []
        for label in np.unique(examples.own[here]):
            if wanted is not None and names[label] not in wanted:
                continue
            rows = here[examples.own[here] == label]
            if len(rows) < test_after + GAP + 3:
                continue
            asked.append(examples.values[rows[test_after + GAP :]])
            truth.append(np.full(len(asked[-1]), len(learnt)))
            called.append(str(names[label]))
            learnt.append(examples.values[rows[:test_after]])
            stretches.append(examples.run[rows[:test_after]])
        if len(learnt) > 1:
            yield Course(
                examples.people[person],
                examples.places[place],
                tuple(called),
                tuple(learnt),
                tuple(stretches),
                np.concatenate(asked),
                np.concatenate(truth),
            )


def personal_scores(
    course: Course,
    embed: Embed,
    columns: Mapping[str, slice],
    learners: Mapping[str, tuple[str, Learner]],
    *,
    copies: int = 0,
    degrees: float = 0.0,
) -> dict[str, dict[str, float]]:
    """Macro F1 of one person at one place, by learner and condition.

    Args:
        course: the person's windows.
        embed: gives all features.
        columns: by name, those that a learner can learn on.
        learners: for each the name of its columns, and how it learns.
        copies: turned copies of each learnt window.
        degrees: standard deviation of those turns.

    Returns:
        For each learner the score of each of `CONDITIONS`.
    """
    asked = {
        turn: embed(_turned_by(course.asked, turn)) for turn in {c.turned for c in CONDITIONS}
    }
    most = max(condition.n for condition in CONDITIONS)
    learnt = [embed(part[:most]) for part in course.learnt]
    moved = [rows[:, None][:, :0] for rows in learnt]
    if copies:
        rng = np.random.default_rng(0)
        moved = [
            embed(_copies(part[:most], copies, degrees, rng)).reshape(len(rows), copies, -1)
            for part, rows in zip(course.learnt, learnt, strict=True)
        ]
    found: dict[str, dict[str, float]] = {}
    for condition in CONDITIONS:
        counts = [min(condition.n, len(rows)) for rows in learnt]
        known = Learnt(
            np.concatenate([rows[: condition.n] for rows in learnt]),
            np.repeat(np.arange(len(learnt)), counts),
            len(learnt),
            np.concatenate([rows[: condition.n] for rows in moved]),
        )
        for name, (space, learner) in learners.items():
            mine = columns[space]
            values = learner(known.of(mine))(asked[condition.turned][:, mine])
            if condition.averaged > 1:
                parts = [values[course.truth == c] for c in range(len(learnt))]
                values = np.concatenate([_moving(p, condition.averaged) for p in parts])
            score = macro_f1(course.truth, np.argmax(values, axis=1))
            found.setdefault(name, {})[condition.name] = score
    return found


def unknown_score(course: Course, embed: Embed, n: int = 10) -> float:
    """AUROC of the distance to what was learnt, when every other class was not.

    Args:
        course: the person's windows.
        embed: gives the features.
        n: windows of each class that are learnt.
    """
    known = range(0, len(course.learnt), 2)
    rows = embed(np.concatenate([course.learnt[c][:n] for c in known]))
    labels = np.repeat(list(known), [len(course.learnt[c][:n]) for c in known])
    distances = Rejection.fit(rows, labels).distances(embed(course.asked))
    familiar = np.isin(course.truth, list(known))
    return auroc(distances[familiar], distances[~familiar])


def discriminant_learner(learnt: Learnt) -> Embed:
    """The device's closed-form head, which also learns from turned copies."""
    rows, labels = learnt.features, learnt.labels
    weights, bias = discriminant(rows, labels, learnt.classes, learnt.turned)
    width = temperature(logits(rows, weights, bias), labels)
    return lambda asked: softmax(logits(asked, weights, bias) / width)


def unturned_learner(learnt: Learnt) -> Embed:
    """The same head, had it not seen turned copies."""
    return discriminant_learner(replace(learnt, turned=learnt.turned[:, :0]))


def neighbours_learner(learnt: Learnt) -> Embed:
    """Five nearest neighbours, weighted by distance, on standardised features."""
    rows, labels, classes = learnt.features, learnt.labels, learnt.classes
    mean, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-6
    known = (rows - mean) / scale
    k = min(5, len(rows))

    def scores(asked: FloatArray) -> FloatArray:
        points = (asked - mean) / scale
        squares = (points**2).sum(1)[:, None] - 2 * points @ known.T + (known**2).sum(1)
        near = np.argpartition(squares, k - 1, axis=1)[:, :k]
        weight = 1 / (np.sqrt(np.maximum(np.take_along_axis(squares, near, 1), 0)) + 1e-6)
        votes = np.zeros((len(asked), classes), np.float32)
        for c in range(classes):
            votes[:, c] = np.sum(weight * (labels[near] == c), axis=1)
        return np.asarray(votes / votes.sum(axis=1, keepdims=True), np.float32)

    return scores


def group(place: str) -> str:
    """Places that are shown together: arms, legs, and every other place by itself."""
    if place.endswith("_arm"):
        return "arms"
    if place.endswith("_leg"):
        return "legs"
    return place


def summary(scores: dict[str, dict[str, float]]) -> dict[str, Figure]:
    """Figures by group of places, each person counted once in a group."""
    people: dict[str, dict[str, list[float]]] = {}
    for place, by_person in scores.items():
        for person, score in by_person.items():
            people.setdefault(group(place), {}).setdefault(person, []).append(score)
    return {
        name: over_people([float(np.mean(s)) for s in by_person.values()])
        for name, by_person in people.items()
    }


def _copies(
    windows: FloatArray, copies: int, degrees: float, rng: np.random.Generator
) -> FloatArray:
    """Slightly turned copies ``[n K, T, 6]`` of windows, those of a window together."""
    repeated = np.repeat(windows, copies, axis=0)
    return turn(repeated, random_rotations(len(repeated), degrees, rng))


def _turned_by(windows: FloatArray, degrees: float) -> FloatArray:
    """Windows with the strap turned about an axis that is drawn once."""
    if not degrees:
        return windows
    axis = np.random.default_rng(0).normal(size=(1, 3))
    axis /= np.linalg.norm(axis)
    return turn(windows, rotation_about(axis, np.radians([degrees]))[0])


def _moving(values: FloatArray, width: int) -> FloatArray:
    """Mean over each row and those before it, `width` at most."""
    sums = np.cumsum(values, axis=0)
    shifted = np.concatenate([np.zeros((width, values.shape[1])), sums])[: len(values)]
    counts = np.minimum(np.arange(1, len(values) + 1), width)[:, None]
    return np.asarray((sums - shifted) / counts, np.float32)
