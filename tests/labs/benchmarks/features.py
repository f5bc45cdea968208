"""The features of a window: harpi's beside tsfel's and tsfresh's.

A live window comes alone, those of a take or of a recording together. Then the same two
classifiers learn from the features of 10 windows of each activity, and are asked windows of the
same person from 10 s later on: `harpi-models fetch` gets further recordings for `--data`.
Features that are not finite count as zero.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from harpi.signal.features import features as harpis
from harpi.types import FloatArray
from tests.labs.benchmarks.effort import Effort
from tests.labs.benchmarks.libraries import installed, why_not
from tests.labs.benchmarks.table import Spread, Table
from tests.labs.benchmarks.turns import in_turns
from tests.labs.benchmarks.wearers import RATE, Wearer, shipped_wearer, wearers

Extractor = Callable[[FloatArray], FloatArray]
"""From windows ``[n, T, 6]`` to features ``[n, F]``."""

TOGETHER = 32
ROUNDS = 9


def measure(effort: Effort) -> list[Table]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas and SciPy warn of what the rivals do
        extractors, missing = _extractors()
        tables = [_speed(extractors, effort), _accuracy(extractors, effort)]
    for table in tables:
        for name in missing:
            table.not_run(name, why_not(name))
    return tables


def _speed(extractors: dict[str, Extractor], effort: Effort) -> Table:
    windows = shipped_wearer().learnt[:TOGETHER]
    table = Table("CPU time for the features of a window of 64 x 6, from windows as arrays")
    times = {
        count: in_turns(
            {name: _call(extract, windows[:count]) for name, extract in extractors.items()},
            effort.rounds(ROUNDS),
        )
        for count in (1, len(windows))
    }
    for name, extract in extractors.items():
        cells: dict[str, float | Spread] = {"features": extract(windows).shape[1]}
        for count, taken in times.items():
            kind = "alone" if count == 1 else f"of {count}"
            cells[f"{kind}, ms"] = taken.of(name, count / 1000)
            cells[f"{kind}, x harpi"] = taken.ratio(name, "harpi")
        table.add(extractor=name, **cells)
    return table


def _accuracy(extractors: dict[str, Extractor], effort: Effort) -> Table:
    table = Table(
        "Share of windows that come right, mean over the activities",
        note="Each figure is the mean over the wearers, with the middle half of them.",
    )
    if not installed("sklearn"):
        table.not_run("the classifiers", why_not("sklearn"))
        return table
    for name, people in wearers(effort).items():
        people = people[: max(2, round(len(people) * effort.share))]
        scores: dict[str, dict[str, list[float]]] = {}
        for wearer in people:
            for extractor, extract in extractors.items():
                for classifier, score in _scores(extract, wearer).items():
                    scores.setdefault(classifier, {}).setdefault(extractor, []).append(score)
        for classifier, row in scores.items():
            table.add(
                recording=f"{name}, {len(people)} wearers, {classifier}",
                **{extractor: _mean(own) for extractor, own in row.items()},
            )
    return table


def _mean(values: list[float]) -> Spread:
    low, high = np.percentile(values, (25, 75))
    return Spread(float(np.mean(values)), float(low), float(high))


def _scores(extract: Extractor, wearer: Wearer) -> dict[str, float]:
    """Balanced accuracy of each classifier."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    learnt, asked = extract(wearer.learnt), extract(wearer.asked)
    scores = {}
    for name, model in (
        ("5 neighbours", KNeighborsClassifier(metric="manhattan")),
        ("logistic regression", LogisticRegression(max_iter=1000)),
    ):
        fitted = make_pipeline(StandardScaler(), model).fit(learnt, wearer.learnt_classes)
        answers = fitted.predict(asked)
        scores[name] = float(balanced_accuracy_score(wearer.asked_classes, answers))
    return scores


def _call(extract: Extractor, windows: FloatArray) -> Callable[[], FloatArray]:
    return lambda: extract(windows)


def _extractors() -> tuple[dict[str, Extractor], list[str]]:
    """Those that can be compared, and the libraries that are missing."""
    found: dict[str, Extractor] = {"harpi": lambda windows: harpis(windows, RATE)}
    missing = []
    for library, give in (("tsfel", _tsfel), ("tsfresh", _tsfresh)):
        if installed(library):
            found |= give()
        else:
            missing.append(library)
    return found, missing


def _tsfel() -> dict[str, Extractor]:
    import pandas as pd
    import tsfel

    def of_domains(domain: str | None) -> Extractor:
        config = tsfel.get_features_by_domain(domain)

        def extract(windows: FloatArray) -> FloatArray:
            frames = [pd.DataFrame(window, columns=list("abcdef")) for window in windows]
            table = tsfel.time_series_features_extractor(
                config, frames, fs=RATE, verbose=0, n_jobs=None
            )
            return _finite(table)

        return extract

    return {"tsfel, statistical": of_domains("statistical"), "tsfel, all": of_domains(None)}


def _tsfresh() -> dict[str, Extractor]:
    import pandas as pd
    from tsfresh import extract_features
    from tsfresh.feature_extraction import MinimalFCParameters

    def extract(windows: FloatArray) -> FloatArray:
        count, length, axes = windows.shape
        frame = pd.DataFrame(windows.reshape(-1, axes), columns=list("abcdef"))
        frame["id"] = np.repeat(np.arange(count), length)
        frame["time"] = np.tile(np.arange(length), count)
        table = extract_features(
            frame,
            column_id="id",
            column_sort="time",
            default_fc_parameters=MinimalFCParameters(),
            disable_progressbar=True,
            n_jobs=0,
        )
        return _finite(table)

    return {"tsfresh, minimal": extract}


def _finite(table: object) -> FloatArray:
    values = np.nan_to_num(np.asarray(table, np.float64), posinf=0, neginf=0)
    rows: FloatArray = np.clip(values, -1e12, 1e12).astype(np.float32)
    return rows
