"""One person at one place: every contestant learns the same windows and is asked the same."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from harpi.signal.orientation import rotation_about, turn
from harpi.types import FloatArray
from harpi_models.metrics import macro_f1
from harpi_models.protocol import Condition, Course, Embed
from harpi_models.study.lesson import Asked, Contestant, lesson_of

Scores = dict[str, dict[str, float]]
"""Macro F1 by contestant and condition."""

KNOWN = ", labels it knows"
"""Added to the name of a contestant that learns no labels: asked only of those that it has."""


def examine(
    course: Course,
    contestants: Mapping[str, Contestant],
    conditions: Sequence[Condition],
    *,
    seed: int,
    embed: Embed | None = None,
    fixed: Mapping[str, Sequence[str]] | None = None,
) -> Scores:
    """Teach and ask.

    Args:
        course: what is learnt and what is asked.
        contestants: by name.
        conditions: under which they are asked.
        seed: of the axis about which the strap is turned.
        embed: gives the features of the base, where a contestant looks at them.
        fixed: labels of the contestants that learn no others.

    Returns:
        Scores over all windows; of fixed contestants also, under their name and `KNOWN`,
        over the windows of labels that they have.
    """
    lesson = lesson_of(course)
    axis = axis_of(course, seed)
    asked = {
        degrees: Asked(_turned(course.asked, axis, degrees), embed)
        for degrees in dict.fromkeys(condition.turned for condition in conditions)
    }
    scores: Scores = {}
    for n in dict.fromkeys(condition.n for condition in conditions):
        first = lesson.first(n)
        for name, contestant in contestants.items():
            answer = contestant(first)
            for condition in conditions:
                if condition.n != n:
                    continue
                answers = answer(asked[condition.turned])
                scores.setdefault(name, {})[condition.name] = macro_f1(course.truth, answers)
                if fixed is None or name not in fixed:
                    continue
                known = np.isin(course.truth, lesson.codes(list(fixed[name])))
                if known.any():
                    score = macro_f1(course.truth[known], answers[known])
                    scores.setdefault(name + KNOWN, {})[condition.name] = score
    return scores


def axis_of(course: Course, seed: int) -> NDArray[np.float64]:
    """The axis ``[1, 3]`` about which the strap of a person at a place is turned."""
    name = f"{course.person} {course.place}".encode()
    axis = np.random.default_rng([seed, zlib.crc32(name)]).normal(size=(1, 3))
    return np.asarray(axis / np.linalg.norm(axis))


def _turned(windows: FloatArray, axis: NDArray[np.float64], degrees: float) -> FloatArray:
    if not degrees:
        return windows
    return turn(windows, rotation_about(axis, np.radians([degrees]))[0])
