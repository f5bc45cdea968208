"""Bounded reads of a flatbuffer (https://flatbuffers.dev/internals)."""

from __future__ import annotations

import struct


class OutOfBounds(Exception):
    """An offset points out of the file."""


class Flatbuffer:
    """A file of tables that point to each other.

    Args:
        content: all its bytes.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content

    def unpack(self, layout: str, at: int) -> int:
        """Read a number at a position; `layout` is one of the module struct.

        Raises:
            OutOfBounds: it is not in the file; so with all that reads.
        """
        if at < 0:
            raise OutOfBounds
        try:
            value: int = struct.unpack_from(layout, self._content, at)[0]
        except struct.error:
            raise OutOfBounds from None
        return value

    def indirect(self, at: int) -> int:
        """Follow the offset at a position."""
        return at + self.unpack("<I", at)

    def field(self, table: int, number: int) -> int | None:
        """Position of a field of a table; None where the table leaves it out."""
        vtable = table - self.unpack("<i", table)
        entry = 4 + 2 * number
        if entry + 2 > self.unpack("<H", vtable):
            return None
        offset = self.unpack("<H", vtable + entry)
        return table + offset if offset else None

    def number(self, table: int, number: int, layout: str, default: int = 0) -> int:
        """Value of a field that is a number; a default is not stored in the file."""
        field = self.field(table, number)
        return default if field is None else self.unpack(layout, field)

    def integers(self, table: int, number: int) -> tuple[int, ...]:
        """Values of a vector of int32; none where it is left out."""
        start, length = self.vector(table, number, 4) or (0, 0)
        values: tuple[int, ...] = struct.unpack_from(f"<{length}i", self._content, start)
        return values

    def text(self, table: int, number: int) -> str:
        """Value of a field that is a string; empty where it is left out."""
        found = self.vector(table, number, 1)
        return "" if found is None else self.slice(*found).decode("utf-8", errors="replace")

    def table(self, table: int, number: int) -> int | None:
        """Position of the table that a field points to; None where it is left out."""
        field = self.field(table, number)
        return None if field is None else self.indirect(field)

    def vector(self, table: int, number: int, width: int) -> tuple[int, int] | None:
        """Start and length of a vector of elements of `width` bytes; None if left out."""
        field = self.field(table, number)
        if field is None:
            return None
        start = self.indirect(field)
        length = self.unpack("<I", start)
        if start + 4 + length * width > len(self._content):
            raise OutOfBounds
        return start + 4, length

    def tables(self, table: int, number: int) -> list[int]:
        """Positions of the tables in a vector of tables."""
        start, length = self.vector(table, number, 4) or (0, 0)
        return [self.indirect(start + 4 * i) for i in range(length)]

    def slice(self, start: int, length: int) -> bytes:
        """Bytes of the file."""
        return self._content[start : start + length]
