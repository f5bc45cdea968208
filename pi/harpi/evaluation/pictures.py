"""The drawings of an evaluation as SVG, put together so that no label becomes markup.

Text is escaped unless it is `Markup`, and `tag` is what makes `Markup`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from harpi.evaluation.judging import Answers, Codes, Judgements
from harpi.evaluation.metrics import Values
from harpi.evaluation.report import Calibration, Confusion, Interval, TakeResult
from harpi.names import name_of

_POINTS: Final = 150
"""Columns of a trace, each drawn from its least to its largest value."""

_DARK: Final = 0.55
"""Share of a row from which a cell is so dark that its number is white."""


def matrix(confusion: Confusion) -> Markup:
    """Draw a confusion matrix; shades are shares of a row, numbers are windows."""
    unanswered = any(row[-1] for row in confusion.counts)
    columns = [*confusion.answers, *(["no answer"] if unanswered else [])]
    longest = max(map(len, (*confusion.labels, *columns)))
    left, top, cell = 8 + 6.2 * min(longest, 20), 12 + 4.4 * min(longest, 20), 34.0
    pieces = []
    for column, name in enumerate(columns):
        x, y = left + cell * (column + 0.5), top - 6
        turned = f"rotate(-45 {x:.1f} {y:.1f})"
        pieces.append(tag("text", _cut(name), x=x, y=y, transform=turned))
    for row, label in enumerate(confusion.labels):
        y = top + cell * row
        pieces.append(
            tag("text", _cut(label), x=left - 6, y=y + cell / 2 + 4, text_anchor="end")
        )
        windows = sum(confusion.counts[row])
        for column, name in enumerate(columns):
            count = confusion.counts[row][column]
            said = f"{label}: {count} of {windows} windows classified {name}"
            kind = "hit" if name == label else "miss"
            x, share = left + cell * column, count / windows
            pieces.append(_cell(x, y, cell, kind, share, count, said))
    width, height = left + cell * len(columns) + 3.2 * min(longest, 20), top
    return _svg(width, height + cell * len(confusion.labels) + 2, *pieces, most=1.4)


def _cell(
    x: float, y: float, size: float, kind: str, share: float, count: int, said: str
) -> Markup:
    box = {"x": x, "y": y, "width": size, "height": size}
    pieces = [tag("rect", class_="cell", **box), tag("title", said)]
    if count:
        shade = max(0.08, share)
        pieces.insert(0, tag("rect", class_=kind, fill_opacity=shade, **box))
        middle = {"x": x + size / 2, "y": y + size / 2 + 4, "text_anchor": "middle"}
        over = "over" if shade > _DARK else None
        pieces.append(tag("text", str(count), class_=over, **middle))
    return tag("g", *pieces)


def reliability(model: str, calibration: Calibration) -> Markup:
    """Draw how often a model is right against how sure it is, with a histogram below."""
    size, left, low = 200.0, 34.0, 36.0
    most = max(part.windows for part in calibration.bins)

    def at(confidence: float, accuracy: float) -> tuple[float, float]:
        return left + size * confidence, 8 + size * (1 - accuracy)

    pieces = [*_axes(left, 8, size, size)]
    pieces.append(_line("dashed", [at(0, 0), at(1, 1)]))
    filled = [part for part in calibration.bins if part.windows]
    pieces.append(_line("curve", [at(part.confidence, part.accuracy) for part in filled]))
    for part in filled:
        x, y = at(part.confidence, part.accuracy)
        said = (
            f"{part.windows} windows, confidence {part.confidence:.0%}, "
            f"{part.accuracy:.0%} correct"
        )
        radius = 2.5 + 4 * (part.windows / most) ** 0.5
        pieces.append(tag("circle", tag("title", said), class_="dot", cx=x, cy=y, r=radius))
    step = size / len(calibration.bins)
    for place, part in enumerate(calibration.bins):
        height = low * part.windows / most
        box = {"x": left + step * place + 1, "y": 8 + size + 24 + low - height}
        pieces.append(
            tag(
                "rect",
                tag("title", f"{part.windows} windows"),
                class_="bar",
                width=step - 2,
                height=height,
                fill_opacity=0.5,
                **box,
            )
        )
    caption = "across: confidence; up: share that is correct"
    middle = left + size / 2
    bottom = 8 + size + 24 + low + 16
    pieces.append(tag("text", caption, class_="soft", x=middle, y=bottom, text_anchor="middle"))
    return _svg(left + size + 10, bottom + 4, tag("g", *pieces, class_=model), most=1.3)


def whiskers(rows: Iterable[tuple[str, Interval]]) -> Markup:
    """Draw an accuracy with its interval for each model, from 0 to 1."""
    width, left, step = 420.0, 70.0, 24.0
    rows = list(rows)
    height = step * len(rows)
    pieces = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = left + width * share
        pieces.append(_line("axis", [(x, 0), (x, height)]))
        pieces.append(
            tag("text", f"{share:g}", class_="soft", x=x, y=height + 14, text_anchor="middle")
        )
    for place, (model, interval) in enumerate(rows):
        y = step * (place + 0.5)
        ends = (interval.low, interval.high)
        drawn = []
        if ends[0] is not None and ends[1] is not None:
            drawn.append(
                _line("whisker", [(left + width * ends[0], y), (left + width * ends[1], y)])
            )
        drawn.append(tag("circle", class_="dot", cx=left + width * interval.value, cy=y, r=5))
        pieces.append(tag("text", name_of(model), x=0, y=y + 4))
        pieces.append(tag("g", *drawn, class_=model))
    return _svg(left + width + 12, height + 18, *pieces, most=1.5)


def over_time(takes: Sequence[TakeResult], models: Sequence[str]) -> Markup:
    """Draw each take as a bar, as wide as it is long and as high as the models are right."""
    width, left, row = 900.0, 70.0, 70.0
    whole = sum(take.seconds for take in takes)
    pieces = []
    for place, model in enumerate(models):
        top = place * (row + 16)
        pieces.append(tag("text", name_of(model), x=0, y=top + row / 2 + 4))
        pieces.append(tag("text", "1", class_="soft", x=left - 5, y=top + 8, text_anchor="end"))
        pieces.append(
            tag("text", "0", class_="soft", x=left - 5, y=top + row, text_anchor="end")
        )
        bars, second = [], 0.0
        for take in takes:
            share = take.right[model] / take.windows
            x, wide = left + width * second / whole, width * take.seconds / whole
            said = f"{take.name}, {take.label}: {share:.0%} of {take.windows} windows right"
            height = max(1.0, row * share)
            box = {"x": x + 0.5, "y": top + row - height, "width": max(0.5, wide - 1)}
            bars.append(tag("rect", tag("title", said), class_="bar", height=height, **box))
            second += take.seconds
        pieces.append(_line("axis", [(left, top), (left + width, top)]))
        pieces.append(tag("g", *bars, class_=model))
        pieces.append(_line("axis", [(left, top + row), (left + width, top + row)]))
    bottom = len(models) * (row + 16)
    second = 0.0
    for before, take in zip([None, *takes], takes, strict=False):
        if before is None or before.session != take.session:
            x = left + width * second / whole
            pieces.append(_line("dashed", [(x, 0), (x, bottom)]))
            pieces.append(
                tag("text", f"session {take.session}", class_="soft", x=x + 3, y=bottom + 8)
            )
        second += take.seconds
    return _svg(left + width + 4, bottom + 14, *pieces)


def trace(judged: Judgements, index: int, take: TakeResult) -> Markup:
    """Draw the acceleration of a take, and under it what each model said when.

    Args:
        judged: what was said.
        index: of the take among its trials.
        take: its results.
    """
    trial = judged.trials[index]
    width, left, height = 300.0, 58.0, 64.0
    begin, seconds = trial.begin, trial.end - trial.begin
    values = np.concatenate([run.values for run in trial.runs])[:, :3]
    times = np.concatenate([run.times for run in trial.runs])
    low, high = float(values.min()), float(values.max())
    spread = max(high - low, 0.2)
    middle = (high + low) / 2
    pieces = []
    places = np.minimum((times - begin) / seconds * _POINTS, _POINTS - 1).astype(np.int64)
    for axis, name in enumerate("xyz"):
        heights = height / 2 - (values[:, axis] - middle) / spread * (height - 4)
        pieces.append(tag("path", class_=name, d=_outline(places, heights, left, width)))
    for place, (model, answers) in enumerate(judged.answers.items()):
        y = height + 8 + 14 * place
        pieces.append(tag("text", name_of(model), class_="soft", x=0, y=y + 9))
        for first, last, kind, said in _stretches(judged, answers, index):
            x = left + width * (first - begin) / seconds
            wide = width * (last - first) / seconds
            # Who cannot tell the colours apart sees that what is right is thinner.
            thin = 3 if kind == "hit" else 0
            box = {"x": x, "y": y + thin, "width": wide, "height": 10 - 2 * thin}
            pieces.append(tag("rect", tag("title", said), class_=kind, **box))
        if model in take.right:
            share = f"{take.right[model] / take.windows:.0%}"
            end = left + width + 36
            pieces.append(tag("text", share, class_="soft", x=end, y=y + 9, text_anchor="end"))
    rows = height + 8 + 14 * len(judged.answers)
    return _svg(left + width + 36, rows, *pieces)


def _outline(
    places: Codes,
    heights: Values,
    left: float,
    width: float,
) -> str:
    """Draw, in each column, from the least to the largest value."""
    low, high = np.full(_POINTS, np.inf), np.full(_POINTS, -np.inf)
    np.minimum.at(low, places, heights)
    np.maximum.at(high, places, heights)
    words = []
    for place in np.flatnonzero(np.isfinite(low)):
        x = left + width * (place + 0.5) / _POINTS
        words.append(f"{x:.1f} {low[place]:.1f}")
        if high[place] - low[place] >= 0.5:
            words.append(f"{x:.1f} {high[place]:.1f}")
    return "M" + "L".join(words)


def _stretches(
    judged: Judgements, answers: Answers, index: int
) -> Iterable[tuple[float, float, str, str]]:
    """Give begin, end, colour and words of what was said, equal neighbours together.

    A window stands for the time around its middle up to halfway to its neighbours.
    """
    rows = np.flatnonzero(judged.trial == index)
    middles = (judged.starts[rows] + judged.ends[rows]) / 2
    borders = (middles[1:] + middles[:-1]) / 2
    begins = np.append(judged.starts[rows[:1]], borders)
    ends = np.append(borders, judged.ends[rows[-1:]])
    said = [_said(judged, answers, row) for row in rows.tolist()]
    first = 0
    for place in range(len(rows)):
        if place + 1 == len(rows) or said[place + 1] != said[place]:
            yield float(begins[first]), float(ends[place]), *said[place]
            first = place + 1


def _said(judged: Judgements, answers: Answers, row: int) -> tuple[str, str]:
    if answers.best[row] < 0:
        return "none", "untrained"
    label = judged.labels[answers.best[row]]
    if answers.unknown[row]:
        return "none", f"unknown, most like {label}"
    return "hit" if answers.best[row] == judged.truth[row] else "miss", label


def _axes(x: float, y: float, width: float, height: float) -> Iterable[Markup]:
    """Draw a frame from 0 to 1 with numbers at both axes."""
    yield tag("rect", class_="axis", x=x, y=y, width=width, height=height)
    for share in (0.0, 0.5, 1.0):
        across, up = x + width * share, y + height * (1 - share)
        place = {"x": across, "y": y + height + 14, "text_anchor": "middle"}
        yield tag("text", f"{share:g}", class_="soft", **place)
        yield tag("text", f"{share:g}", class_="soft", x=x - 6, y=up + 4, text_anchor="end")


def _line(kind: str, points: Sequence[tuple[float, float]]) -> Markup:
    return tag("path", class_=kind, d="M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points))


def _cut(name: str) -> str:
    return name if len(name) <= 20 else f"{name[:19]}…"


def _svg(width: float, height: float, *pieces: str, most: float | None = None) -> Markup:
    """Put a drawing together; it is shown up to `most` times its size, or as wide as it may."""
    style = None if most is None else f"max-width:{width * most:.0f}px"
    box = f"0 0 {width:.0f} {height:.0f}"
    return tag("svg", joined(*pieces), viewBox=box, role="img", style=style)


VOID: Final = ("meta", "br")
"""Elements of HTML that have no end."""

_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""What no HTML document may hold, not even escaped."""


class Markup(str):
    """Text that is HTML or SVG already."""

    __slots__ = ()


def text(value: str) -> Markup:
    """Escape text; what no document may hold becomes a question mark."""
    return Markup(html.escape(_FORBIDDEN.sub("?", value)))


def tag(name: str, /, *children: str, **attributes: object) -> Markup:
    """Make an element.

    Args:
        name: of the element.
        children: what is in it, one after the other.
        attributes: `class_` for `class`, `stroke_width` for `stroke-width`; numbers are
            rounded to a hundredth, None leaves an attribute out.
    """
    words = "".join(
        f' {key.strip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Markup(f"<{name}{words}>")
    return Markup(f"<{name}{words}>{joined(*children)}</{name}>")


def joined(*children: str) -> Markup:
    """Put pieces after each other."""
    return Markup("".join(c if isinstance(c, Markup) else text(c) for c in children))


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return text(str(value))
