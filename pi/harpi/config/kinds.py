"""What a setting may be, in words and as TOML.

The types of `schema.py` are the only source: the words of an error message and the form in
which a value is shown are derived from them.
"""

from __future__ import annotations

import json
import math
import types
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, TypeAlias, Union, get_args, get_origin

import msgspec

from harpi.config.schema import Section

NOTHING: Final = "none"
"""How a file says that an optional setting is not used: TOML has no null."""

Kind: TypeAlias = Any
"""A type annotation of a setting."""


@cache
def settings(section: type[Section], prefix: str = "") -> Mapping[str, Kind]:
    """Give every dotted key of a section, then of the sections in it, with its kind."""
    own: dict[str, Kind] = {}
    nested: dict[str, Kind] = {}
    for entry in msgspec.structs.fields(section):
        name = f"{prefix}{entry.name}"
        if isinstance(entry.type, type) and issubclass(entry.type, Section):
            nested |= settings(entry.type, f"{name}.")
        else:
            own[name] = entry.type
    return MappingProxyType(own | nested)


def convert(kind: Kind, value: object) -> object:
    """Turn a raw value into what the setting holds.

    Raises:
        ValueError: the value is not of this kind; `describe` says what would be.
    """
    if value == NOTHING and optional(kind):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("not a finite number")
    if isinstance(value, str) and "\0" in value:
        raise ValueError("no name of a file or of anything else")
    return msgspec.convert(value, kind)


def optional(kind: Kind) -> bool:
    """Whether the setting may be left unused."""
    return type(None) in _alternatives(kind)


def describe(kind: Kind) -> str:
    """Say in words which values a setting may have."""
    words = [_words(choice) for choice in _alternatives(kind) if choice is not type(None)]
    if optional(kind):
        words.append(f'"{NOTHING}"')
    return " or ".join(words)


def to_toml(key: str, value: object) -> str:
    """Write a value as TOML; the I2C address in hexadecimal, as everybody reads it."""
    if value is None:
        return f'"{NOTHING}"'
    if key == "sensor.address" and isinstance(value, int):
        return f"{value:#x}"
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(to_toml(key, item) for item in value)}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k} = {to_toml(key, v)}" for k, v in value.items()) + "}"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    return str(value)


def _origin(kind: Kind) -> object:
    return get_origin(kind)


def _alternatives(kind: Kind) -> tuple[Kind, ...]:
    return get_args(kind) if _origin(kind) in (Union, types.UnionType) else (kind,)


def _words(kind: Kind) -> str:
    meta = msgspec.Meta()
    if _origin(kind) is Annotated:
        kind, meta = get_args(kind)
    if _origin(kind) is Literal:
        choices = get_args(kind)
        if choices == (0x68, 0x69):
            return "0x68 or 0x69"
        return "one of " + ", ".join(json.dumps(choice) for choice in choices)
    if _origin(kind) is tuple:
        return f"a list, each {_words(get_args(kind)[0])}"
    if kind is bool:
        return "true or false"
    if kind is str:
        return _text(meta)
    return _number("a whole number" if kind is int else "a number", meta)


def _number(noun: str, meta: msgspec.Meta) -> str:
    if meta.ge is not None and meta.le is not None:
        return f"{noun} from {meta.ge:g} to {meta.le:g}"
    parts = [
        f"{word} {limit:g}"
        for word, limit in (
            ("above", meta.gt),
            ("from", meta.ge),
            ("below", meta.lt),
            ("up to", meta.le),
        )
        if limit is not None
    ]
    return " ".join([noun, *parts])


def _text(meta: msgspec.Meta) -> str:
    words = "text in quotes"
    if meta.max_length is not None:
        words += f" of 1 to {meta.max_length} characters"
    if meta.pattern is not None:
        words += f" matching {meta.pattern}"
    return words
