"""From chatter to presses."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.controls.buttons import Change, Debouncer

SECONDS = 0.03


def changes_of(
    contact: Debouncer, edges: list[tuple[float, bool]], until: float
) -> list[Change]:
    """Let a contact see edges, and read its level every 10 ms, as the thread does."""
    found = []
    level = False
    ticks = [(n * 0.01, None) for n in range(round(until / 0.01) + 1)]
    for time, pressed in sorted([*edges, *ticks], key=lambda step: step[0]):
        if pressed is None:
            found.append(contact.read(time, level))
        else:
            level = pressed
            found.append(contact.edge(time, pressed))
    return [change for change in found if change is not None]


def test_a_clean_press_and_release() -> None:
    contact = Debouncer(SECONDS)
    assert changes_of(contact, [(1.0, True), (2.0, False)], 3) == [
        Change(True, 1.0),
        Change(False, 2.0),
    ]


def test_a_bouncing_press_is_one_press_at_its_first_edge() -> None:
    edges = [(1.0 + n * 0.004, n % 2 == 0) for n in range(7)]
    edges += [(2.0 + n * 0.004, n % 2 == 1) for n in range(5)]
    contact = Debouncer(SECONDS)
    assert changes_of(contact, edges, 3) == [Change(True, 1.0), Change(False, 2.0)]


def test_a_pulse_that_is_shorter_than_a_press_is_nothing() -> None:
    contact = Debouncer(SECONDS)
    assert changes_of(contact, [(1.0, True), (1.01, False)], 2) == []
    assert contact.due is None


def test_edges_that_were_handled_late_count_by_their_times() -> None:
    contact = Debouncer(SECONDS)
    seen = [contact.edge(1.0, True), contact.edge(1.2, False), contact.read(9.0, False)]
    assert seen == [None, Change(True, 1.0), Change(False, 1.2)]


def test_a_press_without_edges_is_found_by_its_level() -> None:
    contact = Debouncer(SECONDS)
    assert contact.read(1.0, True) is None
    assert contact.due == pytest.approx(1.0 + SECONDS)
    assert contact.read(1.0 + SECONDS, True) == Change(True, 1.0)


def test_an_edge_that_shows_the_level_before_it_still_says_that_the_contact_moved() -> None:
    """Two edges came so fast that both callbacks read the second level."""
    contact = Debouncer(SECONDS)
    contact.edge(1.0, True)
    contact.edge(1.02, True)
    assert contact.due == pytest.approx(1.02 + SECONDS)
    assert contact.read(1.04, True) is None
    assert contact.read(1.02 + SECONDS, True) == Change(True, 1.0)


def test_a_button_that_is_held_at_the_start_is_not_a_press() -> None:
    contact = Debouncer(SECONDS, pressed=True)
    assert contact.read(1.0, True) is None
    assert contact.read(2.0, False) is None
    assert contact.read(3.0, False) == Change(False, 2.0)


@given(
    st.lists(st.tuples(st.floats(0.0005, 0.2), st.booleans()), max_size=60),
    st.booleans(),
)
def test_whatever_the_contact_does_and_the_kernel_drops(
    steps: list[tuple[float, bool]], last: bool
) -> None:
    """Presses and releases take turns, and the last level wins once it has stood."""
    contact = Debouncer(SECONDS)
    level, now, found = False, 0.0, []
    for seconds, dropped in steps:
        now += seconds
        level = not level
        if not dropped:
            found.append(contact.edge(now, level))
        else:
            found.append(contact.read(now + seconds / 2, level))
            now += seconds / 2
    for _ in range(3):
        now += SECONDS
        found.append(contact.read(now, last))
    changes = [change for change in found if change is not None]
    assert [change.pressed for change in changes] == [n % 2 == 0 for n in range(len(changes))]
    assert all(a.time < b.time for a, b in pairwise(changes))
    assert contact.pressed == last
    assert contact.due is None
