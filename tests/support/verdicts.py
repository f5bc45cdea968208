"""Verdicts to publish, without models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harpi.names import ANSWER, MODELS, SHOWN
from harpi.types import Prediction, Verdict, Window


def prediction(model: str, shares: Mapping[str, float], *, unknown: bool = False) -> Prediction:
    return Prediction(
        model, tuple(shares), np.array(list(shares.values()), np.float32), unknown=unknown
    )


def verdict(
    shares: Mapping[str, float] | None = None,
    *,
    untrained: Sequence[str] = (),
    end: float = 100.0,
    unknown: bool = False,
    worn: bool | None = None,
) -> Verdict:
    shares = {"walking": 0.7, "sitting": 0.2, "standing": 0.1} if shares is None else shares
    return Verdict(
        Window(np.zeros((64, 6), np.float32), start=end - 2.52, end=end),
        {
            name: Prediction.untrained(name) if name in untrained else prediction(name, shares)
            for name in MODELS
        },
        dict.fromkeys(SHOWN, 0.00123),
        prediction(ANSWER, shares, unknown=unknown),
        worn,
    )
