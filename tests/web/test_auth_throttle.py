"""How often somebody may fail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.web import auth
from harpi.web.auth import Throttle


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_some_failures_are_free_and_then_one_in_a_while() -> None:
    clock = Clock()
    door = Throttle(3, 10.0, clock)
    for _ in range(3):
        assert door.wait("a") == 0
        door.fail("a")
    assert door.wait("a") == pytest.approx(10)
    clock.now += 10
    assert door.wait("a") == 0
    door.fail("a")
    assert door.wait("a") == pytest.approx(10)
    assert door.wait("b") == 0


def test_after_a_while_all_is_forgiven() -> None:
    clock = Clock()
    door = Throttle(3, 10.0, clock)
    for _ in range(3):
        door.fail("a")
    clock.now += 30
    for _ in range(3):
        assert door.wait("a") == 0
        door.fail("a")


@given(st.lists(st.floats(0, 100), max_size=60))
def test_nobody_gets_more_tries_than_free_ones_and_one_for_each_while(
    pauses: list[float],
) -> None:
    clock = Clock()
    door = Throttle(5, 10.0, clock)
    tries = 0
    for pause in pauses:
        clock.now += pause
        if door.wait("a") == 0:
            tries += 1
            door.fail("a")
    assert tries <= 5 + clock.now / 10


def test_it_remembers_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "MOST_KEYS", 3)
    door = Throttle(1, 10.0, Clock())
    for key in "abcd":
        door.fail(key)
    assert door.wait("a") == 0
    assert all(door.wait(key) > 0 for key in "bcd")
