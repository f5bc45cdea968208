"""What was aimed at, written down before the study was run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from harpi_models.protocol import Condition
from harpi_models.study.device import GENERIC, KNN, PERSONAL
from harpi_models.study.examination import KNOWN


@dataclass(frozen=True, slots=True)
class Aim:
    """A macro F1 to reach.

    Attributes:
        where: what the page calls it.
        part: of the study.
        place: as the page calls it.
        contestant: who.
        condition: when.
        at_least: the aim.
    """

    where: str
    part: Literal["known", "placeless", "new"]
    place: str
    contestant: str
    condition: Condition
    at_least: float


def _limbs(
    where: str, part: Literal["known", "placeless"], *aims: tuple[str, Condition, float, float]
) -> tuple[Aim, ...]:
    """Aims for arms and for legs."""
    return tuple(
        Aim(where.format(place), part, place, contestant, condition, (arm, leg)[number])
        for contestant, condition, arm, leg in aims
        for number, place in enumerate(("arms", "legs"))
    )


AIMS: Final = (
    *_limbs(
        "{}",
        "known",
        (KNN, Condition(10), 0.89, 0.91),
        (PERSONAL, Condition(1), 0.90, 0.90),
        (PERSONAL, Condition(10), 0.97, 0.99),
        (PERSONAL, Condition(10, turned=45.0), 0.94, 0.94),
        (PERSONAL, Condition(10, turned=90.0), 0.90, 0.90),
    ),
    Aim("wrist, 18 classes", "known", "wrist", KNN, Condition(10), 0.70),
    Aim("wrist, 18 classes", "known", "wrist", PERSONAL, Condition(10), 0.83),
    *_limbs(
        "{}, never trained on",
        "placeless",
        (GENERIC + KNOWN, Condition(10), 0.65, 0.65),
        (KNN, Condition(10), 0.90, 0.90),
        (PERSONAL, Condition(1), 0.90, 0.90),
        (PERSONAL, Condition(10), 0.98, 0.98),
    ),
    Aim("new exercises", "new", "new exercises", KNN, Condition(5), 0.90),
    Aim("new exercises", "new", "new exercises", PERSONAL, Condition(5), 0.975),
)
