"""Windows are counted without being made, and come to the same number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harpi.config.schema import SignalSection
from harpi.errors import StoreError
from harpi.session.recorder import Inventory, count_windows
from harpi.signal.windows import windows_of
from tests.support.wearer import Wearer


@settings(max_examples=60, deadline=None)
@given(
    samples=st.integers(0, 900),
    rate=st.sampled_from([25.0, 40.0, 50.0, 100.0, 250.0]),
    model_rate=st.sampled_from([20.0, 25.0, 30.0]),
    length=st.integers(8, 80),
    hop=st.integers(1, 40),
)
def test_as_many_are_counted_as_are_made(
    samples: int, rate: float, model_rate: float, length: int, hop: int
) -> None:
    signal = SignalSection(rate=model_rate, length=length, hop=hop)
    made = windows_of(
        np.zeros((samples, 6), np.float32), rate, rate=model_rate, length=length, hop=hop
    )
    assert count_windows(samples, rate, signal) == len(made)


def test_what_the_store_says_agrees_with_what_was_counted_live(wearer: Wearer) -> None:
    wearer.records("walking", 9)
    wearer.records("walking", 6, test=True)
    wearer.records("hopping", 9)
    live = wearer.session.situation.labels
    afresh = Inventory(
        wearer.config.learning.labels,
        wearer.config.learning.minimum_windows,
        wearer.config.signal,
    )
    assert afresh.count(wearer.store.takes(), wearer.store) == live
    assert [(c.label, c.takes, c.tests) for c in live] == [
        ("walking", 1, 1),
        ("sitting", 0, 0),
        ("standing", 0, 0),
        ("hopping", 1, 0),
    ]


def test_a_gap_costs_windows(wearer: Wearer) -> None:
    from harpi.commands import Record, Stop

    wearer.records("walking", 12)
    whole = wearer.counts()["walking"][1]
    wearer.say(Record(label="sitting"))
    wearer.moves("sitting", 6)
    wearer.sensor_fails(0.5)
    wearer.moves("sitting", 6)
    wearer.say(Stop())
    assert wearer.store.takes()[1].gaps == 1
    broken = wearer.counts()["sitting"][1]
    assert 0 < broken < whole
    afresh = Inventory((), 5, wearer.config.signal).count(wearer.store.takes(), wearer.store)
    assert {c.label: c.windows for c in afresh}["sitting"] == broken


def test_a_store_that_cannot_be_read_is_an_error(wearer: Wearer) -> None:
    wearer.store.close()
    with pytest.raises(StoreError):
        Inventory((), 5, wearer.config.signal).count(wearer.store.takes(), wearer.store)
