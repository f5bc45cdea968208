"""How a request is read, and how many are allowed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.commands import LARGEST_MESSAGE, Record, Stop
from harpi.errors import UsageError
from harpi.publish.commands import Allowance, Repeat, ReportRequest, Request


@pytest.mark.parametrize(
    ("topic", "payload", "identity", "command"),
    [
        ("set/stop", b"", None, Stop()),
        ("set/stop", b'{"id":"7"}', "7", Stop()),
        ("set/record", b'{"label":"walking","id":"a"}', "a", Record(label="walking")),
        ("set", b'{"command":"record","label":"x"}', None, Record(label="x")),
        ("set", b' {"command":"stop","id":"b"}\n', "b", Stop()),
        ("set/repeat", b'{"first":1,"last":2}', None, Repeat(1, 2)),
        ("set/report", b"", None, ReportRequest()),
        ("set/report", b'{"run":7}', None, ReportRequest(7)),
    ],
)
def test_a_request_says_what_and_who(
    topic: str, payload: bytes, identity: str | None, command: Any
) -> None:
    request = Request.read(topic, payload)
    assert (request.identity, request.command()) == (identity, command)


@pytest.mark.parametrize(
    ("topic", "payload", "says"),
    [
        ("set/record", b"walking", "JSON object"),
        ("set/record", b'{"label":"a","colour":1}', "colour"),
        ("set/record", b'{"label":"a","seconds":NaN}', "malformed"),
        ("set/record", b'{"label":"a","seconds":1e9}', "seconds"),
        ("set/stop", b'{"command":"forget"}', "stop"),
        ("set/stop", b'{"id":7}', "str"),
        ("set/stop", b'{"id":""}', "length"),
        ("set/stop", b'{"id":"' + b"x" * 65 + b'"}', "length"),
        ("set/stop", b"[]", "object"),
        ("set/stop", b"\xff{}", "malformed"),
        ("set/stop", b'{"id":' + b"[" * 4000, "nested too deeply"),
        ("set/stop", b" " * (LARGEST_MESSAGE + 1), "at most"),
        ("set", b"", "JSON"),
        ("set", b'{"command":"dance"}', "dance"),
        ("set/", b"{}", "command"),
        ("set/stop/now", b"{}", "stop/now"),
        ("set/repeat", b'{"first":1}', "last"),
        ("set/repeat", b'{"first":-1,"last":2}', "first"),
        ("set/repeat", b"", "first"),
    ],
)
def test_what_is_no_request_is_refused_in_words(topic: str, payload: bytes, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Request.read(topic, payload).command()


@given(
    st.sampled_from(["set", "set/record", "set/repeat", "set/report", "set/forget", "set/x"]),
    st.binary(max_size=60) | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ).map(msgspec.json.encode),
)  # fmt: skip
def test_no_payload_is_anything_but_a_command_or_refused(topic: str, payload: bytes) -> None:
    try:
        command = Request.read(topic, payload).command()
    except UsageError as error:
        assert str(error)  # noqa: PT017 - any other error fails the test
    else:
        assert command is not None


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_an_allowance_is_spent_and_comes_back() -> None:
    clock = Clock()
    allowance = Allowance(per_minute=60, burst=3, clock=clock)
    assert [allowance.spend() for _ in range(4)] == [True, True, True, False]
    clock.now += 2
    assert [allowance.spend() for _ in range(3)] == [True, True, False]


@given(st.lists(st.floats(0, 30), max_size=60))
def test_no_more_is_spent_than_the_burst_and_what_came_since(waits: list[float]) -> None:
    clock = Clock()
    allowance = Allowance(per_minute=30, burst=5, clock=clock)
    begin, spent = clock.now, 0
    for wait in waits:
        clock.now += wait
        spent += allowance.spend()
    assert spent <= 5 + (clock.now - begin) * 0.5 + 1e-6
