"""The page of the study: written from what was measured, never by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from harpi.signal.features import FEATURE_NAMES
from harpi_models.datasets.catalogue import CATALOGUE
from harpi_models.datasets.layout import LENGTH, RATE
from harpi_models.protocol import GAP, TEST_AFTER, Condition
from harpi_models.study import sections
from harpi_models.study.device import GENERIC, KNN, PERSONAL
from harpi_models.study.lesson import MOST_ASKED
from harpi_models.study.pictures import SHOWN, Line, panels
from harpi_models.study.results import Measured
from harpi_models.study.run import Found
from harpi_models.study.sections import CURVES, LEARNT, OTHERS, TURNED
from harpi_models.study.summary import best_of, difference, figure, people_scores, places_of

TITLE: Final = "# What personalisation buys"
SECONDS: Final = LENGTH / RATE
NEW: Final = "new exercises"


def page(found: Found, pictures: str = "images") -> tuple[str, dict[str, str]]:
    """Write the page.

    Args:
        found: everything that was measured.
        pictures: folder of the pictures, as the page names it.

    Returns:
        The page as Markdown, and its pictures by file name.
    """
    parts = [
        f"{TITLE}\n\n{headline(found)}\n",
        _about(found),
        sections.curves(found, pictures),
        sections.pairs(found),
        sections.turned(found, pictures),
        sections.places(found),
        sections.new(found),
        sections.heads(found),
        sections.costs(found),
        sections.aims(found),
        _making(found),
    ]
    return "\n".join(part for part in parts if part), _pictures(found)


def headline(found: Found) -> str:
    """The sentences that say it all; the README quotes them."""
    first = Condition(LEARNT)
    then = Condition(LEARNT, turned=max(found.plan.turns))
    people = len(people_scores(found.known, PERSONAL, first))
    verdicts = [_verdict(found, condition) for condition in (first, then)]
    if verdicts[0] == verdicts[1]:
        verdict = f"Both times {verdicts[0]}"
    else:
        verdict = f"As taught, {verdicts[0]}; turned, {verdicts[1]}"
    return (
        f"{people} people that none of the models was trained on, {LEARNT * SECONDS:.0f} s of "
        f"each of their activities taught, macro F1: {_scores(found, first)}. With the strap "
        f"turned by {then.turned:g}° since: "
        f"{_scores(found, then)}. {verdict}."
    )


def _scores(found: Found, condition: Condition) -> str:
    """What harpi's three and the best of the others reached."""
    rival = best_of(found.known, OTHERS, condition)
    said = [
        f"{name} {score.mean:.2f}"
        for name in (PERSONAL, KNN, GENERIC, rival)
        if (score := figure(found.known, name, condition)) is not None
    ]
    return f"{', '.join(said)} (the best of {len(OTHERS)} others)"


def _verdict(found: Found, condition: Condition) -> str:
    """Whom personal is better than, as far as that is sure."""
    rivals = {
        KNN: KNN,
        GENERIC: GENERIC,
        best_of(found.known, OTHERS, condition): "the best of the others",
    }
    better: list[str] = []
    worse: list[str] = []
    undecided: list[str] = []
    for rival, called in rivals.items():
        pair = difference(found.known, PERSONAL, rival, condition)
        if pair is None or not pair.sure:
            undecided.append(called)
        else:
            (better if pair.mean > 0 else worse).append(called)
    words = [f"personal is significantly better than {_listed(better)}"] if better else []
    words += [f"significantly worse than {_listed(worse)}"] if worse else []
    words += [f"on a par with {_listed(undecided)}"] if undecided else []
    text = ", ".join(words)
    return text if better else f"personal is {text}"


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _about(found: Found) -> str:
    first = ""
    if found.plan.most_people is not None:
        first = (
            "\n**This is the quick study**: few people, and bases with a short training. Its "
            "figures\nare lower and less sure than those of the full one.\n"
        )
    if found.missing:
        first += (
            f"\n**This is the study so far**: {found.missing} examinations are to be made.\n"
        )
    return f"""{first}
Every figure is macro F1 by window, averaged over people who were held out of the base, with its
95 % interval (bootstrap over people; windows of one person resemble each other). A person
teaches the first n windows of {SECONDS:.2f} s of each activity. What is asked comes after
{TEST_AFTER} windows and a gap of {GAP * SECONDS:.0f} s, and is the same for every n and every
contestant. `kNN`, `generic` and `personal` are those of the device, made by its own code with
its default settings; `generic` learns nothing, and labels that it lacks count against it.
"""


def _making(found: Found) -> str:
    plan = found.plan
    people = {one.person for one in (*found.known, *found.new)}
    by_set = {
        name: sum(person.startswith(f"{name}/") for person in people) for name in CATALOGUE
    }
    sets = ", ".join(f"{count} of `{name}`" for name, count in by_set.items() if count)
    software = ", ".join(f"{name} {version}" for name, version in found.software.items())
    bases = ", ".join(f"{name} `{digest[:12]}`" for name, digest in found.bases.items())
    return f"""## How it was made

    harpi-models study --data DIR{" --quick" if plan.most_people is not None else ""}

- People: {sets}. Of a class with fewer than {TEST_AFTER + GAP + 3} windows nothing is asked.
- Each person's answers come from a base whose training saw none of that person. Bases are
  trained by the recipe of the shipped one on two thirds of the people; where the place is left
  out as well, without everyone's windows from there.
- Windows do not overlap, so that n windows are n for every contestant; from the same seconds
  the device cuts four times as many. One window of a label is enough to train with. Else its
  configuration has its defaults.
- Of what is asked at most {MOST_ASKED} windows of a class are taken, evenly spread over time.
- A label goes by the base's name where the base has one, as a wearer of harpi would say it. The
  kNN has its reference, made of the same people as the base.
- *Unknown* counts as the most probable label.
- The others learn the wearer's windows alone: RandomForest, LogisticRegression and river's kNN
  on the {len(FEATURE_NAMES)} features of harpi's kNN, MiniRocket on the signal, Coral's two
  (written here from their description) on the features of harpi's base. River's neighbours
  remember the whole lesson, not only the last 50 windows.
- Calibration and test share one mounting of the strap in these sets, which flatters whatever
  learns; turning it by a rotation is the stand-in for putting it on again.
- The recipe of the base, the heads' constants and the features were chosen on these sets; the
  rivals have the settings that their makers chose.
- Seed {plan.seed}. {software}.
- Bases: {bases}.
"""


def _pictures(found: Found) -> dict[str, str]:
    counts, turns = found.plan.counts, found.plan.turns
    curves = {
        place: _lines(found.known, [Condition(n) for n in counts], place)
        for place in places_of(found.known)
    }
    new = [Condition(n) for n in found.plan.new_counts]
    none: list[Condition | None] = [None] * (len(counts) - len(new))
    curves[NEW] = _lines(found.new, [*new, *none], NEW)
    turned = {
        place: _lines(found.known, [Condition(LEARNT, turned=t) for t in turns], place)
        for place in places_of(found.known)
    }
    return {
        CURVES: panels(curves, [str(n) for n in counts], "windows of each activity") + "\n",
        TURNED: panels(turned, [f"{t:g}°" for t in turns], "turned after learning") + "\n",
    }


def _lines(
    measured: Sequence[Measured], conditions: Sequence[Condition | None], place: str
) -> Mapping[str, Line]:
    """The line of each contestant that is drawn, through these conditions."""
    return {
        name: [None if c is None else figure(measured, name, c, place) for c in conditions]
        for name in SHOWN
    }
