"""Takes in words: a line each in a table, all about one of them, or as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from harpi.learning.take import Take

_HEADER: Final = (
    "take",
    "label",
    "position",
    "session",
    "split",
    "start (UTC)",
    "s",
    "remarks",
)
_TO_THE_RIGHT: Final = (0, 3, 6)


def fields(take: Take) -> dict[str, Any]:
    """Everything that is known of a take, ready for JSON; times in UTC, ISO 8601."""
    known = asdict(take)
    known["start"] = take.start.isoformat()
    known["deleted"] = None if take.deleted is None else take.deleted.isoformat()
    return known


def table(takes: Sequence[Take]) -> Iterator[str]:
    """One line for each take, columns aligned, and a last line with the sum."""
    rows = [_HEADER, *map(_row, takes)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADER))]
    for row in rows:
        cells = (
            cell.rjust(width) if i in _TO_THE_RIGHT else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()
    seconds = sum(take.used_seconds for take in takes)
    yield f"{counted(len(takes))}, {seconds:.0f} s in use"


def description(take: Take) -> Iterator[str]:
    """All that is known of a take, a line for each thing."""
    yield f"take {take.id}: {take.label}"
    yield f"  position  {take.position}, session {take.session}"
    yield f"  split     {take.split}"
    device = f" on {take.device}" if take.device else ""
    yield f"  start     {take.start:%Y-%m-%d %H:%M:%S} UTC{device}"
    yield f"  length    {take.seconds:.1f} s, {take.count} samples at {take.rate:g} Hz"
    if take.trimmed:
        end = take.seconds if take.keep_to is None else take.keep_to
        yield f"  used      {take.keep_from:.1f} s to {min(end, take.seconds):.1f} s"
    if remarks := _remarks(take):
        yield f"  remarks   {remarks}"
    if take.note:
        yield f"  note      {take.note}"


def counted(number: int) -> str:
    """`1 take`, `2 takes`."""
    return f"{number} take" + ("" if number == 1 else "s")


def named(takes: Sequence[int], most: int = 12) -> str:
    """`take 3`, `takes 3, 4, 5`, and not more numbers than one can read."""
    numbers = ", ".join(map(str, takes[:most]))
    if len(takes) > most:
        return f"{len(takes)} takes ({numbers}, ...)"
    return f"take {numbers}" if len(takes) == 1 else f"takes {numbers}"


def _row(take: Take) -> tuple[str, ...]:
    return (
        str(take.id),
        take.label,
        take.position,
        str(take.session),
        take.split,
        f"{take.start:%Y-%m-%d %H:%M:%S}",
        f"{take.used_seconds:.1f}",
        _remarks(take),
    )


def _remarks(take: Take) -> str:
    remarks = [flag.replace("_", " ") for flag in take.flags]
    if take.state != "kept":
        remarks.append(take.state)
    if take.gaps:
        remarks.append(f"{take.gaps} gap" + ("" if take.gaps == 1 else "s"))
    if take.deleted is not None:
        remarks.append("deleted")
    return ", ".join(remarks)
