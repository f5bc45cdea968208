"""All figures of a report as CSV: one figure a line, for a spreadsheet or pandas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

from harpi.evaluation.report import Figures, Interval, ModelReport, Report

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
