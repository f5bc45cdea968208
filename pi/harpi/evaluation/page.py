"""A report as one self-contained page: no script, and nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from harpi.evaluation import pictures
from harpi.evaluation.judging import Judgements
from harpi.evaluation.messages import counted
from harpi.evaluation.pictures import Markup, tag
from harpi.evaluation.report import Figures, Interval, ModelReport, Report
from harpi.names import name_of

MOST_TRACES: Final = 100
"""Takes that are drawn; of more, those with the most mistakes."""

_STYLE: Final = Path(__file__).with_name("page.css")


def page(report: Report, judged: Judgements) -> str:
    """Write the page of an evaluation.

    Args:
        report: the figures.
        judged: what they were made from.
    """
    title = f"harpi: evaluation {report.number}" if report.number else "harpi: evaluation"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", Markup(_STYLE.read_text("utf-8"))),
    )
    trained = [model for model in report.models if model.trained]
    body = tag(
        "body",
        *_top(report),
        *_scores(report),
        *_matrices(trained),
        *_reliabilities(trained),
        *_over_time(report, trained),
        *_parts(report, trained),
        *_labels(trained),
        *_takes(report, judged),
        *_making(report),
    )
    return "<!doctype html>\n" + tag("html", head, body, lang="en") + "\n"


def _top(report: Report) -> Iterable[Markup]:
    yield tag("h1", "Which model to trust")
    yield tag(
        "p",
        f"{report.origin}; {counted(len(report.labels), 'label')}, {report.seconds / 60:.1f} "
        f"min, {counted(report.windows, 'window')}. {report.time:%Y-%m-%d %H:%M} UTC"
        + (f", run {report.number} in the log." if report.number else "."),
        class_="soft",
    )
    if report.comparisons:
        yield tag(
            "ul",
            *(
                tag("li", pair.sentence, class_="sure" if pair.sure else None)
                for pair in report.comparisons
            ),
        )
    if report.notices:
        yield tag("ul", *(tag("li", notice) for notice in report.notices), class_="notices")


def _scores(report: Report) -> Iterable[Markup]:
    yield tag("h2", "Accuracy")
    yield tag(
        "p",
        "Dots are the share of windows that were classified correctly, lines the 95 % "
        "interval. "
        "It comes from resampling whole takes, because the windows of one take resemble each "
        "other. On the left a label that a model does not know counts as an error; on the "
        "right "
        "such windows are left out.",
        class_="soft",
    )
    every = [(m.model, m.every.accuracy) for m in report.models if m.every is not None]
    known = [(m.model, m.known.accuracy) for m in report.models if m.known is not None]
    yield tag(
        "div",
        tag("div", tag("h3", "Every label counts"), pictures.whiskers(every), class_="card"),
        tag(
            "div",
            tag("h3", "Only labels it was trained on"),
            pictures.whiskers(known),
            class_="card",
        ),
        class_="grid",
    )
    names = [model.model for model in report.models]
    above = tag(
        "tr",
        tag("th", ""),
        tag("th", "every label counts", colspan=3, class_="group"),
        tag("th", "only labels it was trained on", colspan=4, class_="group"),
    )
    figures = ["accuracy", "balanced", "macro F1"]
    heads = ["", *figures, *figures, "windows"]
    yield _table(heads, [_score(model) for model in report.models], above=above, models=names)
    above = tag(
        "tr",
        tag("th", ""),
        tag("th", "with unknown allowed", colspan=3, class_="group"),
        tag("th", ""),
        tag("th", "time for one window", colspan=2, class_="group"),
    )
    heads = ["", "answers", "wrong", "unknown when due", "calibration error", "median", "95 %"]
    rows = [_behaviour(model) for model in report.models]
    yield _table(heads, rows, above=above, models=names)


def _score(model: ModelReport) -> list[str]:
    if not model.trained:
        return [name_of(model.model), "untrained"]
    known = 0 if model.known is None else model.known.windows
    return [name_of(model.model), *_figures(model.every), *_figures(model.known), str(known)]


def _behaviour(model: ModelReport) -> list[str]:
    if model.unknown is None or model.latency is None:
        return [name_of(model.model), "untrained"]
    return [
        name_of(model.model),
        f"{model.unknown.coverage:.0%}",
        _percent(model.unknown.error),
        _percent(model.unknown.strangers),
        "-" if model.calibration is None else f"{model.calibration.error:.2f}",
        f"{model.latency.median_ms:.1f} ms",
        f"{model.latency.p95_ms:.1f} ms",
    ]


def _figures(figures: Figures | None) -> list[str]:
    if figures is None:
        return ["-"] * 3
    return [
        _interval(figures.accuracy),
        _interval(figures.balanced_accuracy),
        _interval(figures.macro_f1),
    ]


def _matrices(models: Sequence[ModelReport]) -> Iterable[Markup]:
    yield tag("h2", "Confusion matrix")
    yield tag(
        "p",
        "Rows are what the wearer did, columns what the model answered; numbers are windows, "
        "shades their share of the row.",
        class_="soft",
    )
    yield tag(
        "div",
        *(
            _card(model.model, pictures.matrix(model.confusion))
            for model in models
            if model.confusion is not None
        ),
        class_="grid",
    )


def _reliabilities(models: Sequence[ModelReport]) -> Iterable[Markup]:
    yield tag("h2", "Calibration of the confidence")
    yield tag(
        "p",
        "A model with a confidence of 80 % should be correct in 80 % of such windows, on the "
        "dashed line. Above the line it is better than it says, below it is overconfident.",
        class_="soft",
    )
    yield tag(
        "div",
        *(
            _card(model.model, pictures.reliability(model.model, model.calibration))
            for model in models
            if model.calibration is not None
        ),
        class_="grid",
    )


def _over_time(report: Report, models: Sequence[ModelReport]) -> Iterable[Markup]:
    yield tag("h2", "Accuracy over time")
    yield tag(
        "p",
        "Each bar is a take, as wide as it is long, as high as the share of its windows that "
        "were judged right; in the order in which they were recorded.",
        class_="soft",
    )
    drawing = pictures.over_time(report.takes, [model.model for model in models])
    yield tag("div", drawing, class_="card wide")


def _parts(report: Report, models: Sequence[ModelReport]) -> Iterable[Markup]:
    for kind in ("position", "session"):
        parts = [part for part in report.parts if part.kind == kind]
        if len(parts) < 2:
            continue
        yield tag("h2", f"By {kind}")
        names = [model.model for model in models]
        heads = [kind, "takes", "windows", *map(name_of, names)]
        rows = [
            [part.name, str(part.takes), str(part.windows)]
            + [_interval(part.accuracy[name]) for name in names]
            for part in parts
        ]
        yield _table(heads, rows)


def _labels(models: Sequence[ModelReport]) -> Iterable[Markup]:
    yield tag("h2", "By label")
    above = tag(
        "tr",
        tag("th", "", colspan=3),
        *(tag("th", name_of(m.model), colspan=4, class_="group") for m in models),
    )
    heads = ["label", "takes", "windows"]
    heads += ["precision", "recall", "F1", "unknown"] * len(models)
    rows = []
    for place, first in enumerate(models[0].by_label if models else ()):
        row = [first.label, str(first.takes), str(first.windows)]
        for model in models:
            figures = model.by_label[place]
            shares = (figures.precision, figures.recall, figures.f1)
            row += [f"{share:.2f}" if figures.known else "-" for share in shares]
            row.append(str(figures.unknown))
        rows.append(row)
    yield _table(heads, rows, above=above)


def _takes(report: Report, judged: Judgements) -> Iterable[Markup]:
    mistakes = [sum(take.windows - n for n in take.right.values()) for take in report.takes]
    drawn = sorted(range(len(mistakes)), key=lambda index: -mistakes[index])[:MOST_TRACES]
    yield tag("h2", "The takes")
    left_out = len(mistakes) - len(drawn)
    yield tag(
        "p",
        "Acceleration along x, y and z, and under it what each model said when: ",
        *(tag("span", _key(colour), name, class_="keyed") for colour, name in _KEYS),
        f" {counted(left_out, 'take')} with fewer mistakes not drawn." if left_out else "",
        class_="soft",
    )
    cards = []
    for index in sorted(drawn):
        take = report.takes[index]
        about = f"{take.name} · {take.position} · {take.seconds:.0f} s"
        cards.append(
            tag(
                "div",
                tag("h3", take.label),
                pictures.trace(judged, index, take),
                tag("p", about, class_="soft"),
                class_="card",
            )
        )
    yield tag("div", *cards, class_="takes")


_KEYS: Final = (
    ("var(--x)", "x"),
    ("var(--y)", "y"),
    ("var(--z)", "z"),
    ("var(--right)", "right"),
    ("var(--wrong)", "wrong"),
    ("var(--open)", "unknown"),
)


def _key(colour: str) -> Markup:
    return tag("span", class_="key", style=f"background:{colour}")


def _making(report: Report) -> Iterable[Markup]:
    yield tag("h2", "How this was made")
    rows = [
        [name_of(m.model), m.source, m.digest[:16] or "-", ", ".join(m.labels) or "-"]
        for m in report.models
    ]
    yield _table(["model", "made from", "SHA-256", "labels"], rows)
    software = ", ".join(f"{name} {version}" for name, version in report.software.items())
    yield tag(
        "p",
        f"harpi {report.harpi}; {software}. Intervals from {report.resamples} resamples of the "
        f"takes, seed {report.seed}.",
        class_="soft",
    )
    described = {"conditions": report.conditions, "configuration": report.configuration}
    shown = msgspec.json.format(msgspec.json.encode(described), indent=2).decode()
    yield tag("details", tag("summary", "Configuration"), tag("pre", shown))


def _card(model: str, drawing: Markup) -> Markup:
    return tag("div", tag("h3", name_of(model), class_=f"name {model}"), drawing, class_="card")


def _table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    above: Markup | None = None,
    models: Sequence[str] = (),
) -> Markup:
    """Make a table; `models` colours the first cell of each row."""
    first: list[str | None] = [f"name {model}" for model in models]
    first += [None] * (len(rows) - len(first))
    body = [
        tag(
            "tr",
            *(
                tag("td", cell, class_=kind if place == 0 else None)
                for place, cell in enumerate(row)
            ),
        )
        for row, kind in zip(rows, first, strict=True)
    ]
    top = [tag("tr", *(tag("th", head) for head in heads))]
    if above is not None:
        top.insert(0, above)
    return tag("div", tag("table", tag("thead", *top), tag("tbody", *body)), class_="wide")


def _interval(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return f"{interval.value:.2f}"
    return f"{interval.value:.2f} [{interval.low:.2f} {interval.high:.2f}]"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"
