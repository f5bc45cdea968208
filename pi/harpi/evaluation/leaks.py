"""Signal that was learnt must not be tested, whatever name it goes by.

A take may have been exported and come back as a file, or be part of a longer recording. It is
therefore found by its samples: sixteen in a row that are equal in all six axes do not come
about twice, unless the sensor did not change at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from harpi.errors import UsageError
from harpi.evaluation.trial import Trial
from harpi.types import FloatArray

LENGTH: Final = 16
"""Samples in a row that are compared; a shared stretch of twice as many is always found."""

_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio, odd: the multiplier of Fibonacci hashing (Knuth, TAOCP 6.4)."""

Fingerprints = NDArray[np.uint64]


def fingerprints(values: FloatArray, step: int) -> Fingerprints:
    """Give a number for each stretch of `LENGTH` samples in which anything changes.

    Args:
        values: float32 ``[n, 6]``.
        step: samples from one stretch to the next.
    """
    if len(values) < LENGTH:
        return np.empty(0, np.uint64)
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32).astype(np.uint64)
    rows = _mixed(bits)
    stretches = sliding_window_view(rows, LENGTH)[::step]
    changing = (stretches != stretches[:, :1]).any(axis=1)
    return _mixed(stretches[changing])


def _mixed(columns: Fingerprints) -> Fingerprints:
    """Hash each row ``[n, k]`` to one number, modulo 2^64."""
    mixed = np.zeros(len(columns), np.uint64)
    for column in columns.T:
        mixed = (mixed ^ column) * _FACTOR
        mixed ^= mixed >> np.uint64(29)
    return mixed


def check_unlearnt(trials: Sequence[Trial], learnt: Iterable[tuple[str, FloatArray]]) -> None:
    """Refuse to test what was learnt.

    Args:
        trials: what is to be tested.
        learnt: name and samples ``[n, 6]`` of each run of signal that was learnt.

    Raises:
        UsageError: a trial shares signal with what was learnt.
    """
    tested = [
        (trial, fingerprints(run.values, step=1)) for trial in trials for run in trial.runs
    ]
    everything = np.sort(
        np.concatenate([np.empty(0, np.uint64), *(prints for _, prints in tested)])
    )
    for name, values in learnt:
        known = fingerprints(values, step=LENGTH)
        shared = known[_among(known, everything)]
        if not len(shared):
            continue
        trial = next(trial for trial, prints in tested if np.isin(shared, prints).any())
        raise UsageError(
            f"its signal was learnt, as part of {name}; what was learnt proves nothing",
            where=trial.name,
            remedy="Test on takes and recordings that were not learnt",
        )


def _among(wanted: Fingerprints, ascending: Fingerprints) -> NDArray[np.bool_]:
    """Tell of each wanted number whether it is there."""
    if not len(ascending):
        return np.zeros(len(wanted), np.bool_)
    places = np.minimum(np.searchsorted(ascending, wanted), len(ascending) - 1)
    return np.asarray(ascending[places] == wanted)
