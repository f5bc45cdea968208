"""A table of figures, for people or as rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Spread:
    """A figure that was measured several times: its median, and the quartiles around it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        low, median, high = np.percentile(values, (25, 50, 75))
        return cls(float(median), float(low), float(high))

    def __str__(self) -> str:
        return f"{_figure(self.median)} [{_figure(self.low)}, {_figure(self.high)}]"


Cell = str | float | Spread


@dataclass
class Table:
    """Rows with the same columns.

    Attributes:
        title: what is in it, and under which conditions it was measured.
        rows: by column.
        note: what one must know to read it.
    """

    title: str
    rows: list[dict[str, Cell]] = field(default_factory=list)
    note: str = ""

    def add(self, **cells: Cell) -> None:
        self.rows.append(cells)

    def not_run(self, what: str, why: str) -> None:
        """Name something that could not be measured here."""
        sentence = f"Not run: {what}, because {why}."
        self.note = f"{self.note}\n{sentence}" if self.note else sentence

    def __str__(self) -> str:
        if not self.rows:
            return f"{self.title}\n{self.note}"
        heads, texts = self._texts()
        widths = [max(map(len, column)) for column in zip(heads, *texts, strict=True)]
        first, *others = widths

        def line(cells: list[str]) -> str:
            rest = (f"{cell:>{width}}" for cell, width in zip(cells[1:], others, strict=True))
            return "  ".join([f"{cells[0]:<{first}}", *rest])

        lines = [self.title, line(heads), *map(line, texts)]
        return "\n".join(lines + ([self.note] if self.note else []))

    def markdown(self) -> str:
        """The table for a page."""
        lines = [f"**{self.title}**", ""]
        if self.rows:
            heads, texts = self._texts()
            ruler = ["---"] + ["---:"] * (len(heads) - 1)
            lines += [f"| {' | '.join(row)} |" for row in (heads, ruler, *texts)] + [""]
        lines += [f"{note}\n" for note in self.note.splitlines()]
        return "\n".join(lines)

    def _texts(self) -> tuple[list[str], list[list[str]]]:
        heads = list(self.rows[0])
        return heads, [[_text(row[head]) for head in heads] for row in self.rows]


def _text(cell: Cell) -> str:
    return _figure(cell) if isinstance(cell, float | int) else str(cell)


def _figure(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
