"""What `harpi evaluate` is tried on: takes in a store, and recordings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np

from harpi.recording import Recording
from harpi.store.store import Store
from harpi.store.takes import Split
from harpi.types import Samples
from tests.support.recorded import RATE, motion
from tests.support.takes import START, take_of


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    out: str
    err: str
    code: int


Harpi = Callable[..., Said]


def add(
    store: Store,
    label: str,
    split: Split,
    *,
    seconds: float = 10.0,
    position: str = "arm",
    hours: int = 0,
    session: int | None = None,
    kind: str | None = None,
) -> int:
    """Record a take whose motion is that of its label, if none other is given."""
    values = motion(kind or label, seconds, seed=len(store.takes(deleted=None)) + 100)
    take = take_of(
        label,
        session or store.new_session(),
        split=split,
        position=position,
        rate=RATE,
        start=START + timedelta(hours=hours),
    )
    return store.add(take, [Samples(values, np.arange(len(values)) / RATE)]).id


def record(
    path: Path,
    stretches: Sequence[str | None] = ("fast", "still", "slow") * 2,
    *,
    seconds: float = 15.0,
    rate: float = RATE,
    subject: str | None = None,
    names: dict[str, str] | None = None,
) -> Path:
    """A recording of one stretch after the other; None is motion without a label."""
    kinds = tuple(dict.fromkeys(kind for kind in stretches if kind))
    parts = [motion(kind or "slow", seconds, seed=i) for i, kind in enumerate(stretches)]
    codes = [-1 if kind is None else kinds.index(kind) for kind in stretches]
    Recording(
        np.concatenate(parts),
        rate,
        tuple((names or {}).get(kind, kind) for kind in kinds),
        np.repeat(codes, [len(part) for part in parts]).astype(np.int16),
        subject=subject,
    ).write(path)
    return path
