"""The plots on the page of the study: small panels side by side, as SVG without a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from harpi.evaluation.pictures import Markup, tag
from harpi_models.metrics import Figure
from harpi_models.study.device import CORAL, GENERIC, KNN, PERSONAL
from harpi_models.study.peers import PEERS

SHOWN: Final = (*PEERS, *CORAL, GENERIC, KNN, PERSONAL)
"""Who is drawn; the later lie on top."""
OWN: Final = (PERSONAL, KNN, GENERIC)

_COLUMNS: Final = 4
_WIDTH: Final = 190.0
_HEIGHT: Final = 150.0
_LEFT: Final = 34.0
_TOP: Final = 26.0
_ROW: Final = 222.0
_COLUMN: Final = 240.0

_LIGHT: Final = {
    PERSONAL: "#1f8a5b",
    KNN: "#2b6cb0",
    GENERIC: "#b7791f",
    "RandomForest": "#8a5fb0",
    "LogisticRegression": "#b0506e",
    "MiniRocket + ridge": "#6b7280",
    "river's kNN": "#2f9aa0",
    "Coral's softmax regression": "#c2603a",
    "Coral's imprinting": "#7d8f2e",
}
_DARK: Final = {
    PERSONAL: "#4cc38f",
    KNN: "#63a4e6",
    GENERIC: "#e0a84a",
    "RandomForest": "#b794dd",
    "LogisticRegression": "#d67f9b",
    "MiniRocket + ridge": "#9aa4ae",
    "river's kNN": "#62c6cc",
    "Coral's softmax regression": "#e8906b",
    "Coral's imprinting": "#b3c65f",
}

Line = Sequence[Figure | None]
"""One figure for each mark of the axis; None where there is none."""


def panels(
    drawn: Mapping[str, Mapping[str, Line]], marks: Sequence[str], caption: str
) -> Markup:
    """Draw panels with the same axes, and a key.

    Args:
        drawn: by title of the panel, the line of each contestant of `SHOWN`.
        marks: what stands at the axis, from left to right, evenly spaced.
        caption: what the axis is.
    """
    pieces = [tag("style", Markup(_style()))]
    for number, (title, lines) in enumerate(drawn.items()):
        left, top = _corner(number)
        pieces += [
            tag("text", title, class_="title", x=left, y=top - 9),
            *_axes(left, top, marks, caption),
            *(_line(name, lines[name], left, top) for name in SHOWN if name in lines),
        ]
    pieces.append(_key(*_corner(len(drawn))))
    rows = len(drawn) // _COLUMNS + 1
    width, height = _COLUMN * _COLUMNS, _ROW * rows
    box = f"0 0 {width:.0f} {height:.0f}"
    ground = tag("rect", class_="ground", width=width, height=height)
    return tag(
        "svg", pieces[0], ground, *pieces[1:], xmlns="http://www.w3.org/2000/svg", viewBox=box
    )


def _corner(number: int) -> tuple[float, float]:
    return _LEFT + _COLUMN * (number % _COLUMNS), _TOP + _ROW * (number // _COLUMNS)


def _axes(left: float, top: float, marks: Sequence[str], caption: str) -> list[Markup]:
    pieces = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = top + _HEIGHT * (1 - share)
        pieces.append(tag("path", class_="grid", d=f"M{left} {y}H{left + _WIDTH}"))
        if share in (0.0, 0.5, 1.0):
            beside = {"x": left - 5, "y": y + 4, "text_anchor": "end"}
            pieces.append(tag("text", f"{share:g}", class_="soft", **beside))
    for number, mark in enumerate(marks):
        below = {"x": _at(left, number, len(marks)), "y": top + _HEIGHT + 15}
        pieces.append(tag("text", mark, class_="soft", text_anchor="middle", **below))
    middle = {"x": left + _WIDTH / 2, "y": top + _HEIGHT + 30, "text_anchor": "middle"}
    return [*pieces, tag("text", caption, class_="soft", **middle)]


def _at(left: float, number: int, count: int) -> float:
    return left + 8 + (_WIDTH - 16) * number / max(1, count - 1)


def _line(name: str, line: Line, left: float, top: float) -> Markup:
    points = [
        (_at(left, number, len(line)), top + _HEIGHT * (1 - figure.mean), figure)
        for number, figure in enumerate(line)
        if figure is not None
    ]
    own = name in OWN
    pieces = []
    if own:
        upper = [(x, top + _HEIGHT * (1 - f.high)) for x, _, f in points]
        lower = [(x, top + _HEIGHT * (1 - f.low)) for x, _, f in reversed(points)]
        pieces.append(tag("path", class_="band", d=_path([*upper, *lower]) + "Z"))
    pieces.append(tag("path", class_="line", d=_path([(x, y) for x, y, _ in points])))
    for x, y, figure in points:
        said = f"{name}: {figure}"
        pieces.append(tag("circle", tag("title", said), cx=x, cy=y, r=3 if own else 1.8))
    return tag("g", *pieces, class_=_class(name) + (" own" if own else ""))


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _key(left: float, top: float) -> Markup:
    pieces = []
    for number, name in enumerate(reversed(SHOWN)):
        y = top + 8 + 19 * number
        own = " own" if name in OWN else ""
        line = tag("path", class_="line", d=f"M{left} {y}H{left + 22}")
        pieces += [
            tag("g", line, class_=_class(name) + own),
            tag("text", name, class_="key", x=left + 29, y=y + 4),
        ]
    return tag("g", *pieces)


def _class(name: str) -> str:
    return f"c{SHOWN.index(name)}"


def _style() -> str:
    def colours(of: Mapping[str, str]) -> str:
        return "".join(
            f".{_class(n)}{{stroke:{colour};fill:{colour}}}" for n, colour in of.items()
        )

    return (
        "text{font:12px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#1d2126}"
        ".title{font-weight:600;font-size:13px}.soft{fill:#5d6670;font-size:11px}"
        ".ground{fill:#fff}.grid{stroke:#dcdfe3;fill:none}"
        ".line{fill:none;stroke-width:1.2;opacity:.75}"
        ".own .line{stroke-width:2.4;opacity:1}.band{stroke:none;opacity:.14}"
        "circle{stroke:none}" + colours(_LIGHT) + "@media(prefers-color-scheme:dark){"
        "text{fill:#e6e8ea}.soft{fill:#9aa4ae}.ground{fill:#14171a}.grid{stroke:#343a41}"
        + colours(_DARK)
        + "}"
    )
