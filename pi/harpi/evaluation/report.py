"""The result of an evaluation: the record, its CSV file and its summary."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct

from harpi.commands import Evaluated, Score

FORMAT: Final = 1


class Record(Struct, frozen=True, kw_only=True):
    """Base of everything in a report; what a later harpi adds is skipped on reading."""


class Interval(Record, frozen=True, kw_only=True):
    """A figure, and between what it lies with 95 %; without ends where takes are too few."""

    value: float
    low: float | None = None
    high: float | None = None


class Figures(Record, frozen=True, kw_only=True):
    """How right a model is."""

    windows: int
    takes: int
    accuracy: Interval
    balanced_accuracy: Interval
    """Mean over the labels of the share of their windows that are right."""
    macro_f1: Interval


class LabelFigures(Record, frozen=True, kw_only=True):
    """How a model does with one label."""

    label: str
    takes: int
    windows: int
    known: bool
    """Whether the model knows the label, in all windows."""
    precision: float
    recall: float
    f1: float
    unknown: int
    """Windows of the label that it called unknown."""


class Confusion(Record, frozen=True, kw_only=True):
    """How often what was answered when the wearer did what."""

    labels: tuple[str, ...]
    """Of the rows: what the wearer did."""
    answers: tuple[str, ...]
    """Of the columns; after them comes one for no answer."""
    counts: tuple[tuple[int, ...], ...]


class Unknown(Record, frozen=True, kw_only=True):
    """What comes of it when a model may say unknown."""

    coverage: float
    """Share of all windows that it answers."""
    error: float | None
    """Share of wrong answers among those; None where it answers nothing."""
    strangers: float | None
    """Of the windows whose label it does not know, the share that it calls unknown."""


class Bin(Record, frozen=True, kw_only=True):
    """Windows of which a model is about equally sure."""

    windows: int
    confidence: float
    accuracy: float


class Calibration(Record, frozen=True, kw_only=True):
    """Whether a model is as often right as it is sure, where it knows the label."""

    error: float
    """Expected calibration error."""
    bins: tuple[Bin, ...]


class Latency(Record, frozen=True, kw_only=True):
    """Time that a model takes for one window, on the machine of the evaluation."""

    median_ms: float
    p95_ms: float


class ModelReport(Record, frozen=True, kw_only=True):
    """How one model did. Without figures it had learnt nothing."""

    model: str
    source: str
    """What it was made from."""
    digest: str
    """SHA-256 of what it was made from; empty where there is none."""
    labels: tuple[str, ...]
    """That it can answer with."""
    every: Figures | None = None
    """Over all windows: a label that it does not know counts against it."""
    known: Figures | None = None
    """Over the windows whose label it knows; None where there are none."""
    by_label: tuple[LabelFigures, ...] = ()
    confusion: Confusion | None = None
    unknown: Unknown | None = None
    calibration: Calibration | None = None
    latency: Latency | None = None

    @property
    def trained(self) -> bool:
        """Whether it had anything to answer with."""
        return self.every is not None


class Part(Record, frozen=True, kw_only=True):
    """The accuracy over the takes of one position or session, by model."""

    kind: Literal["position", "session"]
    name: str
    takes: int
    windows: int
    accuracy: dict[str, Interval]


class TakeResult(Record, frozen=True, kw_only=True):
    """One take, and how many of its windows each model judged right."""

    name: str
    digest: str
    """SHA-256 of its samples, by which two runs find the takes that they share."""
    label: str
    position: str
    session: str
    start: datetime | None
    seconds: float
    windows: int
    right: dict[str, int]


class Comparison(Record, frozen=True, kw_only=True):
    """Two models, or two runs of one, on the same takes."""

    first: str
    second: str
    over: Literal["every", "known"]
    """`known`: only labels that both know."""
    takes: int
    first_accuracy: float
    second_accuracy: float
    low: float | None
    high: float | None
    """Ends of the interval of the difference."""
    won: int
    lost: int
    p_value: float
    sure: bool
    sentence: str


class Report(Record, frozen=True, kw_only=True):
    """One run of `harpi evaluate`."""

    format: int = FORMAT
    number: int = 0
    """In the log; 0 before it is there."""
    time: datetime
    harpi: str
    """Version."""
    software: dict[str, str]
    """Versions of what else has a say in the figures."""
    origin: str
    """What was tested, in words."""
    conditions: dict[str, Any]
    """What was asked for on the command line."""
    configuration: dict[str, Any]
    """Settings that have a say in the figures."""
    resamples: int
    seed: int
    labels: tuple[str, ...]
    """That were tested."""
    windows: int
    seconds: float
    models: tuple[ModelReport, ...]
    comparisons: tuple[Comparison, ...]
    parts: tuple[Part, ...]
    takes: tuple[TakeResult, ...]
    notices: tuple[str, ...]
    """What the reader must know to read the figures right."""

    def model(self, name: str) -> ModelReport | None:
        """Find a model by its name."""
        return next((model for model in self.models if model.model == name), None)


COLUMNS: Final = ("model", "over", "name", "figure", "value", "low", "high", "takes", "windows")
"""`over` is one of every, known, label, position, session, take, comparison; `name` says
which one of them."""

_Row = tuple[str | float | None, ...]


def to_csv(report: Report) -> str:
    """Write all figures, with a header."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_rows(report))
    return text.getvalue()


def _rows(report: Report) -> Iterator[_Row]:
    for model in report.models:
        yield from _of_model(model)
    for part in report.parts:
        for name, accuracy in part.accuracy.items():
            yield _row(
                name, part.kind, part.name, "accuracy", accuracy, part.takes, part.windows
            )
    for take in report.takes:
        for name, right in take.right.items():
            share = Interval(value=right / take.windows)
            yield _row(name, "take", take.name, "accuracy", share, 1, take.windows)
    for pair in report.comparisons:
        difference = Interval(
            value=pair.first_accuracy - pair.second_accuracy, low=pair.low, high=pair.high
        )
        name = f"against {pair.second}, {pair.over}"
        yield _row(pair.first, "comparison", name, "difference", difference, pair.takes)
        chance = Interval(value=pair.p_value)
        yield _row(pair.first, "comparison", name, "p_value", chance, pair.takes)


def _of_model(model: ModelReport) -> Iterator[_Row]:
    for over, figures in (("every", model.every), ("known", model.known)):
        if figures is not None:
            yield from _of_figures(model.model, over, figures)
    single: dict[str, float | None] = {}
    if model.unknown is not None:
        single["coverage"] = model.unknown.coverage
        single["error_when_answering"] = model.unknown.error
        single["unknown_when_due"] = model.unknown.strangers
    if model.calibration is not None:
        single["calibration_error"] = model.calibration.error
    if model.latency is not None:
        single["latency_median_ms"] = model.latency.median_ms
        single["latency_p95_ms"] = model.latency.p95_ms
    for figure, value in single.items():
        if value is not None:
            yield _row(model.model, "every", "", figure, Interval(value=value))
    for label in model.by_label:
        for figure in ("precision", "recall", "f1"):
            share = Interval(value=getattr(label, figure))
            yield _row(
                model.model, "label", label.label, figure, share, label.takes, label.windows
            )
    if model.confusion is not None:
        answers = (*model.confusion.answers, "")
        for label_name, counts in zip(
            model.confusion.labels, model.confusion.counts, strict=True
        ):
            for answer, count in zip(answers, counts, strict=True):
                figure = f"taken for {answer}" if answer else "no answer"
                yield _row(model.model, "label", label_name, figure, Interval(value=count))


def _of_figures(model: str, over: str, figures: Figures) -> Iterator[_Row]:
    for figure in ("accuracy", "balanced_accuracy", "macro_f1"):
        value = getattr(figures, figure)
        yield _row(model, over, "", figure, value, figures.takes, figures.windows)


def _row(
    model: str,
    over: str,
    name: str,
    figure: str,
    value: Interval,
    takes: int | None = None,
    windows: int | None = None,
) -> _Row:
    return (model, over, name, figure, value.value, value.low, value.high, takes, windows)


_DECIMALS = 4


def summary_of(report: Report) -> Evaluated:
    """Shorten a report to what fits into a message."""
    return Evaluated(
        run=report.number,
        time=report.time,
        takes=len(report.takes),
        windows=report.windows,
        scores={
            model.model: Score(
                accuracy=round(model.every.accuracy.value, _DECIMALS),
                low=_rounded(model.every.accuracy.low),
                high=_rounded(model.every.accuracy.high),
                macro_f1=round(model.every.macro_f1.value, _DECIMALS),
            )
            for model in report.models
            if model.every is not None
        },
        findings=tuple(comparison.sentence for comparison in report.comparisons),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DECIMALS)
