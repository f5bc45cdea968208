"""What a campaign found: a table for people, and what must not be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Result:
    """The outcome of a campaign.

    Attributes:
        title: heading of the table.
        columns: headings of its columns.
        rows: one text for each column.
        failures: what was found wrong, a sentence each; empty where all went well.
        note: what the figures mean and how they were taken; Markdown, below the table.
    """

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    note: str = ""

    def add(self, *cells: object) -> None:
        """Add a row.

        Raises:
            ValueError: there are more or fewer cells than columns.
        """
        if len(cells) != len(self.columns):
            raise ValueError(f"{len(cells)} cells for {len(self.columns)} columns: {cells}")
        self.rows.append(tuple(map(str, cells)))

    def fail(self, what: str) -> None:
        """Note something that must not be."""
        self.failures.append(what)

    def markdown(self) -> str:
        """Give the heading, the table, the note, and the failures."""
        lines = [
            f"### {self.title}",
            "",
            _line(self.columns),
            _line("---" for _ in self.columns),
        ]
        lines += map(_line, self.rows)
        if self.note:
            lines += ["", self.note]
        if self.failures:
            lines += ["", *(f"- **Failed:** {failure}" for failure in self.failures)]
        return "\n".join(lines) + "\n"


def _line(cells: Iterable[str]) -> str:
    texts = [" ".join(cell.split()).replace("|", "\\|") for cell in cells]
    return f"| {' | '.join(texts)} |"
