"""From what was measured of each person to means, intervals and differences over people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from harpi_models.metrics import Difference, Figure, over_people, paired
from harpi_models.protocol import Condition, group
from harpi_models.study.results import Measured

PLACES = {
    "arms": "arms",
    "legs": "legs",
    "dsads/torso": "torso",
    "hapt/waist_phone": "waist",
    "motionsense/front_pocket": "trouser pocket",
    "wisdm_watch/wrist_watch": "wrist",
    "spar_seglearn/left_wrist": "new exercises",
    "spar_seglearn/right_wrist": "new exercises",
}
"""What places are called on the page, in the order in which they are shown."""


def place_of(measured: Measured) -> str:
    """What the place of a person is called, arms and legs together."""
    grouped = group(measured.place)
    return PLACES.get(grouped, grouped)


def places_of(measured: Iterable[Measured]) -> tuple[str, ...]:
    """The places that occur, in the order in which they are shown."""
    there = {place_of(one) for one in measured}
    shown = [name for name in dict.fromkeys(PLACES.values()) if name in there]
    return (*shown, *sorted(there - set(shown)))


def contestants_of(measured: Iterable[Measured]) -> tuple[str, ...]:
    """Everyone who was examined, in the order of the first person."""
    return tuple(dict.fromkeys(name for one in measured for name in one.scores))


def people_scores(
    measured: Iterable[Measured],
    contestant: str,
    condition: Condition,
    place: str | None = None,
) -> dict[str, float]:
    """Scores by person, the mean over the places at which a person was examined.

    Args:
        measured: everyone.
        contestant: whose scores.
        condition: under which.
        place: only there; None for everywhere.
    """
    found: dict[str, list[float]] = {}
    for one in measured:
        score = one.scores.get(contestant, {}).get(condition.name)
        if score is not None and place in (None, place_of(one)):
            found.setdefault(one.person, []).append(score)
    return {person: float(np.mean(scores)) for person, scores in found.items()}


def figure(
    measured: Sequence[Measured],
    contestant: str,
    condition: Condition,
    place: str | None = None,
) -> Figure | None:
    """Mean over people with its interval; None where nobody was examined."""
    scores = people_scores(measured, contestant, condition, place)
    return over_people(list(scores.values())) if scores else None


def difference(
    measured: Sequence[Measured],
    first: str,
    second: str,
    condition: Condition,
    place: str | None = None,
) -> Difference | None:
    """How much better the first is with the same people; None where there is nobody."""
    return between(
        people_scores(measured, first, condition, place),
        people_scores(measured, second, condition, place),
    )


def between(first: Mapping[str, float], second: Mapping[str, float]) -> Difference | None:
    """How much better the first scores are of those whom both have; None where nobody is."""
    both = [person for person in first if person in second]
    if not both:
        return None
    return paired([first[p] for p in both], [second[p] for p in both])


def best_of(
    measured: Sequence[Measured], contestants: Iterable[str], condition: Condition
) -> str:
    """Whose mean is highest."""

    def mean(contestant: str) -> float:
        found = figure(measured, contestant, condition)
        return -np.inf if found is None else found.mean

    return max(contestants, key=mean)
