"""From what recognisers said to the report: every figure of every model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any, Final, Literal

import msgspec
import numpy as np

from harpi.evaluation import metrics
from harpi.evaluation.judging import Answers, Codes, Flags, Judgements
from harpi.evaluation.messages import in_words
from harpi.evaluation.metrics import Counts, Reliability, Values
from harpi.evaluation.report import (
    Bin,
    Calibration,
    Comparison,
    Confusion,
    Figures,
    Interval,
    LabelFigures,
    Latency,
    ModelReport,
    Part,
    Report,
    TakeResult,
    Unknown,
)
from harpi.names import name_of

_FIGURES: Final[Mapping[str, Callable[[Counts], Values]]] = {
    "accuracy": metrics.accuracy,
    "balanced_accuracy": metrics.balanced_accuracy,
    "macro_f1": metrics.macro_f1,
}


@dataclass(frozen=True, slots=True)
class Origin:
    """What a model was made from, in words and as a SHA-256 (empty where there is none)."""

    source: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a report says besides figures; see `Report`."""

    time: datetime
    harpi: str
    software: dict[str, str]
    origin: str
    conditions: dict[str, Any]
    configuration: dict[str, Any]
    models: Mapping[str, Origin]
    notices: tuple[str, ...] = ()


def measure(
    judged: Judgements,
    circumstances: Circumstances,
    on_progress: Callable[[float], None] = lambda share: None,
) -> Report:
    """Make the report of an evaluation.

    Args:
        judged: at least one window.
        circumstances: what else it says.
        on_progress: is told the share that is done.
    """
    models = []
    for done, (name, answers) in enumerate(judged.answers.items()):
        models.append(_model(judged, name, answers, circumstances.models[name]))
        on_progress((done + 1) / (len(judged.answers) + 1))
    tested = np.unique(judged.truth)
    return Report(
        time=circumstances.time,
        harpi=circumstances.harpi,
        software=circumstances.software,
        origin=circumstances.origin,
        conditions=circumstances.conditions,
        configuration=circumstances.configuration,
        resamples=metrics.RESAMPLES,
        seed=metrics.SEED,
        labels=tuple(judged.labels[code] for code in tested),
        windows=len(judged),
        seconds=sum(trial.seconds for trial in judged.trials),
        models=tuple(models),
        comparisons=tuple(_comparisons(judged)),
        parts=(*_parts(judged, "position"), *_parts(judged, "session")),
        takes=tuple(_takes(judged)),
        notices=circumstances.notices,
    )


def _model(judged: Judgements, name: str, answers: Answers, origin: Origin) -> ModelReport:
    made = ModelReport(
        model=name, source=origin.source, digest=origin.digest, labels=answers.labels
    )
    if not answers.trained:
        return made
    by_take = _counts_by_take(judged, answers)
    known = answers.knows
    wrong = answers.best != judged.truth
    said = ~answers.unknown & (answers.best >= 0)
    return msgspec.structs.replace(
        made,
        every=_figures(by_take),
        known=_figures(_counts_by_take(judged, answers, known)) if known.any() else None,
        by_label=tuple(_by_label(judged, answers, by_take.sum(axis=0))),
        confusion=_confusion(judged, by_take.sum(axis=0)),
        unknown=Unknown(
            coverage=float(said.mean()),
            error=float(wrong[said].mean()) if said.any() else None,
            strangers=None if known.all() else float((~said)[~known].mean()),
        ),
        calibration=_calibration(answers.confidence[known], ~wrong[known]),
        latency=Latency(
            median_ms=float(np.median(answers.latencies)) * 1000,
            p95_ms=float(np.quantile(answers.latencies, 0.95)) * 1000,
        ),
    )


def _counts_by_take(
    judged: Judgements, answers: Answers, chosen: Flags | None = None
) -> Counts:
    """Count answers ``[t, C, C + 1]`` for each take of which a window is chosen."""
    rows = np.arange(len(judged)) if chosen is None else np.flatnonzero(chosen)
    return np.stack(
        [
            metrics.confusion(judged.truth[own], answers.best[own], len(judged.labels))
            for own in _by(judged.trial[rows], rows)
        ]
    )


def _by(groups: Codes, rows: Codes) -> Iterable[Codes]:
    """Divide rows ``[n]`` by their groups ``[n]``."""
    return (rows[groups == group] for group in np.unique(groups))


def _figures(by_take: Counts) -> Figures:
    counts = by_take.sum(axis=0)
    spreads = metrics.spreads(by_take, _FIGURES)
    intervals = {
        name: _interval(float(figure(counts)), spreads[name])
        for name, figure in _FIGURES.items()
    }
    return Figures(windows=int(counts.sum()), takes=len(by_take), **intervals)


def _interval(value: float, spread: metrics.Spread) -> Interval:
    low, high = spread or (None, None)
    return Interval(value=value, low=low, high=high)


def _by_label(judged: Judgements, answers: Answers, counts: Counts) -> Iterable[LabelFigures]:
    figures = zip(
        metrics.precision(counts), metrics.recall(counts), metrics.f1(counts), strict=True
    )
    for code, (precision, recall, f1) in enumerate(figures):
        own = judged.truth == code
        if own.any():
            yield LabelFigures(
                label=judged.labels[code],
                takes=len(np.unique(judged.trial[own])),
                windows=int(own.sum()),
                known=bool(answers.knows[own].all()),
                precision=float(precision),
                recall=float(recall),
                f1=float(f1),
                unknown=int(answers.unknown[own].sum()),
            )


def _confusion(judged: Judgements, counts: Counts) -> Confusion:
    """Leave out rows that were not tested and columns that were neither tested nor said."""
    rows = np.flatnonzero(counts.sum(axis=1))
    said = counts.sum(axis=0)[:-1] > 0
    said[rows] = True
    columns = np.flatnonzero(said)
    kept = counts[rows][:, [*columns, len(judged.labels)]]
    return Confusion(
        labels=tuple(judged.labels[code] for code in rows),
        answers=tuple(judged.labels[code] for code in columns),
        counts=tuple(map(tuple, kept.tolist())),
    )


def _calibration(confidence: Values, right: Flags) -> Calibration | None:
    if not len(right):
        return None
    reliability = Reliability.of(confidence, right)
    bins = zip(
        reliability.windows.tolist(),
        reliability.confidence.tolist(),
        reliability.accuracy.tolist(),
        strict=True,
    )
    return Calibration(
        error=reliability.error,
        bins=tuple(Bin(windows=w, confidence=c, accuracy=a) for w, c, a in bins),
    )


def _rights_by_take(judged: Judgements, answers: Answers, chosen: Flags) -> Counts:
    """Count right windows and all windows ``[t, 2]`` of each take with a chosen one."""
    takes = judged.trial[chosen]
    right = (answers.best == judged.truth)[chosen]
    counts = np.stack([np.bincount(takes, weights=right), np.bincount(takes)], axis=1)
    return counts[counts[:, 1] > 0].astype(np.int64)


def _comparisons(judged: Judgements) -> Iterable[Comparison]:
    """Compare every two models, on all windows and on the labels that both know."""
    trained = [name for name, answers in judged.answers.items() if answers.trained]
    for first, second in combinations(reversed(trained), 2):
        one, other = judged.answers[first], judged.answers[second]
        both = one.knows & other.knows
        yield _compared(judged, first, second, np.ones(len(judged), np.bool_), "every")
        if both.any() and not both.all():
            yield _compared(judged, first, second, both, "known")


def _compared(
    judged: Judgements, first: str, second: str, chosen: Flags, over: Literal["every", "known"]
) -> Comparison:
    result = metrics.paired(
        _rights_by_take(judged, judged.answers[first], chosen),
        _rights_by_take(judged, judged.answers[second], chosen),
    )
    where = " on labels that both know" if over == "known" else ""
    return comparison_of(first, second, result, over, where)


def comparison_of(
    first: str,
    second: str,
    result: metrics.Paired,
    over: Literal["every", "known"] = "every",
    where: str = "",
) -> Comparison:
    """Put a paired comparison on record, with its sentence; see `words.in_words`."""
    low, high = result.spread or (None, None)
    return Comparison(
        first=first,
        second=second,
        over=over,
        takes=result.takes,
        first_accuracy=result.first,
        second_accuracy=result.second,
        low=low,
        high=high,
        won=result.won,
        lost=result.lost,
        p_value=result.chance,
        sure=result.sure,
        sentence=in_words(name_of(first), name_of(second), result, where=where),
    )


def _parts(judged: Judgements, kind: Literal["position", "session"]) -> Iterable[Part]:
    """Give the accuracy over each position or session, in the order of the takes."""
    names = np.array([getattr(trial, kind) for trial in judged.trials], np.object_)
    for name in dict.fromkeys(names):
        chosen = np.isin(judged.trial, np.flatnonzero(names == name))
        yield Part(
            kind=kind,
            name=name,
            takes=int((names == name).sum()),
            windows=int(chosen.sum()),
            accuracy={
                model: _part_accuracy(_counts_by_take(judged, answers, chosen))
                for model, answers in judged.answers.items()
                if answers.trained
            },
        )


def _part_accuracy(by_take: Counts) -> Interval:
    spread = metrics.spreads(by_take, {"accuracy": metrics.accuracy})["accuracy"]
    return _interval(float(metrics.accuracy(by_take.sum(axis=0))), spread)


def _takes(judged: Judgements) -> Iterable[TakeResult]:
    for index, trial in enumerate(judged.trials):
        own = judged.trial == index
        yield TakeResult(
            name=trial.name,
            digest=trial.digest,
            label=trial.label,
            position=trial.position,
            session=trial.session,
            start=trial.start,
            seconds=trial.seconds,
            windows=int(own.sum()),
            right={
                model: int((answers.best == judged.truth)[own].sum())
                for model, answers in judged.answers.items()
                if answers.trained
            },
        )
