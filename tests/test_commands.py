"""Commands as JSON: strict, told apart by name, and answered in words when wrong."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.commands import (
    COMMANDS,
    Command,
    Forget,
    Record,
    Stop,
    Undo,
    decode,
    decode_named,
    encode,
)
from harpi.errors import UsageError


def test_every_command_has_a_name() -> None:
    assert set(COMMANDS.values()) == set(get_args(Command))
    assert {"record", "stop", "undo", "train", "forget", "status"} <= set(COMMANDS)


@given(
    label=st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=48),
    seconds=st.none() | st.floats(0.001, 600),
    test=st.booleans(),
)
def test_a_command_survives_json(label: str, seconds: float | None, test: bool) -> None:
    command = Record(label=label, seconds=seconds, test=test)
    assert decode(encode(command)) == command


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "this is no JSON"),
        (b"\xff\xfe", "this is no JSON"),
        (b"[]", "no command"),
        (b'{"label":"walking"}', "this is no command"),
        (b'{"command":"fly"}', "'fly'"),
        (b'{"command":"stop","now":1}', "there is no field now"),
        (b'{"command":"record"}', "label is missing"),
        (b'{"command":"record","label":""}', "label is empty"),
        (b'{"command":"record","label":"a\\u0000b"}', "cannot be shown"),
        (b'{"command":"record","label":"a","seconds":0}', "more than 0"),
        (b'{"command":"record","label":"a","seconds":1e9}', "at most 600"),
        (b'{"command":"record","label":"a","seconds":NaN}', "this is no JSON"),
        (b'{"command":"record","label":"a","test":"yes"}', "true or false, not text"),
        (b'{"command":"record","label":"' + b"a" * 5000 + b'"}', "4096 bytes"),
    ],
)
def test_what_is_no_command_is_refused_in_words(content: bytes, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        decode(content)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("name", "payload", "command"),
    [
        ("record", b'{"label":"walking","seconds":5}', Record(label="walking", seconds=5)),
        ("stop", b"", Stop()),
        ("stop", b" {} ", Stop()),
        ("undo", b'{"whole":true}', Undo(whole=True)),
        (
            "forget",
            b'{"label":"walking","confirmed":true}',
            Forget(label="walking", confirmed=True),
        ),
    ],
)
def test_a_topic_names_the_command(name: str, payload: bytes, command: Command) -> None:
    assert decode_named(name, payload) == command


@pytest.mark.parametrize(
    ("name", "payload", "says"),
    [
        ("fly", b"", "record, stop"),
        ("record", b"", "label is missing"),
        ("record", b"walking", "Its fields are label, seconds"),
        ("record", b'"walking"', "no JSON object"),
        ("stop", b"[" * 4000, "nested too deeply"),
        ("stop", b"now", "It has no fields"),
        ("stop", b'{"command":"forget"}', "command cannot be 'forget'"),
        ("undo", b'{"whole":1}', "whole has to be true or false, not a whole number"),
        ("record", b'{"label":""}', "label is empty"),
        ("record", b'{"label":"a","seconds":0}', "seconds has to be more than 0"),
        ("record", b'{"label":"a","seconds":601}', "seconds has to be at most 600"),
        ("record", b'{"label":"a","more":1}', "there is no field more"),
        ("delete", b'{"takes":["a"]}', "takes[0] has to be a whole number, not text"),
        ("stop", b"\xff", "stop"),
        ("stop", b" " * 5000, "4096 bytes"),
    ],
)
def test_a_wrong_message_is_refused_in_words(name: str, payload: bytes, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        decode_named(name, payload)
    assert says in str(refused.value)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(content: bytes) -> None:
    for read in (
        decode,
        lambda c: decode_named("record", c),
        lambda c: decode_named("stop", c),
    ):
        try:
            read(content)
        except UsageError as error:
            assert str(error)  # noqa: PT017 - either outcome is right, any other error is not
