"""Changes to JSON that keep it JSON: changes to its bytes hardly ever do."""

from __future__ import annotations

import json
import random
from typing import Any, Final

VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63, -(2**63) - 1, 2**70),
    *(0.5, -0.0, 5e-324, 1.7e308, float("inf"), float("nan")),
    *("", "a", "walking", "\x00", "\x1b[2J", "\ud800", "a" * 100),
    *([], {}, [[]], {"": {}}),
)
MOST_PLACES: Final = 1000

Place = tuple[Any, Any]
"""A container, and the key of something in it."""


def mutated(content: bytes, chance: random.Random) -> bytes | None:
    """Change some things in an object of JSON; None where there is none."""
    begin, end = content.find(b"{"), content.rfind(b"}") + 1
    try:
        whole = json.loads(content[begin:end])
        for _ in range(chance.randint(1, 3)):
            _change(_places(whole), chance)
        return content[:begin] + json.dumps(whole).encode() + content[end:]
    except (ValueError, IndexError, RecursionError):  # no object, or an empty one
        return None


def _places(whole: Any) -> list[Place]:
    found: list[Place] = []
    waiting = [whole]
    while waiting and len(found) < MOST_PLACES:
        one = waiting.pop()
        keys = list(one) if isinstance(one, dict) else range(len(one))
        found += [(one, key) for key in keys]
        waiting += [one[key] for key in keys if isinstance(one[key], dict | list)]
    return found


def _change(places: list[Place], chance: random.Random) -> None:
    """Replace a value by another one, take it out, or add one like it."""
    container, key = chance.choice(places)
    other, at = chance.choice(places)
    plain = not isinstance(other[at], dict | list)
    match chance.randrange(4):
        case 0:
            del container[key]
        case 1 if plain:
            container[key] = other[at]
        case 2 if isinstance(container, list):
            container.insert(key, container[key])
        case 2 if isinstance(at, str):
            container[at] = container[key]
        case _:
            container[key] = chance.choice(VALUES)
