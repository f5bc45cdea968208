"""JSON that comes from outside, where nothing is sure."""

from __future__ import annotations

from typing import Any, TypeVar, overload

import msgspec

_T = TypeVar("_T")


@overload
def decode_json(content: bytes | str, kind: type[_T]) -> _T: ...


@overload
def decode_json(content: bytes | str, kind: Any) -> Any: ...


def decode_json(content: bytes | str, kind: Any) -> Any:
    """Read JSON, whatever it is.

    msgspec alone lets two more exceptions through: for text that is not UTF-8, and for
    objects within objects that fill Python's stack, also where they are to be skipped.

    Args:
        content: that may be anything.
        kind: what it should hold.

    Raises:
        msgspec.DecodeError: it is no JSON, not UTF-8, nested too deeply, or holds something
            else.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except UnicodeError as error:
        raise msgspec.DecodeError(f"it is no text in UTF-8: {error}") from None
    except RecursionError:
        raise msgspec.DecodeError("it is nested too deeply") from None
