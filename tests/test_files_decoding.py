"""JSON from outside."""

from __future__ import annotations

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.files import decode_json


class Known(msgspec.Struct):
    number: int = 0


def test_what_is_known_is_read_and_the_rest_is_skipped() -> None:
    assert decode_json(b'{"number": 7, "other": [{}]}', Known) == Known(7)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "truncated"),
        (b"[]", "Expected `object`"),
        (b'{"number": "7"}', "Expected `int`"),
        (b'{"other": ' + b"[" * 100_000, "nested too deeply"),
        (b'{"other": ' + b'{"other": ' * 100_000, "nested too deeply"),
    ],
)
def test_what_cannot_be_is_one_kind_of_error(content: bytes, reason: str) -> None:
    with pytest.raises(msgspec.DecodeError, match=reason):
        decode_json(content, Known)


@given(st.binary(max_size=64) | st.text(max_size=64).map(lambda text: f'{{"{text}": 1}}'))
def test_anything_is_read_or_refused(content: bytes | str) -> None:
    for kind in (Known, object, dict[str, msgspec.Raw]):
        with contextlib.suppress(msgspec.DecodeError):
            decode_json(content, kind)
