"""Does the motion of a take agree with itself, or is half of it sitting and half walking?

The take is cut into chunks of a second, each described by five numbers: the direction of
gravity (three), and how strongly the sensor is accelerated and turned (the logarithm of
two). Of all stretches that could be the foreign part, the one is taken whose mean differs
most from that of the rest. The difference counts per number in units of what is usual
within one activity, joined with how much the number varies within the two parts themselves:
a wild activity may differ more than a calm one. The square root of the sum of squares is
the score; above `DISAGREES` the take is doubtful.

Measured on takes of 15 s from 88 people (HAPT, MotionSense, DSADS, WISDM), the sets by which
the threshold was chosen. Of takes of walking, stairs, running, sitting, standing and lying,
as they are, 0.6 % are doubtful in the first three sets, and 13 % at the wrists of WISDM, where
people used the hand as they liked while they sat or stood. Of takes spliced from rest and
motion 98 % are found, from two kinds of rest 72 %, from two kinds of motion (walking and
stairs) 29 %. One label that is many motions (eating, folding clothes) is doubtful in about
one take of ten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.learning.runs import joined
from harpi.types import Samples

DISAGREES: Final = 2.75
"""Score from which a take does not agree with itself."""

CHUNK_SECONDS: Final = 1.0
"""Length of a chunk: long enough for a step, short against a take."""

MOST_CHUNKS: Final = 240
"""A longer take gets longer chunks, so that the search stays short (chunks squared)."""

SMALLEST_SHARE: Final = 0.2
"""A foreign part smaller than this share of the take is no matter of two activities."""

ACCEL_FLOOR: Final = 0.06
"""g; below it all chunks are alike: breathing, fidgeting and the noise of the chip."""

GYRO_FLOOR: Final = 8.0
"""deg/s; likewise."""

_USUAL: Final = np.array([0.35, 0.35, 0.35, 0.8, 0.8])
"""What differences are usual within one activity: 20 degrees, and a factor of 1.7."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well the motion of a take agrees with itself.

    Attributes:
        score: how far its most different part is from the rest; 0 for a take that is too
            short to be divided.
        start: when that part begins, on the clock of the samples.
        end: when it ends.
    """

    score: float
    start: float
    end: float

    @property
    def doubtful(self) -> bool:
        """Whether the take seems to hold two activities."""
        return self.score > DISAGREES


def agreement(blocks: Sequence[Samples], rate: float) -> Agreement:
    """Judge the motion of a take.

    Args:
        blocks: its samples in the order of time; a gap begins a new chunk.
        rate: samples per second.
    """
    runs = [run for run in joined(blocks) if len(run)]
    total = sum(map(len, runs))
    size = max(round(rate * CHUNK_SECONDS), 2, -(-total // MOST_CHUNKS))
    chunks = [_describe(run.values, size) for run in runs]
    described = np.concatenate(chunks) if chunks else np.empty((0, len(_USUAL)))
    if len(described) < 4:
        return Agreement(0.0, 0.0, 0.0)
    score, begin, end = _most_different(described / _USUAL)
    starts = np.concatenate(
        [run.times[: len(chunk) * size : size] for run, chunk in zip(runs, chunks, strict=True)]
    )
    return Agreement(score, float(starts[begin]), float(starts[end - 1]) + size / rate)


def _describe(values: NDArray[np.float32], size: int) -> NDArray[np.float64]:
    """Describe each whole chunk of `size` samples: ``[n, 6]`` to ``[n // size, 5]``."""
    count = len(values) // size
    chunks = values[: count * size].reshape(count, size, 6).astype(np.float64)
    means = chunks.mean(axis=1)
    spread = np.square(chunks - means[:, None]).mean(axis=1)
    gravity = means[:, :3]
    length = np.linalg.norm(gravity, axis=1, keepdims=True)
    accel = np.sqrt(spread[:, :3].sum(axis=1, keepdims=True))
    gyro = np.sqrt(spread[:, 3:].sum(axis=1, keepdims=True))
    return np.concatenate(
        [
            gravity / np.maximum(length, 1e-6),
            np.log2(np.maximum(accel, ACCEL_FLOOR)),
            np.log2(np.maximum(gyro, GYRO_FLOOR)),
        ],
        axis=1,
    )


def _most_different(described: NDArray[np.float64]) -> tuple[float, int, int]:
    """Find the stretch that differs most from the rest: its score, begin and end.

    Sums over all stretches come from two cumulative sums, so the search is one pass of
    array arithmetic over the ``n * (n + 1) / 2`` stretches.
    """
    count = len(described)
    least = max(2, round(SMALLEST_SHARE * count))
    zero = np.zeros((1, described.shape[1]))
    sums = np.concatenate([zero, np.cumsum(described, axis=0)])
    squares = np.concatenate([zero, np.cumsum(np.square(described), axis=0)])
    begins, ends = np.triu_indices(count + 1, k=least)
    fits = count - (ends - begins) >= least
    begins, ends = begins[fits], ends[fits]
    inside = (ends - begins)[:, None]
    outside = count - inside
    sum_in = sums[ends] - sums[begins]
    sum_out = sums[-1] - sum_in
    within = squares[-1] - sum_in**2 / inside - sum_out**2 / outside
    difference = sum_in / inside - sum_out / outside
    scores = np.sum(difference**2 / (1.0 + np.maximum(within, 0.0) / count), axis=1)
    best = int(scores.argmax())
    begin, end = int(begins[best]), int(ends[best])
    # Where a cut has two sides, the shorter one is the foreign part.
    if begin == 0 and end > count - end:
        begin, end = end, count
    elif end == count and begin < count - begin:
        begin, end = 0, begin
    return float(np.sqrt(scores[best])), begin, end
