"""Which takes are learnt where there are more than memory holds: the newest of each label.

What is learnt must not grow with the store. A store of years has a hundred thousand takes; of
those only the ones that can count are read at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harpi.learning.training_set import TakeSource
from harpi.store.takes import Take

SPARE: Final = 2.0
"""Windows that are offered to the kNN for each that it can remember, so that it chooses among
more than the very last."""


def to_remember(source: TakeSource, capacity: int, seconds_per_window: float) -> list[Take]:
    """Choose the takes that the kNN learns.

    Where all fit, these are all that can be believed. Where they do not, each label gets an
    even share, filled by its newest takes; what one label does not need goes to the others.

    Args:
        source: the takes.
        capacity: windows that the kNN remembers.
        seconds_per_window: how much longer a take must be for one window more.

    Returns:
        The takes in the order of recording.

    Raises:
        StoreError: they cannot be read.
    """
    amounts = {
        label: count + seconds / seconds_per_window
        for label, (count, seconds) in source.amounts("train").items()
    }
    chosen: list[Take] = []
    for label, share in shares(amounts, SPARE * capacity).items():
        left = share
        for take in source.newest(label=label, split="train"):
            if left <= 0:
                break
            # A take counts as one window more than it may have: each costs memory by itself.
            left -= 1 + take.used_seconds / seconds_per_window
            if take.believable:
                chosen.append(take)
    return sorted(chosen, key=lambda take: take.id)


def shares(amounts: Mapping[str, float], capacity: float) -> dict[str, float]:
    """Divide what there is room for evenly; who needs less leaves it to the others.

    Args:
        amounts: what each would need.
        capacity: what there is together.

    Returns:
        What each gets: all that it needs, or as much as every other that does not get all.
    """
    given: dict[str, float] = {}
    left = capacity
    for name, amount in sorted(amounts.items(), key=lambda item: item[1]):
        given[name] = min(amount, left / (len(amounts) - len(given)))
        left -= given[name]
    return given
