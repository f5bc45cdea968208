"""Takes to put into a store: signal as an MPU-6050 gives it, and what is known of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from harpi.config.schema import StoreSection
from harpi.store.takes import Take
from harpi.types import FloatArray, Samples

RATE = 50.0
START = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
ROOMY = StoreSection(keep_free_mb=0)
"""Limits that no test disk runs into by chance."""


def counts_of_chip(count: int, seed: int = 0) -> FloatArray:
    """Values of a chip at 8 g and 1000 deg/s: whole counts over 4096 and 32.8."""
    counts = np.random.default_rng(seed).integers(-9000, 9000, (count, 6))
    values: FloatArray = (counts / np.repeat([4096.0, 32.8], 3)).astype(np.float32)
    return values


def signal(
    seconds: float = 2.0, *, seed: int = 0, begin: float = 1000.0, gap: bool = False
) -> Samples:
    """Consecutive samples that begin at a monotonic moment."""
    values = counts_of_chip(round(seconds * RATE), seed)
    return Samples(values, begin + np.arange(len(values)) / RATE, gap=gap)


def take_of(label: str = "walking", session: int = 1, **known: Any) -> Take:
    """What is known of a take before it is recorded."""
    return Take(label=label, session=session, **{"start": START, "rate": RATE, **known})
