"""A table of figures, for people or as rows."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Table:
    title: str
    rows: list[dict[str, str | float]] = field(default_factory=list)
    note: str = ""

    def add(self, **cells: str | float) -> None:
        self.rows.append(cells)

    def __str__(self) -> str:
        heads = list(self.rows[0])
        texts = [[_text(row[head]) for head in heads] for row in self.rows]
        widths = [max(map(len, column)) for column in zip(heads, *texts, strict=True)]
        first, *others = widths

        def line(cells: list[str]) -> str:
            rest = (f"{cell:>{width}}" for cell, width in zip(cells[1:], others, strict=True))
            return "  ".join([f"{cells[0]:<{first}}", *rest])

        lines = [self.title, line(heads), *map(line, texts)]
        return "\n".join(lines + ([self.note] if self.note else []))


def _text(cell: str | float) -> str:
    return cell if isinstance(cell, str) else f"{cell:.4g}"
