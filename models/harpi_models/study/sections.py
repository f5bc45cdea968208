"""The sections of the study's page that are tables, each from what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from harpi_models.card import table
from harpi_models.datasets.catalogue import CATALOGUE
from harpi_models.metrics import Difference
from harpi_models.protocol import Condition
from harpi_models.study.aims import AIMS
from harpi_models.study.device import CORAL, GENERIC, HEADS, KNN, PERSONAL
from harpi_models.study.examination import KNOWN
from harpi_models.study.peers import PEERS
from harpi_models.study.results import Measured
from harpi_models.study.run import Found
from harpi_models.study.summary import (
    between,
    contestants_of,
    difference,
    figure,
    people_scores,
    places_of,
)

LEARNT: Final = 10
"""Windows of each class at which figures are shown where only one number is."""
OTHERS: Final = (*PEERS, *CORAL)
"""What one would take instead of harpi."""

CURVES: Final = "study-curves.svg"
TURNED: Final = "study-turned.svg"

_NOTHING: Final = "–"


def curves(found: Found, pictures: str) -> str:
    """How macro F1 grows with what is taught."""
    counts = found.plan.counts
    rows = [
        [name, *(_cell(found.known, name, Condition(n)) for n in counts)]
        for name in _shown_rows(found.known)
    ]
    n = Condition(LEARNT)
    places = places_of(found.known)
    by_place = [
        [name, *(_cell(found.known, name, n, place) for place in places)]
        for name in _shown_rows(found.known)
    ]
    return (
        "## Learning curves\n\n"
        f"![Macro F1 against windows learnt, by place on the body]({pictures}/{CURVES})\n\n"
        "Over all people and places, by windows of each activity that were taught:\n\n"
        + table(["", *(f"{n}" for n in counts)], rows)
        + f"\nBy place, {LEARNT} windows of each activity:\n\n"
        + table(["", *places], by_place)
    )


def pairs(found: Found) -> str:
    """Personal against each of the others, the same people."""
    counts = found.plan.counts
    rivals = [name for name in (KNN, GENERIC, *OTHERS) if name in contestants_of(found.known)]
    rows = [
        [
            name,
            *(
                _difference(difference(found.known, PERSONAL, name, Condition(n)))
                for n in counts
            ),
        ]
        for name in rivals
    ]
    return (
        "## Personal against each of the others\n\n"
        "By how much `personal` is better with the same people, by windows taught. Bold is\n"
        "sure: neither the interval nor a randomisation test (p < .05) leaves room for the\n"
        "opposite. No correction is made for how many comparisons there are.\n\n"
        + table(["against", *(f"{n}" for n in counts)], rows)
    )


def heads(found: Found) -> str:
    """The heads of the device by themselves."""
    rows = [
        [name, *(_cell(found.known, name, Condition(n)) for n in found.plan.counts)]
        for name in (PERSONAL, *HEADS)
    ]
    return (
        "## The heads\n\n"
        "`personal` is what the device settles on: the joined one, unless held-out windows\n"
        "show that another is clearly better. Each by itself:\n\n"
        + table(["", *(f"{n}" for n in found.plan.counts)], rows)
    )


def turned(found: Found, pictures: str) -> str:
    """What is left when the strap is turned after learning."""
    turns = found.plan.turns
    most = Condition(LEARNT, turned=max(turns))
    rows = []
    for name in (*_shown_rows(found.known), *HEADS):
        pair = None if name == PERSONAL else difference(found.known, PERSONAL, name, most)
        cells = [_cell(found.known, name, Condition(LEARNT, turned=t)) for t in turns]
        rows.append([name, *cells, _difference(pair)])
    return (
        "## The strap turned after learning\n\n"
        "What is asked is turned about an axis drawn at random for each person and place;\n"
        f"{LEARNT} windows of each activity were taught before.\n\n"
        f"![Macro F1 against degrees of turning, by place]({pictures}/{TURNED})\n\n"
        + table(
            ["", *(f"{t:g}°" for t in turns), f"personal better by, {most.turned:g}°"], rows
        )
    )


def places(found: Found) -> str:
    """Places that the base never saw; nothing where none was left out."""
    if not found.placeless:
        return ""
    columns: tuple[tuple[str, str, Condition], ...] = (
        (GENERIC + KNOWN, "generic, labels it knows", Condition(LEARNT)),
        (KNN, f"kNN, n={LEARNT}", Condition(LEARNT)),
        (PERSONAL, "personal, n=1", Condition(1)),
        (PERSONAL, f"personal, n={LEARNT}", Condition(LEARNT)),
    )
    rows = []
    for place in places_of(found.placeless):
        cells = [_cell(found.placeless, name, when, place) for name, _, when in columns]
        rows.append([place, *cells])
        changes = [
            _difference(
                between(
                    people_scores(found.placeless, name, when, place),
                    people_scores(found.known, name, when, place),
                )
            )
            for name, _, when in columns
        ]
        rows.append(["*against a base that saw it*", *changes])
    return (
        "## A place that the base never saw\n\n"
        "Neither the person nor anyone with a sensor at that place was in the training of the\n"
        "base; other places of other sets were (a wrist, when arms were left out).\n\n"
        + table(["", *(shown for _, shown, _ in columns)], rows)
    )


def new(found: Found) -> str:
    """Classes that no base has seen; nothing where nobody was examined."""
    if not found.new:
        return ""
    counts = found.plan.new_counts
    rows = []
    for name in (PERSONAL, KNN, *OTHERS, *HEADS):
        straight = [_cell(found.new, name, Condition(n)) for n in counts]
        last = Condition(max(counts), turned=max(found.plan.turns))
        pair = difference(found.new, PERSONAL, name, Condition(max(counts)))
        against = _NOTHING if name == PERSONAL else _difference(pair)
        rows.append([name, *straight, _cell(found.new, name, last), against])
    spar = CATALOGUE["spar_seglearn"]
    people = len(people_scores(found.new, PERSONAL, Condition(counts[0])))
    return (
        "## Classes that the base has never seen\n\n"
        f"{people} people doing shoulder exercises ({spar.citation}), none of which any\nbase "
        "learnt, with the base that ships. The last column is by how much `personal` is\n"
        f"better with {max(counts)} windows.\n\n"
        + table(
            [
                "",
                *(f"n={n}" for n in counts),
                f"n={max(counts)}, turned {max(found.plan.turns):g}°",
                "personal better by",
            ],
            rows,
        )
    )


def costs(found: Found) -> str:
    """Time and memory of learning; nothing where that was not measured."""
    if not found.costs:
        return ""
    windows, classes = found.lesson
    rows = []
    for name, cost in found.costs.items():
        grown = _NOTHING if cost.megabytes is None else f"{cost.megabytes:.1f}"
        loaded = _NOTHING if cost.loaded is None else f"{cost.loaded:.0f}"
        spent = f"{cost.seconds * 1000:.0f}" if cost.seconds >= 0.001 else "under 1"
        rows.append([name, spent, grown, loaded])
    load = max(cost.load for cost in found.costs.values())
    return (
        "## What learning costs\n\n"
        f"From {windows} windows of each of {classes} activities to a model that answers,\n"
        "each in a process of its own: median time, by how much its memory grows meanwhile,\n"
        "and what the process takes before, with everything loaded. One thread of\n"
        f"{found.software['machine']}, load average {load:.1f} at most. Who learns on the\n"
        "base embeds the windows first; harpi's heads also see turned copies of them.\n\n"
        + table(["", "ms", "grows by MB", "loaded MB"], rows)
    )


def aims(found: Found) -> str:
    """What was aimed at before anything was measured, and what was reached."""
    parts = {"known": found.known, "placeless": found.placeless, "new": found.new}
    rows = []
    for aim in AIMS:
        reached = figure(parts[aim.part], aim.contestant, aim.condition, aim.place)
        if reached is not None:
            verdict = "reached" if reached.mean >= aim.at_least else "missed"
            learns = not aim.contestant.startswith(GENERIC)
            what = aim.contestant + (f", {aim.condition.name}" if learns else "")
            rows.append([aim.where, what, f"{aim.at_least:g}", reached, verdict])
    return "## Aims\n\nWritten down before the study was; macro F1 at least:\n\n" + table(
        ["where", "", "aim", "measured", ""], rows
    )


def _shown_rows(measured: Sequence[Measured]) -> tuple[str, ...]:
    there = contestants_of(measured)
    wanted = (PERSONAL, KNN, GENERIC, GENERIC + KNOWN, *OTHERS)
    return tuple(name for name in wanted if name in there)


def _cell(
    measured: Sequence[Measured], name: str, condition: Condition, place: str | None = None
) -> str:
    found = figure(measured, name, condition, place)
    return _NOTHING if found is None else str(found)


def _difference(found: Difference | None) -> str:
    if found is None:
        return _NOTHING
    return f"**{found}**" if found.sure else str(found)
