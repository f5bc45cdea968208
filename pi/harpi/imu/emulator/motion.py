"""What the chip is moved by: a recording that is played, or nothing at all."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harpi.recording import Recording
from harpi.types import FloatArray, TimeArray

Rotation = NDArray[np.float64]
"""float64 ``[3, 3]``: turns vectors of the strap's axes into those of the chip."""


class Motion(Protocol):
    """The true motion of the chip, as a function of time.

    Attributes:
        revision: grows with every change of what `values` answers for times to come; the
            chip then forgets what it had rendered ahead.
    """

    revision: int

    def values(self, times: TimeArray) -> FloatArray:
        """Give the motion at float64 ``[n]`` monotonic seconds, in ascending order.

        Returns:
            float32 ``[n, 6]``, acceleration in g and angular rate in deg/s, chip axes.
        """
        ...


class Still:
    """A chip that lies on the table.

    Args:
        gravity: the reading of the accelerometer in g, three axes.
    """

    def __init__(self, gravity: ArrayLike = (0.0, 0.0, 1.0)) -> None:
        self.revision = 0
        self._values = np.concatenate(
            [np.asarray(gravity, np.float32), np.zeros(3, np.float32)]
        )

    def values(self, times: TimeArray) -> FloatArray:
        """Give the same reading for every time: float32 ``[n, 6]``."""
        return np.tile(self._values, (len(times), 1))


class Tumbling:
    """A chip that somebody lays down now this way, now that way, and then begins again.

    Args:
        ups: for each position the reading of the accelerometer in g.
        hold_seconds: how long it lies in each.
        turn_seconds: how long it takes to the next.
        start: monotonic seconds at which the first position begins.
    """

    def __init__(
        self,
        ups: ArrayLike,
        *,
        hold_seconds: float = 3.0,
        turn_seconds: float = 1.0,
        start: float = 0.0,
    ) -> None:
        self.revision = 0
        self._ups = np.asarray(ups, np.float64).reshape(-1, 3)
        self._hold, self._turn, self._start = hold_seconds, turn_seconds, start

    def values(self, times: TimeArray) -> FloatArray:
        """Give the motion at monotonic times: float32 ``[n, 6]``."""
        steps, moment = np.divmod(times - self._start, self._hold + self._turn)
        index = steps.astype(np.intp) % len(self._ups)
        here, there = self._ups[index], self._ups[(index + 1) % len(self._ups)]
        done = np.clip((moment - self._hold) / self._turn, 0.0, 1.0)[:, None]
        values = np.zeros((len(times), 6), np.float32)
        values[:, :3] = (1.0 - done) * here + done * there
        # About the axis that brings one to the other, of any speed: nobody looks at it closely.
        moving = (done[:, 0] > 0.0) & (done[:, 0] < 1.0)
        values[moving, 3:] = 90.0 / self._turn
        return values


class Playback:
    """A recording, played as if its wearer wore the chip now.

    Between the recorded samples it follows a cubic through four of them (Catmull-Rom, that is
    Keys' cubic convolution with a = -1/2), which keeps the band of walking where straight
    lines would flatten it.

    Args:
        recording: what to play; needs at least two samples.
        start: monotonic seconds at which the first sample is played.
        loop: begin again at the end; otherwise the last sample stays.
        rotation: ``[3, 3]``, how the strap is put on; None as it was recorded.
    """

    def __init__(
        self,
        recording: Recording,
        *,
        start: float = 0.0,
        loop: bool = True,
        rotation: ArrayLike | None = None,
    ) -> None:
        self.recording = recording
        self.start = start
        self.loop = loop
        self.revision = 0
        self._stretch: tuple[float, float, float] | None = None
        self._recorded = np.asarray(recording.values, np.float32)
        self._knots = self._recorded
        self.turn(rotation)

    @property
    def duration(self) -> float:
        """Seconds that one round of the recording takes."""
        return len(self._recorded) / self.recording.rate

    def repeat(self, begin: float, end: float, now: float) -> None:
        """Play one stretch of the recording, again and again, from now on until `resume`.

        Args:
            begin: seconds from the beginning of the recording.
            end: likewise, later than `begin`.
            now: monotonic seconds.
        """
        self._stretch = (begin, end, now)
        self.revision += 1

    def resume(self, now: float) -> None:
        """Go on with the recording where `repeat` left it; harmless where it did not.

        Args:
            now: monotonic seconds.
        """
        if self._stretch is not None:
            self.start += now - self._stretch[2]
            self._stretch = None
            self.revision += 1

    def turn(self, rotation: ArrayLike | None) -> None:
        """Put the strap on differently, from now on.

        Args:
            rotation: ``[3, 3]`` from the recorded axes to the chip's; None as recorded.

        Raises:
            ValueError: it is no rotation.
        """
        turned = self._recorded
        if rotation is not None:
            matrix = check_rotation(rotation).astype(np.float32)
            turned = np.hstack([turned[:, :3] @ matrix.T, turned[:, 3:] @ matrix.T])
        # One knot before and two after, so that four can be taken at any position.
        knots = np.arange(-1, len(turned) + 2)
        last = len(turned) - 1
        self._knots = turned[knots % len(turned) if self.loop else knots.clip(0, last)]
        self.revision += 1

    def values(self, times: TimeArray) -> FloatArray:
        """Give the motion at monotonic times: float32 ``[n, 6]``."""
        position = self._position(times)
        index = position.astype(np.intp)
        x = (position - index).astype(np.float32)[:, None]
        before, left, right, after = (self._knots[index + k] for k in range(4))
        slope = right - before
        bend = 2 * before - 5 * left + 4 * right - after
        twist = 3 * (left - right) + after - before
        return left + 0.5 * x * (slope + x * (bend + x * twist))

    def _position(self, times: TimeArray) -> TimeArray:
        """Turn times into positions in the recording, in samples."""
        rate, stretch = self.recording.rate, self._stretch
        if stretch is not None:
            begin, end, since = stretch
            return (begin + (times - since) % (end - begin)) * rate
        position: TimeArray = (times - self.start) * rate
        count = len(self._recorded)
        if not self.loop:
            return np.clip(position, 0.0, count - 1)
        position %= count
        # The remainder of a tiny negative number rounds up to the divisor itself.
        return np.where(position < count, position, 0.0)


def rotation_matrix(axis: ArrayLike, degrees: float) -> Rotation:
    """Make the rotation by an angle about an axis (right-handed, Rodrigues' formula).

    Args:
        axis: three numbers, of any length but zero.
        degrees: the angle.

    Returns:
        float64 ``[3, 3]``.

    Raises:
        ValueError: the axis has no direction.
    """
    vector = np.asarray(axis, np.float64)
    length = float(np.linalg.norm(vector)) if vector.shape == (3,) else math.nan
    if not (math.isfinite(length) and length > 0.0):
        raise ValueError(f"an axis is three numbers that are not all zero, got {axis!r}")
    x, y, z = vector / length
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    angle = math.radians(degrees)
    bent: Rotation = cross @ cross * (1.0 - math.cos(angle))
    return np.eye(3) + math.sin(angle) * cross + bent


def check_rotation(rotation: ArrayLike) -> Rotation:
    """Give a rotation as float64 ``[3, 3]``.

    Raises:
        ValueError: it has another shape, or it stretches or mirrors.
    """
    matrix: Rotation = np.asarray(rotation, np.float64)
    if matrix.shape != (3, 3) or not np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-6):
        raise ValueError("a rotation is an orthogonal 3 x 3 matrix")
    if np.linalg.det(matrix) < 0.0:
        raise ValueError("a rotation does not mirror: its determinant is +1")
    return matrix
