"""A report as text for people, within 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from string import ascii_uppercase
from typing import Final

from harpi.evaluation.messages import counted
from harpi.evaluation.metrics import LEVEL
from harpi.evaluation.report import Confusion, Figures, Interval, ModelReport, Part, Report
from harpi.evaluation.runs import Change
from harpi.names import name_of

WIDTH: Final = 80
_NAME: Final = 17
"""Columns of a label, position or session."""
_MOST_LETTERED: Final = 12
"""Labels up to which a confusion matrix fits."""
_WORST: Final = 5
"""Confusions that are named where the matrix does not fit."""


def table(report: Report) -> Iterator[str]:
    """Write a report, line by line."""
    minutes = report.seconds / 60
    yield from _wrapped(
        f"{report.origin}: {counted(len(report.labels), 'label')}, {minutes:.1f} min, "
        f"{counted(report.windows, 'window')}."
    )
    for notice in report.notices:
        yield from _wrapped(notice)
    for comparison in report.comparisons:
        yield from _wrapped(f"* {comparison.sentence}", "  ")
    yield ""
    yield from _scores(report.models)
    yield ""
    yield from _behaviour(report.models)
    for kind in ("position", "session"):
        parts = [part for part in report.parts if part.kind == kind]
        if len(parts) > 1:
            yield ""
            yield from _parts(kind, parts, report.models)
    yield ""
    yield from _labels(report)
    for model in report.models:
        if model.confusion is not None:
            yield ""
            yield from _confusion(model.model, model.confusion)


def changes_in_words(
    earlier: Report, later: Report, changes: Sequence[Change], takes: int
) -> Iterator[str]:
    """Say how two runs differ, line by line."""
    both = f"{counted(takes, 'take')} in common"
    yield f"Run {later.number} compared with run {earlier.number}, {both}"
    for run in (earlier, later):
        yield f"  run {run.number}: {run.time.astimezone():%Y-%m-%d %H:%M}, {run.origin}"[
            :WIDTH
        ]
    for change in changes:
        made = " It was made from something else." if change.changed else ""
        yield from _wrapped(f"* {change.sentence}{made}", "  ")


def list_of_runs(reports: Sequence[Report]) -> Iterator[str]:
    """Write a line for each run."""
    if not reports:
        yield "There is no run yet: `harpi evaluate` makes one."
        return
    models = [model.model for model in reports[-1].models]
    heads = "".join(f"{name_of(model):<9}" for model in models)
    yield f"{'run':>4}  {'time':<17} {heads} tested"
    for report in reports:
        cells = ""
        for name in models:
            model = report.model(name)
            figures = None if model is None else model.every
            cells += f"{'-' if figures is None else _short(figures.accuracy.value):<9}"
        moment = f"{report.time.astimezone():%Y-%m-%d %H:%M}"
        line = f"{report.number:>4}  {moment}  {cells} {report.origin}"
        yield line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}~"


def _scores(models: Sequence[ModelReport]) -> Iterator[str]:
    every, known = "every label counts", "only trained labels"
    yield f"{'':{10}}{every:<32}{known:<30}windows"
    heads = f"{'accuracy':<18}{'balanced':<9}{'F1':<5}"
    yield f"{'':{10}}{heads}{heads}".rstrip()
    for model in models:
        name = f"{name_of(model.model):<10}"
        if model.every is None:
            yield f"{name}untrained"
            continue
        left, right = _figures(model.every), _figures(model.known)
        windows = 0 if model.known is None else model.known.windows
        yield f"{name}{left}{right}{windows:>5}"
    interval = f"[ ] {LEVEL:.0%} interval by bootstrap over takes, where they differ"
    yield f"{'':{10}}{interval}; macro F1"


def _figures(figures: Figures | None) -> str:
    if figures is None:
        return f"{'-':<32}"
    balanced = _short(figures.balanced_accuracy.value)
    return f"{_interval(figures.accuracy):<18}{balanced:<9}{_short(figures.macro_f1.value):<5}"


def _behaviour(models: Sequence[ModelReport]) -> Iterator[str]:
    yield f"{'':{10}}{'with unknown allowed':<38}{'calibration':<13}time, one window"
    shares = f"{'answers':<10}{'wrong':<10}{'unknown when due':<18}"
    yield f"{'':{10}}{shares}{'error':<13}median, 95%"
    for model in models:
        if model.unknown is None or model.latency is None:
            continue
        error, due = model.unknown.error, model.unknown.strangers
        calibration = "-" if model.calibration is None else _short(model.calibration.error)
        yield (
            f"{name_of(model.model):<10}{model.unknown.coverage:<10.0%}"
            f"{'-' if error is None else f'{error:.0%}':<10}"
            f"{'-' if due is None else f'{due:.0%}':<18}{calibration:<13}"
            f"{model.latency.median_ms:.1f}, {model.latency.p95_ms:.1f} ms"
        )


def _parts(kind: str, parts: Sequence[Part], models: Sequence[ModelReport]) -> Iterator[str]:
    trained = [model.model for model in models if model.trained]
    # Beside harpi's answer there is no room for intervals; JSON and the page have them.
    width, shown = (18, _interval) if len(trained) <= 3 else (10, _value)
    heads = "".join(f"{name_of(model):<{width}}" for model in trained)
    yield f"{kind:<{_NAME}}{'takes':>5}  {heads}".rstrip()
    for part in parts:
        cells = "".join(f"{shown(part.accuracy[model]):<{width}}" for model in trained)
        yield f"{_cut(part.name)}{part.takes:>5}  {cells}".rstrip()


def _labels(report: Report) -> Iterator[str]:
    """Write precision, recall and F1 of each label, models beside each other.

    Precision is left to JSON and the page where four columns of three would be too wide.
    """
    trained = [model for model in report.models if model.trained]
    if not trained:
        return
    kinds = ("prec", "rec", "F1")[len(trained) > 3 :]
    width = 5 * len(kinds)
    heads = "".join(f"  {name_of(model.model):<{width}}" for model in trained)
    yield f"{'':{_NAME + 13}}{heads}".rstrip()
    columns = ("  " + "".join(f"{kind:<5}" for kind in kinds)) * len(trained)
    yield f"{'label':<{_NAME}}{'takes':>5}{'windows':>8}{columns}".rstrip()
    for place, row in enumerate(trained[0].by_label):
        cells = ""
        for model in trained:
            figures = model.by_label[place]
            values = (figures.precision, figures.recall, figures.f1)[-len(kinds) :]
            shown = "".join(f"{_short(value):<5}" for value in values)
            cells += f"  {shown if figures.known else 'not known'.ljust(width)}"
        yield f"{_cut(row.label)}{row.takes:>5}{row.windows:>8}{cells}".rstrip()


def _confusion(model: str, confusion: Confusion) -> Iterator[str]:
    """Write a matrix with letters for the columns, or its worst parts where it is too wide."""
    if len(confusion.answers) > _MOST_LETTERED:
        yield f"{name_of(model)}, most frequent mistakes:"
        yield from _worst(confusion)
        return
    unanswered = any(row[-1] for row in confusion.counts)
    letters = ascii_uppercase[: len(confusion.answers)] + "-" * unanswered
    yield f"{name_of(model):<{_NAME + 2}}" + "".join(f"{letter:>5}" for letter in letters)
    for letter, answer in zip(ascii_uppercase, confusion.answers, strict=False):
        name = f"{letter} {_cut(answer)}"
        if answer not in confusion.labels:
            yield f"{name}{'not tested':>14}"
            continue
        row = confusion.counts[confusion.labels.index(answer)]
        yield name + "".join(
            f"{count or '.':>5}" for count in (row if unanswered else row[:-1])
        )


def _worst(confusion: Confusion) -> Iterator[str]:
    mistakes = [
        (count, label, answer, sum(row))
        for label, row in zip(confusion.labels, confusion.counts, strict=True)
        for count, answer in zip(row, (*confusion.answers, "nothing"), strict=True)
        if count and answer != label
    ]
    for count, label, answer, windows in sorted(mistakes, reverse=True)[:_WORST]:
        yield f"  {label} taken for {answer}: {count} of {windows} windows"


def _value(interval: Interval) -> str:
    return _short(interval.value)


def _interval(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return _short(interval.value)
    return f"{_short(interval.value)} [{_short(interval.low)} {_short(interval.high)}]"


def _short(value: float) -> str:
    return f"{value:.2f}"


def _cut(name: str) -> str:
    return f"{name if len(name) < _NAME else name[: _NAME - 2] + '~':<{_NAME}}"


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent)
