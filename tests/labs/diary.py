"""How true the diary is: days that are put together of real recordings, and their truth.

    python -m tests.labs.diary --data FOLDER [--bases FOLDER] [--hours 1] [--page]

Each wearer teaches some activities by two takes of `TAUGHT_SECONDS` each. The rest of the
wearer's recordings becomes a day: activities that were taught, activities that were not, and a
sensor that lies on a table follow each other at random. The day goes through the code of the
device, from the windows on. The rules of the bouts were chosen on half of the people; the table
that `--page` writes into docs/diary.md is of the others. Recordings are shorter than a day, so
they are played again and again.

`--bases` has a base for each data set that has seen nobody of it, `no_<data set>.tflite`, as
`harpi-models train --without` makes them; else the one that ships is measured, which has.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from harpi.config.schema import Config
from harpi.diary.bouts import Bout, BoutMaker, Hop
from harpi.learning.models import LoadedModels
from harpi.recognition.classifiers import Classifiers
from harpi.signal.features import SharedFeatures
from harpi.signal.windows import WindowMaker
from harpi.types import FloatArray, Prediction, Samples
from tests.labs.wearers import Wearer, taught_device, wearers

TAUGHT_SECONDS: Final = 15.0
TAUGHT: Final = 5
"""Activities that a wearer teaches."""
HOURS: Final = 2.0
SHORTEST: Final = 20.0
LONGEST: Final = 600.0
"""Seconds of a bout of the truth; as many short as long ones by ratio."""
STRANGE_SHARE: Final = 0.1
NOT_WORN_SHARE: Final = 0.05
"""Of the bouts; what is strange to harpi, and what no body wears."""
NOT_WORN_SECONDS: Final = 300.0


@dataclass(frozen=True)
class Stretch:
    """A bout of the truth: seconds since the day began; no activity is not worn."""

    start: float
    end: float
    label: str | None


@dataclass(frozen=True)
class Day:
    """What a wearer taught and did, and what harpi said to it.

    Attributes:
        hops: of every window.
        by_model: what each model says of each window, by itself.
    """

    name: str
    taught: tuple[str, ...]
    truth: list[Stretch]
    hops: list[Hop]
    by_model: dict[str, list[str | None]]


def live(wearer: Wearer, base: str | None, *, broken: bool, hours: float) -> Day:
    """Teach a device, and let it see a day."""
    rng = np.random.default_rng(int(hashlib.sha256(wearer.name.encode()).hexdigest()[:8], 16))
    labels = [str(label) for label in rng.permutation(sorted(wearer.signals))]
    taught, strange = tuple(labels[:TAUGHT]), labels[TAUGHT:]
    length = round(TAUGHT_SECONDS * wearer.rate)
    takes = [
        (label, wearer.signals[label][part * length : (part + 1) * length])
        for label in taught
        for part in range(2)
    ]
    with taught_device(wearer, takes, base) as (config, loaded):
        panel = _broken(loaded) if broken else loaded.panel
        truth, values = _script(wearer, rng, taught, strange, 2 * length, hours)
        return _see(wearer, config, panel, taught, truth, values)


class _Noise:
    """A classifier whose base sees nothing of the signal."""

    def __init__(self, classifier: object) -> None:
        self._classifier = classifier
        self._rng = np.random.default_rng(1)

    @property
    def name(self) -> str:
        return self._classifier.name  # type: ignore[attr-defined, no-any-return]

    @property
    def labels(self) -> tuple[str, ...]:
        return self._classifier.labels  # type: ignore[attr-defined, no-any-return]

    def predict(
        self, windows: FloatArray, shared: SharedFeatures | None = None
    ) -> list[Prediction]:
        noise = self._rng.normal(0, 1, windows.shape).astype(np.float32)
        noise[..., 3:] *= 100
        return self._classifier.predict(noise)  # type: ignore[attr-defined, no-any-return]


def _broken(loaded: LoadedModels) -> Classifiers:
    made = Classifiers([loaded.knn, _Noise(loaded.generic), _Noise(loaded.personal)])
    made.answerer = loaded.panel.answerer
    return made


def _script(
    wearer: Wearer,
    rng: np.random.Generator,
    taught: Sequence[str],
    strange: Sequence[str],
    held: int,
    hours: float,
) -> tuple[list[Stretch], FloatArray]:
    """Make the truth of a day, and its signal."""
    truth: list[Stretch] = []
    blocks: list[FloatArray] = []
    places = dict.fromkeys(wearer.signals, 0)
    now, before = 0.0, ""
    while now < hours * 3600:
        dice = rng.random()
        seconds = float(np.exp(rng.uniform(np.log(SHORTEST), np.log(LONGEST))))
        label: str | None = str(rng.choice([one for one in taught if one != before]))
        if dice < STRANGE_SHARE and strange:
            label = str(rng.choice(strange))
        elif dice < STRANGE_SHARE + NOT_WORN_SHARE and before is not None:
            label, seconds = None, NOT_WORN_SECONDS
        count = round(seconds * wearer.rate)
        if label is None:
            block = rng.normal(0, 1, (count, 6)) * np.repeat([0.002, 0.05], 3)
            block[:, 2] += 1.0
        else:
            kept = wearer.signals[label][held if label in taught else 0 :]
            rows = (places[label] + np.arange(count)) % len(kept)
            places[label] = int(rows[-1]) + 1
            block = kept[rows]
        blocks.append(block.astype(np.float32))
        end = now + count / wearer.rate
        truth.append(Stretch(now, end, label))
        now, before = end, label or ""
    return truth, np.concatenate(blocks)


def _see(
    wearer: Wearer,
    config: Config,
    panel: Classifiers,
    taught: tuple[str, ...],
    truth: list[Stretch],
    values: FloatArray,
) -> Day:
    signal = config.signal
    maker = WindowMaker(wearer.rate, signal.rate, signal.length, signal.hop)
    hops: list[Hop] = []
    by_model: dict[str, list[str | None]] = {"answer": []}
    step = round(60 * wearer.rate)
    for begin in range(0, len(values), step):
        part = values[begin : begin + step]
        times = (begin + np.arange(len(part))) / wearer.rate
        for verdict in panel.judge_all(maker.push(Samples(part, times))):
            hops.append(Hop.of(verdict, 0.0))
            by_model["answer"].append(verdict.activity)
            for name, said in verdict.predictions.items():
                by_model.setdefault(name, []).append(said.answer)
    return Day(wearer.name, taught, truth, hops, by_model)


# --- how true it is ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Figures:
    """Of one day, or of many.

    Attributes:
        off: minutes of the taught activities that are too many or too few, as a share.
        wrong: share of the time of taught activities that is called something else.
        starts: by how many seconds each true start of a taught activity is missed.
        found: share of the bouts of taught activities that are found.
        bouts: how many bouts there are for each of the truth.
    """

    off: float
    wrong: float
    starts: NDArray[np.float64]
    found: float
    bouts: float


def bouts_of(hops: Sequence[Hop], **rules: float) -> list[Bout]:
    """Make the bouts of a day."""
    maker = BoutMaker(**rules)
    made: list[Bout] = []
    for number, hop in enumerate(hops):
        maker.push(hop)
        if number % 16 == 0:
            made += maker.settled()
    maker.finish()
    return made + maker.settled()


def raw_bouts(day: Day, model: str) -> list[Bout]:
    """Take each window for itself."""
    made = []
    before = day.hops[0].start
    for hop, label in zip(day.hops, day.by_model[model], strict=True):
        kind: Literal["activity", "unknown"] = "unknown" if label is None else "activity"
        made.append(Bout(kind=kind, activity=label, start=before, end=hop.end))
        before = hop.end
    return made


def figures(day: Day, bouts: Sequence[Bout]) -> Figures:
    """Hold bouts against the truth, on a grid of tenths of seconds."""
    grid = np.arange(0, day.truth[-1].end, 0.1) + 0.05
    names = [*day.taught, None]
    true = _on_grid(grid, [(s.start, s.end, s.label) for s in day.truth], names)
    said = _on_grid(grid, [(b.start, b.end, b.activity) for b in bouts], names)
    taught = true < len(day.taught)
    off = sum(
        abs(int((true == c).sum()) - int((said == c).sum())) for c in range(len(day.taught))
    )
    starts, found, expected = [], 0, 0
    for stretch in day.truth:
        if stretch.label not in day.taught or stretch.start == 0:
            continue
        expected += 1
        own = [b.start for b in bouts if b.activity == stretch.label and b.end > stretch.start]
        near = [start for start in own if abs(start - stretch.start) < SHORTEST / 2]
        if near:
            found += 1
            starts.append(min((start - stretch.start for start in near), key=abs))
    return Figures(
        off / max(1, taught.sum()),
        float((true != said)[taught].mean()),
        np.array(starts),
        found / max(1, expected),
        len(bouts) / len(day.truth),
    )


def _on_grid(
    grid: NDArray[np.float64],
    pieces: Sequence[tuple[float, float, str | None]],
    names: Sequence[str | None],
) -> NDArray[np.int64]:
    codes = np.full(len(grid), len(names), np.int64)
    for start, end, label in pieces:
        code = names.index(label) if label in names and label is not None else len(names)
        codes[np.searchsorted(grid, start) : np.searchsorted(grid, end)] = code
    return codes


# --- the table --------------------------------------------------------------------------------

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "diary.md"
BEGIN: Final = "<!-- measured -->\n"
END: Final = "<!-- /measured -->"


def in_a_row(name: str, all_figures: Sequence[Figures]) -> str:
    """Write figures of many days as a row."""
    starts = np.abs(np.concatenate([one.starts for one in all_figures]))
    off = [one.off for one in all_figures]
    cells = [
        name,
        f"{np.median(off):.1%}",
        f"{np.quantile(off, 0.25):.1%} to {np.quantile(off, 0.75):.1%}",
        f"{np.mean([one.wrong for one in all_figures]):.1%}",
        f"{np.mean([one.found for one in all_figures]):.0%}",
        f"{np.mean(starts < 3):.0%}" if len(starts) else "-",
        f"{np.mean([one.bouts for one in all_figures]):.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def told_rightly(day: Day) -> list[Hop]:
    """Give the hops of a recogniser that makes no mistake, and knows a change at once."""
    ends = [stretch.end for stretch in day.truth]
    made = []
    for hop in day.hops:
        place = min(int(np.searchsorted(ends, hop.end)), len(ends) - 1)
        label = day.truth[place].label
        if label is None:
            made.append(replace(hop, kind="not_worn", activity=None))
        elif label in day.taught:
            made.append(replace(hop, kind="activity", activity=label))
        else:
            made.append(replace(hop, kind="unknown", activity=None))
    return made


def table(days: Sequence[Day], broken: Sequence[Day]) -> str:
    """Write the table of the page."""
    rows = [
        ("the diary", [figures(day, bouts_of(day.hops)) for day in days]),
        ("the answer of each window", [figures(day, raw_bouts(day, "answer")) for day in days]),
        ("personal, each window", [figures(day, raw_bouts(day, "personal")) for day in days]),
        ("the diary, with a broken base", [figures(d, bouts_of(d.hops)) for d in broken]),
        (
            "the diary, with answers that are right",
            [figures(day, bouts_of(told_rightly(day), lag=0.0)) for day in days],
        ),
    ]
    head = (
        "| | minutes off, median | middle half of the people | time called something else "
        "| bouts found | of them within 3 s | bouts for each true one |\n"
        "|---|---|---|---|---|---|---|"
    )
    return "\n".join([head, *(in_a_row(name, found) for name, found in rows)]) + "\n"


def main() -> None:
    """Measure, and print or write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--bases", type=Path, help="bases that have seen nobody of a set")
    parser.add_argument("--hours", type=float, default=1.0, help="of each day")
    parser.add_argument("--page", action="store_true", help="write the table to docs/diary.md")
    asked = parser.parse_args()
    days, broken = [], []
    for wearer in wearers(asked.data):
        if wearer.chosen_on:
            continue
        base = asked.bases and str(asked.bases / f"no_{wearer.name.split()[0]}.tflite")
        days.append(live(wearer, base, broken=False, hours=asked.hours))
        broken.append(live(wearer, base, broken=True, hours=asked.hours / 2))
        print(wearer.name, f"{figures(days[-1], bouts_of(days[-1].hops)).off:.1%}", flush=True)
    people = len({" ".join(day.name.split()[:2]) for day in days})
    found = f"{people} people, {len(days)} days of {asked.hours:g} h.\n\n{table(days, broken)}"
    print(found)
    if asked.page:
        before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}{found}{END}{rest.partition(END)[2]}", "utf-8")


if __name__ == "__main__":
    main()
