"""The 40-pin header of a Raspberry Pi, the same on every model since the B+.

Position 1 is at the corner of the board that is far from the USB ports; odd positions are in
the inner row, even ones in the row at the edge (Raspberry Pi documentation, "GPIO and the
40-pin header").
"""

from __future__ import annotations

from typing import Final

POSITIONS: Final[tuple[int | str, ...]] = (
    "3V3", "5V",
    2, "5V",
    3, "GND",
    4, 14,
    "GND", 15,
    17, 18,
    27, "GND",
    22, 23,
    "3V3", 24,
    10, "GND",
    9, 25,
    11, 8,
    "GND", 7,
    0, 1,
    5, "GND",
    6, 12,
    13, "GND",
    19, 16,
    26, 20,
    "GND", 21,
)  # fmt: skip
"""What is at each position, the first at index 0: the number of a GPIO line (BCM), or the
name of a supply."""

PLACES: Final[dict[int, int]] = {
    what: position for position, what in enumerate(POSITIONS, start=1) if isinstance(what, int)
}
"""Position of each GPIO line."""

I2C: Final[dict[int, tuple[int, int]]] = {0: (0, 1), 1: (2, 3)}
"""GPIO lines of SDA and SCL, for the buses that have a place of their own; any other is where
its overlay puts it."""


def name_of(position: int) -> str:
    """Name what is at a position: `3V3`, `5V`, `GND`, or a line as `GPIO17`."""
    what = POSITIONS[position - 1]
    return what if isinstance(what, str) else f"GPIO{what}"
