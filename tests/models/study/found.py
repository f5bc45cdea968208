"""A study that is easily checked by hand."""

from __future__ import annotations

from dataclasses import replace

from harpi_models.protocol import Condition
from harpi_models.study.costs import Cost
from harpi_models.study.device import CONTESTANTS, GENERIC, HEADS, KNN, PERSONAL
from harpi_models.study.examination import KNOWN
from harpi_models.study.peers import PEERS
from harpi_models.study.plan import FULL
from harpi_models.study.results import Measured
from harpi_models.study.run import Found

PLAN = replace(FULL, counts=(1, 10), turns=(0.0, 90.0), new_counts=(1, 5))
SCORES = {
    PERSONAL: 0.9,
    KNN: 0.8,
    GENERIC: 0.5,
    GENERIC + KNOWN: 0.6,
    "RandomForest": 0.85,
    **dict.fromkeys(HEADS, 0.88),
}


def measured(
    person: str, place: str, *, new: bool = False, run: str = "fold 0", **scores: float
) -> Measured:
    """Scores that fall by a tenth for every 90 degrees and for one window instead of more."""
    people = dict.fromkeys((*CONTESTANTS, *PEERS), 0.7)
    given = {**people, **SCORES, **scores}

    def at(condition: Condition, score: float) -> float:
        return score - condition.turned / 900 - 0.1 * (condition.n == 1)

    conditions = PLAN.conditions(new=new)
    return Measured(
        run=run,
        person=person,
        place=place,
        labels=("walking", "rowing"),
        asked=80,
        scores={
            name: {c.name: at(c, score) for c in conditions} for name, score in given.items()
        },
    )


def found(**scores: float) -> Found:
    """Twelve people; arms and legs of six of them."""
    limbs = ("dsads/right_arm", "dsads/left_leg")
    known = [measured(f"dsads/{n}", place, **scores) for n in range(1, 7) for place in limbs]
    known += [
        measured(f"wisdm_watch/{n}", "wisdm_watch/wrist_watch", **scores) for n in range(6)
    ]
    return Found(
        plan=PLAN,
        known=tuple(known),
        placeless=(measured("dsads/1", "dsads/left_leg", run="no leg", personal=0.7),),
        new=tuple(
            measured(f"spar_seglearn/{n}", "spar_seglearn/left_wrist", new=True)
            for n in range(3)
        ),
        costs={
            name: Cost(seconds=0.25, megabytes=1.5, loaded=60.0, load=0.75)
            for name in (*CONTESTANTS, *PEERS)
        },
        lesson=(10, 9),
        bases={"fold 0": "ab" * 32},
        software={"harpi": "1.2.3", "machine": "made up"},
    )
