"""Make docs/images/demo.svg: what a terminal shows when the demo has ended."""

from __future__ import annotations

import io
import logging
import re
from pathlib import Path

from rich.console import Console
from rich.text import Text

from harpi.demo.score import Score
from harpi.demo.screen import Screen, report
from harpi.demo.stage import perform

TARGET = Path(__file__).parents[2] / "docs" / "images" / "demo.svg"
FONT_FACE = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
WIPE = re.compile(r"\x1b\[(\d+)A\x1b\[J")


class Terminal(io.StringIO):
    """A terminal that keeps what a person would still see."""

    def isatty(self) -> bool:
        return True

    def seen(self) -> str:
        lines = [""]
        for part in re.split(r"(\x1b\[\d+A\x1b\[J)", self.getvalue()):
            if wipe := WIPE.fullmatch(part):
                del lines[-1 - int(wipe[1]) :]
                lines.append("")
            else:
                first, *more = part.split("\n")
                lines[-1] += first
                lines += more
        return "\n".join(lines)


def main() -> None:
    logging.disable(logging.WARNING)
    score, terminal = Score(), Terminal()
    outcome = perform(Screen(score, terminal), score, subject="25", speed=None)
    console = Console(record=True, width=92, file=io.StringIO())
    console.print(Text.from_ansi("$ make demo\n" + terminal.seen() + report(outcome)))
    TARGET.parent.mkdir(exist_ok=True)
    picture = console.export_svg(title="harpi demo")
    TARGET.write_text(FONT_FACE.sub("", picture), "utf-8")  # it loads nothing from elsewhere
    print(f"{TARGET}: {TARGET.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
