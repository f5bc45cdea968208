"""Making an input that hurts as small as it can be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

MOST_TRIES: Final = 3000


def smallest(content: bytes, hurts: Callable[[bytes], bool]) -> bytes:
    """Leave out whatever is not needed to hurt, larger pieces first.

    Args:
        content: an input that hurts.
        hurts: tells whether another one hurts in the same way.
    """
    tries = 0
    size = max(1, len(content) // 2)
    while tries < MOST_TRIES:
        place, shortened = 0, False
        while place < len(content) and tries < MOST_TRIES:
            rest = content[:place] + content[place + size :]
            tries += 1
            if hurts(rest):
                content, shortened = rest, True
            else:
                place += size
        if size > 1:
            size //= 2
        elif not shortened:
            break
    return content
