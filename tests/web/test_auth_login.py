"""Who may look and command."""

from __future__ import annotations

import pytest

from harpi.web import auth
from harpi.web.auth import Login, TooManyFailuresError
from tests.web.test_auth_throttle import Clock


def test_without_a_password_everybody_may() -> None:
    door = Login(None)
    assert not door.required
    assert door.knows(None)
    assert door.accepts("anything", "10.0.0.1")


def test_only_the_password_is_accepted() -> None:
    door = Login("correct horse")
    assert door.accepts("correct horse", "10.0.0.1")
    for wrong in ("", "correct", "correct horse ", "Correct horse", "\ud800", "é" * 5000):
        assert not Login("correct horse").accepts(wrong, "10.0.0.1")


def test_a_browser_is_known_until_it_logs_out_or_a_month_is_over() -> None:
    clock = Clock()
    door = Login("p", clock)
    first, second = door.begin(), door.begin()
    assert first != second
    assert door.knows(first)
    assert door.knows(second)
    assert not door.knows(None)
    assert not door.knows("x")
    door.end(first)
    assert not door.knows(first)
    clock.now += auth.SESSION_SECONDS
    assert not door.knows(second)


def test_the_first_of_too_many_browsers_is_logged_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "MOST_SESSIONS", 2)
    door = Login("p")
    sessions = [door.begin() for _ in range(3)]
    assert [door.knows(session) for session in sessions] == [False, True, True]


def test_wrong_passwords_are_counted_by_address_and_even_the_right_one_then_waits() -> None:
    clock = Clock()
    door = Login("p", clock)
    for _ in range(5):
        assert not door.accepts("q", "10.0.0.1")
    with pytest.raises(TooManyFailuresError) as caught:
        door.accepts("p", "10.0.0.1")
    assert caught.value.seconds == pytest.approx(10)
    assert door.accepts("p", "10.0.0.2")
    clock.now += 10
    assert door.accepts("p", "10.0.0.1")


def test_many_addresses_together_are_held_up_and_who_has_not_failed_is_not() -> None:
    clock = Clock()
    door = Login("p", clock)
    for host in range(60):
        assert not door.accepts("q", f"10.0.0.{host}")
    with pytest.raises(TooManyFailuresError):
        door.accepts("q", "10.0.0.1")
    assert door.accepts("p", "10.0.1.1")
    assert door.has_let_in("10.0.1.1")
    assert not door.has_let_in("10.0.0.1")


def test_the_token_belongs_to_one_browser_of_one_run() -> None:
    door = Login("p")
    first, second = door.begin(), door.begin()
    assert door.holds(door.token(first), first)
    assert not door.holds(door.token(first), second)
    assert not door.holds("", first)
    assert not door.holds("é", first)
    assert not Login("p").holds(door.token(first), first)
