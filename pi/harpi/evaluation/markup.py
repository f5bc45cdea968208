"""HTML and SVG put together so that no label can become markup.

Text is escaped unless it is `Markup`, and `tag` is what makes `Markup`.
"""

from __future__ import annotations

import html
import re
from typing import Final

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
