"""What a terminal shows when the demo has ended."""

from __future__ import annotations

import io
import logging
import re

from harpi.demo.runner import SceneScore
from harpi.demo.screen import Screen, report
from harpi.demo.setup import set_up
from tests.pictures.svg import write_svg

WIPE = re.compile(r"\x1b\[(\d+)A\x1b\[J")


class Paper(io.StringIO):
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


def draw() -> None:
    """Make demo.svg."""
    logging.disable(logging.WARNING)
    score, paper = SceneScore(), Paper()
    screen = Screen(score, paper)
    with set_up(screen, score, subject="25", speed=None) as play:
        screen.say(report(play.perform()))
    logging.disable(logging.NOTSET)
    write_svg("demo", "$ make demo\n" + paper.seen().rstrip("\n"), title="harpi demo", width=96)
