"""The model card: written from the figures of a run, never by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harpi_models.datasets import motion_capture
from harpi_models.datasets.catalogue import CATALOGUE, CORE, TRAINED_ON
from harpi_models.datasets.consistency import Agreement
from harpi_models.folds import PEOPLE_RUNS, PLACE_RUNS, SET_RUNS
from harpi_models.judging import figures_by_group, join, overall
from harpi_models.metrics import Figure

WATTS_PER_CORE = 15.0
GRAMS_CO2_PER_KWH = 400.0
PERSONAL_SHOWN = ("n=1", "n=5", "n=10", "n=10, 3 windows", "n=10, turned 45", "n=10, turned 90")

PLACES_LEARNER = "base and features, discriminant"
PLACES_SHOWN = ("n=1", "n=10")

NOT_FOR = """\
- It is no medical device, and no judge of how well a movement is done.
- A person whose gait differs much from that of healthy adults was never seen in training.
- Sitting, standing and lying are told apart by where gravity points. With a strap at an
  unknown turn they are confused with each other; the personal model is the remedy.
- Stairs were climbed indoors by people of a few laboratories, cycling was on ergometers and
  running on a treadmill for the arms and legs.
- Gyroscopes on the legs of DSADS read low by about 40 %; training scales the angular rate at
  random for that reason."""


def model_card(figures: Mapping[str, Any]) -> str:
    """The card as Markdown.

    Args:
        figures: what `pipeline.train_and_judge` returned or wrote as `figures.json`.
    """
    runs = figures["runs"]
    people = [runs[run.name] for run in PEOPLE_RUNS if run.name in runs]
    judged = [part for part in people if "generic" in part]
    parts = [_head(figures)]
    if any(run.name in runs for run in SET_RUNS):
        parts.append(foreign_sets(runs))
    parts.append(_data(figures))
    if people:
        parts += [
            _generic(judged, figures),
            _places(runs),
            _classes(judged),
            _personal(people),
            _unknown(people, figures),
            _quantized(runs[PEOPLE_RUNS[0].name]),
        ]
    parts += [f"## What it is not good for\n\n{NOT_FOR}\n", _cost(figures)]
    return "\n".join(parts)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines) + "\n"


def _head(figures: Mapping[str, Any]) -> str:
    return f"""# The generic base, version {figures["version"]}

A small convolutional network for windows of 2.56 s at 25 Hz (64 x 6: acceleration in g,
angular rate in deg/s). It answers one of {", ".join(CORE)}; its features are what the
personal head learns on. {figures["size"]:,} bytes, digest `{figures["digest"][:16]}`.
{_features(figures)}
This card is written by `harpi-models train` from the figures of its run; all of them are in
`figures.json` beside it, person by person.
"""


def _features(figures: Mapping[str, Any]) -> str:
    """Where its features come from; nothing of a base from before the two were taught apart."""
    if "teaching" not in figures:
        return ""
    later = [d.name for d in TRAINED_ON if d.later and d.name in figures["people"]]
    names = [f"`{name}`" for name in figures["data"] if name not in later]
    only = [f"`{name}`" for name in later]
    if motion_capture.NAME in figures["data"]:
        names.remove(f"`{motion_capture.NAME}`")
        only.append(f"`{motion_capture.NAME}`")
    said = f"\nThe features are learnt from {', '.join(names)}."
    if figures["features"]:
        said = (
            f"\nThe features are those of base {figures['features']}, learnt from "
            f"{', '.join(names)}: what personal heads\nreach on them was measured with that "
            "base's siblings. Figures of the generic model are of\nsiblings whose features "
            f"had {figures['recipe']['epochs']} epochs."
        )
    if only:
        said += f"\nThe classifier alone learns from {', '.join(only)}, too."
    return f"{said}\n"


def foreign_sets(runs: Mapping[str, Any]) -> str:
    """How the base fares where everything is new, and how it fares with new people alone.

    Args:
        runs: figures by run, of which those of `SET_RUNS` and `PEOPLE_RUNS` are shown.
    """
    people = [runs[run.name] for run in PEOPLE_RUNS if "sureness" in runs.get(run.name, {})]
    known = join([part["sureness"] for part in people])
    rows, shares = [], []
    for run in SET_RUNS:
        if "sureness" not in runs.get(run.name, {}):
            continue
        scores = runs[run.name]["generic"]["as recorded"]
        familiar = join([part["generic"]["as recorded"] for part in people])
        foreign, own = (
            overall({place: by[place] for place in scores if place in by}).mean
            for by in (scores, familiar)
        )
        shares.append(foreign / own if own else 0.0)
        rows += [
            [place, *_sureness(runs[run.name]["sureness"][place])] for place in sorted(scores)
        ]
    return (
        "## A data set that it never saw\n\n"
        "What to expect of a new wearer, with another sensor on another strap: for each set a\n"
        "base was trained on the others alone. Shares of the windows, mean over people.\n"
        "*Wrong and sure*: another answer than the right one, not said to be unknown.\n\n"
        + table(["set left out, place", *SURENESS], rows)
        + f"\nMacro F1 on a set left out is {np.mean(shares):.2f} of what it is on new people "
        "of a set\nthat was trained on "
        f"({', '.join(f'{share:.2f}' for share in shares)}, in the order of the table below).\n"
        "\nThe same for new people of sets that were trained on:\n\n"
        + table(["place", *SURENESS], [[p, *_sureness(known[p])] for p in sorted(known)])
    )


SURENESS = (
    "right",
    "unknown",
    "wrong and sure",
    "walking right",
    "walking called stairs",
    "walking wrong and sure",
    "stairs right",
    "stairs called walking",
)


def _sureness(place: Mapping[str, Any]) -> list[str]:
    """The figures of a place under `SURENESS`."""
    asked = [
        ("all", "right"),
        ("all", "unknown"),
        ("all", "wrong and sure"),
        ("walking", "right"),
        ("walking", "called stairs"),
        ("walking", "wrong and sure"),
        ("stairs", "right"),
        ("stairs", "called walking"),
    ]
    return [f"{place[of][what]:.2f}" if of in place else "" for of, what in asked]


def _data(figures: Mapping[str, Any]) -> str:
    rows = []
    trained_on = [d for d in TRAINED_ON if d.name in figures["people"]]
    for data_set in trained_on:
        numbers = figures["people"][data_set.name]
        never = ", ".join(str(n) for n in sorted(data_set.never))
        rows.append(
            [
                f"{data_set.title} (`{data_set.name}`)",
                f"{len(numbers)}" + (f", without {never}" if never else ""),
                data_set.licence,
                data_set.citation,
            ]
        )
    if motion_capture.NAME in figures.get("data", ()):
        rows.append(
            [
                f"{motion_capture.TITLE} (`{motion_capture.NAME}`), virtual sensors on legs",
                "48 walkers",
                motion_capture.LICENCE,
                motion_capture.ACKNOWLEDGEMENT,
            ]
        )
    spar = CATALOGUE["spar_seglearn"]
    cautions = [f"{d.title}: {d.caution}\n" for d in trained_on if d.caution]
    return (
        "## Data\n\n"
        + table(["set", "people", "licence", "citation"], rows)
        + "".join(f"\n{caution}" for caution in cautions)
        + _agreement(figures.get("agreement", {}))
        + f"\n{spar.title} ({spar.citation}; {spar.licence}) is never trained\n"
        "on; new movements are measured with it.\n"
    )


def _agreement(agreement: Mapping[str, Mapping[str, Any]]) -> str:
    if not agreement:  # base 1.1 was trained before anybody asked
        return ""
    rows = []
    for place, found in agreement.items():
        measured = Agreement(**{**found, "gains": tuple(found["gains"])})
        rows.append([place, str(measured), f"{measured.samples:,}"])
    return (
        "\nHow the gyroscope of each set fits its accelerometer in slow turns (1 is right;\n"
        "what is not sound is learnt from by no base):\n\n"
        + table(["place", "", "samples"], rows)
    )


def _generic(people: Sequence[Mapping[str, Any]], figures: Mapping[str, Any]) -> str:
    joined = join([part["generic"] for part in people])
    by_group = {name: figures_by_group(scores) for name, scores in joined.items()}
    rows = [
        [name, *(by_group[condition][name] for condition in joined)]
        for name in sorted(next(iter(by_group.values())))
    ]
    rows.append(["all", *(overall(scores) for scores in joined.values())])
    return (
        "## Strangers, generic\n\n"
        "Macro F1 by window, mean over people and its 95 % interval (bootstrap over people).\n"
        f"Every figure is of a base that never saw the person: {_folds(len(people))}"
        " trained by\n"
        "the same recipe on the other two thirds of the people. *Strap turned*: by a random\n"
        f"turn for each person and place, mean of four.{_briefly(figures)}\n\n"
        + table(["where", *joined], rows)
    )


def _folds(count: int) -> str:
    return f"{['no', 'one fold,', 'two folds, each', 'three folds, each'][count]}"


def _briefly(figures: Mapping[str, Any]) -> str:
    """What to say where the bases behind the figures were trained for less long."""
    epochs = figures["recipe"]["epochs"]
    brief = figures.get("sibling_epochs", epochs)
    if brief == epochs:
        return ""
    return (
        f" They had {epochs}\nepochs; the bases that never saw a set or a place had {brief}, "
        "which makes those\nfigures lower."
    )


def _places(runs: Mapping[str, Any]) -> str:
    rows = []
    for run in PLACE_RUNS:
        if run.name in runs:
            for condition, scores in runs[run.name].get("generic", {}).items():
                for name, figure in figures_by_group(scores).items():
                    rows.append([run.name, name, f"generic, {condition}", figure])
            personal = runs[run.name]["personal"].get(PLACES_LEARNER, {})
            for condition in PLACES_SHOWN:
                for name, figure in figures_by_group(personal.get(condition, {})).items():
                    rows.append([run.name, name, f"personal, {condition}", figure])
    return (
        "## A place on the body that no training person wore, and a person never seen\n\n"
        f"*Personal*: {PLACES_LEARNER}, as below.\n\n"
        + table(["trained with", "judged on", "", "macro F1"], rows)
    )


def _classes(people: Sequence[Mapping[str, Any]]) -> str:
    rows = [[label, *(f"{part['classes'][label]:.2f}" for part in people)] for label in CORE]
    total = [
        [sum(part["confusion"][i][j] for part in people) for j in range(len(CORE))]
        for i in range(len(CORE))
    ]
    wrong = [
        [label, *(f"{100 * n / max(1, sum(total[i])):.0f}" for n in total[i])]
        for i, label in enumerate(CORE)
    ]
    return (
        "## By class\n\nF1 over all windows of strangers as recorded, by fold:\n\n"
        + table(["class", *(f"fold {i}" for i in range(len(people)))], rows)
        + "\nAnswers in per cent of the windows of each class (rows: what they did):\n\n"
        + table(["", *CORE], wrong)
    )


def _personal(people: Sequence[Mapping[str, Any]]) -> str:
    joined = join([part["personal"] for part in people])
    intro = (
        "## Strangers, personal\n\n"
        "Macro F1 after n windows of each of the wearer's classes: the first n in time are\n"
        "learnt, what comes after 20 windows and 10 s is asked. *3 windows*: mean over three\n"
        "consecutive answers. *turned*: the strap is turned by so many degrees after that.\n"
        "The discriminant is the closed-form head of the device, which learns from turned\n"
        "copies of each window, too, unless the row says otherwise.\n"
    )
    parts = [intro]
    groups = sorted(figures_by_group(next(iter(joined.values()))["n=1"]))
    for name in groups:
        rows = []
        for learner, conditions in joined.items():
            found: list[Figure] = [
                figures_by_group(conditions[c])[name] for c in PERSONAL_SHOWN if c in conditions
            ]
            rows.append([learner, *found])
        parts.append(f"### {name}\n\n" + table(["", *PERSONAL_SHOWN], rows))
    return "\n".join(parts)


def _unknown(people: Sequence[Mapping[str, Any]], figures: Mapping[str, Any]) -> str:
    by_group = figures_by_group(join([part["unknown"] for part in people]))
    return (
        "## Unknown movements\n\n"
        "AUROC of the distance to what a wearer taught (every other class, 10 windows each),\n"
        "when the other classes come:\n\n"
        + table(["where", "AUROC"], [[name, by_group[name]] for name in sorted(by_group)])
        + "\nThe generic model says *unknown* below a confidence of "
        f"{figures['unknown_below']}:\n{_cost_of_unknown(figures)}\n"
    )


def _cost_of_unknown(figures: Mapping[str, Any]) -> str:
    found = figures.get("unknown")
    if found is None:
        return "5 % of strangers' familiar windows fall under it."
    return (
        f"{100 * found['lost']:.0f} % of its right answers to strangers fall under it. On a "
        f"set that it never saw\n{100 * found['foreign_unknown']:.0f} % of the windows do, "
        f"and {100 * found['foreign_wrong']:.0f} % are answered wrongly and surely."
    )


def _quantized(fold: Mapping[str, Any]) -> str:
    def row(name: str, size: object, generic: Mapping[str, Any]) -> list[object]:
        return [name, size, *(f"{overall(scores).mean:.3f}" for scores in generic.values())]

    rows = [row("float32", "", fold["generic"])]
    rows += [row(kind, f"{q['size']:,}", q["generic"]) for kind, q in fold["quantized"].items()]
    return (
        "## Quantised\n\nThe base of the first fold, macro F1 over its strangers:\n\n"
        + table(["", "bytes", *fold["generic"]], rows)
    )


def _cost(figures: Mapping[str, Any]) -> str:
    cost = figures["cost"]
    energy = cost["core_hours"] * WATTS_PER_CORE / 1000
    return (
        "## Time and carbon\n\n"
        f"The whole run took {cost['minutes']} minutes and {cost['core_hours']} core hours on "
        f"{cost['machine']}, without an\naccelerator: about {energy:.3f} kWh at "
        f"{WATTS_PER_CORE:g} W a core, {energy * GRAMS_CO2_PER_KWH:.0f} g of CO2 at "
        f"{GRAMS_CO2_PER_KWH:g} g/kWh.\n"
    )
