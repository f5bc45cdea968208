"""How good harpi's answer is, beside the models that it is made of.

    python -m tests.labs.answer --data FOLDER [--bases FOLDER] [--page]

Each wearer teaches the first windows of some activities, and is asked from a minute later on:
hop by hop, each activity lasting `SHORTEST` to `LONGEST` seconds. Unknown is wrong where it was
taught. The constants of the answer were chosen on half of the people; the tables that `--page`
writes into docs/evaluate.md are of the others.

`--bases` has a base for each data set that has seen nobody of it, `no_<data set>.tflite`; else
the one that ships is measured, which has.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.config.schema import SignalSection
from harpi.evaluation.metrics import confusion, macro_f1
from harpi.names import ANSWER
from harpi.recognition.classifiers import Classifiers
from harpi.signal.orientation import rotation_about, turn
from harpi.signal.windows import WindowMaker
from harpi.types import FloatArray, Samples
from tests.labs.wearers import Wearer, taught_device, wearers

COUNTS: Final = (1, 3, 5, 10, 20)
"""Windows of each activity that are taught, one behind the other."""
SOME: Final = 10
"""As many where the strap is turned, and where only half of the activities are taught."""
ASKED_FROM: Final = 62.0
"""Seconds into each activity from which on it is asked."""
ASKED_SECONDS: Final = 26.0
"""That there have to be, at least."""
SHORTEST: Final = 26.0
LONGEST: Final = 64.0
BOUTS: Final = 3
"""Of each activity."""
MOST: Final = 9
"""Activities of a wearer."""
MODELS: Final = ("knn", "generic", "personal", ANSWER)


@dataclass(frozen=True)
class Asked:
    """What a device says of windows that are of one activity each.

    Attributes:
        truth: int64 ``[n]``, which activity; those that were not taught come last.
        taught: how many were.
        said: by model, int64 ``[n]``; -1 is unknown, or nothing that the wearer does.
    """

    truth: NDArray[np.int64]
    taught: int
    said: dict[str, NDArray[np.int64]]

    def score(self, model: str) -> float:
        """Return macro F1 over what was taught."""
        known = self.truth < self.taught
        said = np.minimum(self.said[model][known], self.taught)  # one column for all else
        return float(macro_f1(confusion(self.truth[known], said, self.taught + 1)))

    def unknown(self, model: str, *, taught: bool) -> float:
        """Return the share of the windows that a model calls unknown."""
        kept = (self.truth < self.taught) == taught
        return float(np.mean(self.said[model][kept] == -1))


def ask(
    wearer: Wearer,
    labels: Sequence[str],
    base: str | None,
    *,
    count: int,
    taught: int,
    turned: float = 0.0,
) -> Asked:
    """Teach a device the first `taught` labels by `count` windows each, and ask it of all."""
    signal = SignalSection()
    filtering = 2 * WindowMaker(wearer.rate, signal.rate, signal.length, signal.hop).delay
    seconds = count * signal.length / signal.rate + filtering + 2 / wearer.rate
    takes = [(label, wearer.signals[label][: round(seconds * wearer.rate)]) for label in labels]
    with taught_device(wearer, takes[:taught], base) as (_, loaded):
        rng = _random(wearer)
        axis = rng.normal(size=(1, 3))
        rotation = rotation_about(axis / np.linalg.norm(axis), np.radians([turned]))[0]
        script = list(_script(wearer, labels, rng))
        return _hear(loaded.panel, wearer, labels, taught, script, rotation if turned else None)


def _random(wearer: Wearer) -> np.random.Generator:
    return np.random.default_rng([*hashlib.sha256(wearer.name.encode()).digest()[:8]])


def _script(
    wearer: Wearer, labels: Sequence[str], rng: np.random.Generator
) -> Iterator[tuple[int, FloatArray]]:
    """Give the bouts of a day: which activity, and its signal."""
    places = dict.fromkeys(labels, 0)
    before = -1
    for code in rng.permutation(np.repeat(np.arange(len(labels)), BOUTS)).tolist():
        if code == before:
            continue
        before = code
        rest = wearer.signals[labels[code]][round(ASKED_FROM * wearer.rate) :]
        count = round(rng.uniform(SHORTEST, LONGEST) * wearer.rate)
        rows = (places[labels[code]] + np.arange(count)) % len(rest)
        places[labels[code]] += count
        yield code, rest[rows]


def _hear(
    panel: Classifiers,
    wearer: Wearer,
    labels: Sequence[str],
    taught: int,
    script: Sequence[tuple[int, FloatArray]],
    rotation: NDArray[np.float64] | None,
) -> Asked:
    signal = SignalSection()
    maker = WindowMaker(wearer.rate, signal.rate, signal.length, signal.hop)
    ends = np.cumsum([len(values) for _, values in script]) / wearer.rate
    codes = {label: code for code, label in enumerate(labels)}
    truth: list[int] = []
    said: dict[str, list[int]] = {model: [] for model in MODELS}
    begin = 0
    for _, values in script:
        seen = values if rotation is None else turn(values, rotation)
        times = (begin + np.arange(len(seen))) / wearer.rate
        begin += len(seen)
        for verdict in panel.judge_all(maker.push(Samples(seen, times))):
            first, last = np.searchsorted(ends, [verdict.window.start, verdict.window.end])
            if first != last or last == len(script):
                continue
            truth.append(script[int(first)][0])
            for model in MODELS:
                answer = verdict.opinions[model].answer
                said[model].append(-1 if answer is None else codes.get(answer, len(codes)))
    return Asked(
        np.array(truth), taught, {model: np.array(found) for model, found in said.items()}
    )


# --- the tables -------------------------------------------------------------------------------

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "evaluate.md"
BEGIN: Final = "<!-- measured -->\n"
END: Final = "<!-- /measured -->"


@dataclass(frozen=True)
class Figures:
    """Of one wearer: by windows taught, with the strap turned, with half of it taught."""

    name: str
    by_count: dict[int, Asked]
    turned: Asked
    half: Asked


def measure(wearer: Wearer, base: str | None) -> Figures | None:
    """Measure one wearer; None where there is too little of too many activities."""
    least = (ASKED_FROM + ASKED_SECONDS) * wearer.rate
    labels = [label for label, values in wearer.signals.items() if len(values) >= least]
    labels = [str(one) for one in _random(wearer).permutation(sorted(labels))][:MOST]
    if len(labels) < 4:
        return None
    every = len(labels)
    by_count = {n: ask(wearer, labels, base, count=n, taught=every) for n in COUNTS}
    turned = ask(wearer, labels, base, count=SOME, taught=every, turned=90.0)
    half = ask(wearer, labels, base, count=SOME, taught=every // 2)
    return Figures(wearer.name, by_count, turned, half)


def tables(found: Sequence[Figures]) -> str:
    """Write what the page shows."""
    people = len({" ".join(one.name.split()[:2]) for one in found})
    rows = [(str(n), [one.by_count[n] for one in found]) for n in COUNTS]
    rows.append((f"{SOME}, turned by 90°", [one.turned for one in found]))
    lines = [
        f"{people} people, {len(found)} times a person with a place of the sensor.",
        "",
        (
            "| windows | kNN | personal | the answer | better, worse than personal "
            "| taught, but called unknown: personal | the answer |"
        ),
        "|---|---|---|---|---|---|---|",
    ]
    for name, asked in rows:
        scores = {m: np.array([one.score(m) for one in asked]) for m in MODELS}
        better = int((scores[ANSWER] > scores["personal"]).sum())
        worse = int((scores[ANSWER] < scores["personal"]).sum())
        lost = {m: np.mean([one.unknown(m, taught=True) for one in asked]) for m in MODELS}
        lines.append(
            f"| {name} | {_share(scores['knn'])} | {_share(scores['personal'])} "
            f"| {_share(scores[ANSWER])} | {better}, {worse} "
            f"| {lost['personal']:.1%} | {lost[ANSWER]:.1%} |"
        )
    half = [one.half for one in found]
    lines += [
        "",
        f"With {SOME} windows of half of the activities:",
        "",
        "| called unknown | of what was taught | of what was not |",
        "|---|---|---|",
    ]
    for model, name in (("personal", "personal"), (ANSWER, "the answer")):
        own = np.mean([one.unknown(model, taught=True) for one in half])
        others = np.mean([one.unknown(model, taught=False) for one in half])
        lines.append(f"| {name} | {own:.1%} | {others:.1%} |")
    return "\n".join(lines) + "\n"


def _share(values: NDArray[np.float64]) -> str:
    return f"{values.mean():.3f}".removeprefix("0")


def main() -> None:
    """Measure, and print or write the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--bases", type=Path, help="bases that have seen nobody of a set")
    parser.add_argument("--page", action="store_true", help="write to docs/evaluate.md")
    asked = parser.parse_args()
    found = []
    for wearer in wearers(asked.data):
        if wearer.chosen_on:
            continue
        base = asked.bases and str(asked.bases / f"no_{wearer.name.split()[0]}.tflite")
        figures = measure(wearer, base)
        if figures is not None:
            found.append(figures)
            last = figures.by_count[SOME]
            print(wearer.name, *(f"{m} {last.score(m):.3f}" for m in MODELS), flush=True)
    text = tables(found)
    print(text)
    if asked.page:
        before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}{text}{END}{rest.partition(END)[2]}", "utf-8")


if __name__ == "__main__":
    main()
