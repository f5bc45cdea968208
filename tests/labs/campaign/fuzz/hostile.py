"""What is made to hurt whoever reads it, whatever the format."""

from __future__ import annotations

from typing import Final

DEEP: Final = 1500
"""Levels of nesting: more than Python's stack has frames, in less than any limit of length."""

NUMBERS: Final = (
    b"-1",
    b"0",
    b"1e999",
    b"-1e999",
    b"1e-400",
    b"5e-324",
    b"1.7976931348623157e308",
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"nan",
    b"inf",
    b"2147483648",
    b"-9223372036854775809",
    b"18446744073709551616",
    b"9" * 64,
)

LONG_NUMBER: Final = b"9" * 5000
"""More digits than Python turns into a number."""

TEXTS: Final = (
    b'"\\u0000"',
    b'"\\ud800"',
    b'"\\u001b[2J"',
    b'""',
    b"\xff\xfe",
    b"\x00",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"../../",
    b"null",
    b"true",
)

WORDS: Final = (*NUMBERS, *TEXTS)


def nested(begin: bytes = b"[", end: bytes = b"]", within: bytes = b"") -> bytes:
    """Nest very deeply."""
    return begin * DEEP + within + end * DEEP


def json_seeds(sound: bytes) -> list[bytes]:
    """Make things to hurt a reader of JSON out of an object that it accepts."""
    opened = sound.strip().removeprefix(b"{")
    comma = b"" if opened.lstrip().startswith(b"}") else b","
    return [
        sound,
        b'{"x":' + nested() + comma + opened,
        b'{"x":' + nested(b'{"x":', b"}", b"0") + comma + opened,
        b'{"x":' + LONG_NUMBER + comma + opened,
        b'{"x":"\xff"' + comma + opened,
        nested(),
        sound[: len(sound) // 2],
        b"",
        b"null",
        b"[]",
    ]


def json_words(*kinds: type) -> tuple[bytes, ...]:
    """Give the names of the fields of structures, and `WORDS`."""
    fields = dict.fromkeys(name for kind in kinds for name in kind.__struct_fields__)  # type: ignore[attr-defined]
    return (*(f'"{name}":'.encode() for name in fields), *WORDS)
