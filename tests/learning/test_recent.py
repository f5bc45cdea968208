from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.learning.recent import shares, to_remember
from tests.support.recorded import Recorded

AMOUNTS = st.dictionaries(st.text(max_size=3), st.floats(0, 1e6), max_size=8)


@given(AMOUNTS, st.floats(0, 1e6))
def test_nobody_gets_more_than_it_needs_nor_all_more_than_there_is(
    amounts: dict[str, float], capacity: float
) -> None:
    given_ = shares(amounts, capacity)
    assert given_.keys() == amounts.keys()
    assert all(given_[name] <= amounts[name] for name in amounts)
    assert sum(given_.values()) == pytest.approx(min(capacity, sum(amounts.values())), abs=1e-3)


def test_what_one_label_does_not_need_goes_to_the_others() -> None:
    assert shares({"a": 10, "b": 500, "c": 700}, 410) == {"a": 10, "b": 200, "c": 200}


def test_where_all_fit_all_are_learnt_in_the_order_of_recording() -> None:
    source = Recorded()
    for label in ("slow", "fast", "slow"):
        source.add(label)
    assert [take.id for take in to_remember(source, 4000, 0.64)] == [1, 2, 3]


def test_of_many_takes_the_newest_of_each_label_are_learnt() -> None:
    source = Recorded()
    for _ in range(30):
        source.add("slow", 6.4)
    source.add("fast", 6.4)
    chosen = [take.id for take in to_remember(source, 40, 0.64)]  # 11 windows a take at most
    assert chosen[-1] == 31
    assert chosen[:-1] == list(range(31 - len(chosen[:-1]), 31))
    assert 5 <= len(chosen) <= 9
