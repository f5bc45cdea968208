"""What stands on a terminal as a drawing that loads nothing from elsewhere."""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console
from rich.text import Text

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
FONT_FACE = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


def write_svg(name: str, text: str, *, title: str, width: int) -> None:
    """Draw `text`, with its colours, into the folder of the documentation's images."""
    console = Console(record=True, width=width, file=io.StringIO())
    console.print(Text.from_ansi(text.replace("\r\n", "\n").rstrip()))
    # Names of classes that do not change with the text: a new picture is a small change.
    picture = console.export_svg(title=title, unique_id=f"harpi-{name}")
    IMAGES.mkdir(exist_ok=True)
    target = IMAGES / f"{name}.svg"
    target.write_text(FONT_FACE.sub("", picture), "utf-8")
    print(f"{target}: {target.stat().st_size // 1024} kB")
