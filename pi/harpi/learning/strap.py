"""Is the strap on as it was the last time? Gravity tells, as far as it can.

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

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from harpi.learning.take import Take
from harpi.types import Samples

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
            " back, or record every activity once more as it is worn now"
        )


class TakeSource(Protocol):
    """Where takes come from; `harpi.learning.store.Store` is one."""

    def takes(self) -> list[Take]:
        """List the takes that count."""
        ...

    def samples(self, number: int) -> Sequence[Samples]:
        """Read the used part of a take; may raise a `StoreError`."""
        ...


class StrapWatch:
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
        takes = [take for take in self._source.takes() if take.position == position]
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
            self._up[key] = gravity(self._source.samples(take.id))
        return self._up[key]


def gravity(runs: Sequence[Samples]) -> Direction:
    """Find which way is up over a take, as a unit vector in the chip's axes."""
    count = sum(len(run) for run in runs)
    total = np.sum([run.values[:, :3].sum(axis=0, dtype=np.float64) for run in runs], axis=0)
    length = float(np.linalg.norm(total))
    direction: Direction = total / length if count and length > 0 else np.zeros(3)
    return direction
