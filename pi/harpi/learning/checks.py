"""Checks of what was taught: what to record next, takes that disagree, a strap that turned.

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

In the same activity the same limb hangs the same way, so the mean acceleration points the
same way in the chip's axes, unless the strap is turned. A turn moves the directions of all
activities, another posture that of one: what counts is the median over the activities. A
turn about the vertical moves none of them, so a strap that is twisted round a hanging arm
shows only in activities in which the arm does not hang.

Measured on the first and last 15 s of each activity with the sensor left on, as the median
over all activities of a person: on straps (DSADS, 30 limbs and torsos) it moves by 3 degrees,
by 9 at most; at the waist and in a pocket (HAPT, MotionSense, 46 people) by 8, by 24 at most.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from harpi.learning.closed_form import Indices
from harpi.learning.validation import Basis
from harpi.store.queries import joined
from harpi.store.takes import Take
from harpi.types import Samples

CONFUSED_SHARE: Final = 0.1
"""Share of a label's held-out windows that must go to one other label to be worth a word."""

CONFUSED_WINDOWS: Final = 2
"""A single wrong window is no pattern."""

MOST_CONFUSIONS: Final = 3
"""A wearer can act on a few points, not on a matrix."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing that the wearer can do to be recognised better.

    Attributes:
        reason: `too_few` windows to be learnt, `confused` with another label, or `one_take`,
            so that nothing independent tells how good the head is.
        labels: what it is about.
        sentence: the advice in words.
    """

    reason: Literal["too_few", "confused", "one_take"]
    labels: tuple[str, ...]
    sentence: str


def missing_windows(windows: Mapping[str, int], minimum: int) -> dict[str, int]:
    """Tell how many windows each label still lacks; labels that have enough are left out.

    Args:
        windows: how many there are, by label.
        minimum: how many training asks for.
    """
    return {label: minimum - count for label, count in windows.items() if count < minimum}


def ask_for_more(missing: Mapping[str, int], seconds_per_window: float) -> list[Advice]:
    """Put missing windows in words.

    Args:
        missing: how many windows each label lacks, as from `missing_windows`.
        seconds_per_window: how much longer a take must be for one window more.
    """
    return [
        Advice(
            "too_few",
            (label,),
            f"{label}: {count} more {'window' if count == 1 else 'windows'} needed"
            f" (about {max(1, round(count * seconds_per_window))} s)",
        )
        for label, count in missing.items()
    ]


def resolve_confusions(labels: Sequence[str], confusion: Indices) -> list[Advice]:
    """Name the labels that are most often taken for another, the worst first.

    Args:
        labels: C names.
        confusion: counts ``[C, C]`` over held-out windows; rows what the wearer said, columns
            what the head said.
    """
    totals = confusion.sum(axis=1)
    wrong = confusion - np.diag(np.diag(confusion))
    shares = wrong / np.maximum(totals, 1)[:, None]
    advice: list[Advice] = []
    for cell in np.argsort(-shares, axis=None, kind="stable"):
        said, taken = divmod(int(cell), len(labels))
        count = int(wrong[said, taken])
        if shares[said, taken] < CONFUSED_SHARE or len(advice) == MOST_CONFUSIONS:
            break
        if count < CONFUSED_WINDOWS:
            continue
        advice.append(
            Advice(
                "confused",
                (labels[said], labels[taken]),
                f"{labels[said]} is taken for {labels[taken]} in {count} of"
                f" {int(totals[said])} held-out windows: record both again, each as you"
                " really do it",
            )
        )
    return advice


def repeat_single_takes(labels: Sequence[str], basis: Sequence[Basis]) -> list[Advice]:
    """Ask for a second take where there is one only.

    Args:
        labels: C names.
        basis: how each of them was held out.
    """
    single = tuple(label for label, how in zip(labels, basis, strict=True) if how != "takes")
    if not single:
        return []
    names = "every label" if len(single) == len(labels) else _listed(single)
    return [
        Advice(
            "one_take",
            single,
            f"{names} has one take only, so its figures are too good: take the strap off,"
            " put it on again and record another",
        )
    ]


def _listed(names: Sequence[str]) -> str:
    """Join names as a sentence does."""
    return names[0] if len(names) == 1 else f"each of {', '.join(names[:-1])} and {names[-1]}"


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


TURNED_DEGREES: Final = 25.0
"""From here on a strap is called turned; a head that learnt copies bears smaller turns."""

Direction = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StrapTurn:
    """How the strap differs from the mounting before.

    Attributes:
        degrees: median angle between the directions of gravity.
        session: the mounting it was compared with.
        labels: the activities that tell it.
    """

    degrees: float
    session: int
    labels: tuple[str, ...]

    @property
    def turned(self) -> bool:
        """Whether that is more than posture explains."""
        return self.degrees > TURNED_DEGREES

    @property
    def sentence(self) -> str:
        """The turn, and what to do, in words."""
        sure = "is" if len(self.labels) > 1 else "may be"
        return (
            f"The strap {sure} turned by about {round(self.degrees, -1):.0f} degrees against"
            f" session {self.session}, as gravity shows in {', '.join(self.labels)}: put it"
            " back, or record every activity again as it is worn now"
        )


class TakeSource(Protocol):
    """Where takes come from; `harpi.store.store.Store` is one."""

    def newest(self, *, position: str | None = None) -> Iterator[Take]:
        """Give the takes that count and were worn there, the newest first."""
        ...

    def stream(self, number: int) -> Iterable[Samples]:
        """Read the used part of a take; may raise a `StoreError`."""
        ...


MOST_COMPARED: Final = 1000
"""Takes that are looked through for a mounting to compare with, from the newest on."""


class OrientationDrift:
    """Compares mountings of the strap; which way was up in a take is remembered.

    Args:
        source: the takes.
    """

    def __init__(self, source: TakeSource) -> None:
        self._source = source
        self._up: dict[tuple[int, float, float | None], Direction] = {}

    def turn(
        self, session: int, position: str, learnt: Collection[int] | None = None
    ) -> StrapTurn | None:
        """Compare a mounting with the latest one before it at the same position.

        Args:
            session: the mounting in question.
            position: where the sensor is worn.
            learnt: takes that a head has learnt. Only mountings that it knows are compared
                with, and where it knows the one in question, none is.

        Returns:
            The comparison; None where no activity was recorded with both mountings.

        Raises:
            StoreError: takes cannot be read.
        """
        takes = list(islice(self._source.newest(position=position), MOST_COMPARED))[::-1]
        now = {take.label: take for take in takes if take.session == session}
        known = {take.session for take in takes if learnt is None or take.id in learnt}
        if learnt is not None and session in known:
            return None
        for earlier in sorted(one for one in known if one < session)[::-1]:
            before = {take.label: take for take in takes if take.session == earlier}
            if labels := tuple(label for label in now if label in before):
                angles = [self._angle(before[label], now[label]) for label in labels]
                return StrapTurn(float(np.median(angles)), earlier, labels)
        return None

    def _angle(self, before: Take, now: Take) -> float:
        """Angle between the directions of gravity in two takes, degrees."""
        cosine = float(self._gravity(before) @ self._gravity(now))
        return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))

    def _gravity(self, take: Take) -> Direction:
        key = take.id, take.keep_from, take.keep_to
        if key not in self._up:
            self._up[key] = gravity(self._source.stream(take.id))
        return self._up[key]


def gravity(blocks: Iterable[Samples]) -> Direction:
    """Find which way is up over a take, as a unit vector in the chip's axes."""
    total = np.zeros(3)
    for block in blocks:
        total += block.values[:, :3].sum(axis=0, dtype=np.float64)
    length = float(np.linalg.norm(total))
    return total / length if length > 0 else total
