"""How the sensor is turned, whether it hangs as in the takes, and whether it is worn at all.

The mean acceleration of a window says which way is up in the chip's axes. Where for half a
minute that is far from every window that was learnt, the strap has turned, or the wearer does
something that was never taught; either way the answers are guesses.

Measured with DSADS (five places on the body, 6 people; sitting, standing, walking and running
taught for 20 s each), half minutes that are called strange: of the taught activities 0 of
1890; with a strap that was turned by 60 degrees about any axis 44 to 63 %, by 90 degrees 64 to
90 %; of the other activities 12 to 20 %. A turn about the vertical moves nothing.

A living body is never as still as a table: breath, pulse and muscles turn a sensor on it
by tenths of a degree per second. What a lying MPU-6050 shows is its own noise.

Measured as the length of the spread of a window of 2.56 s over the three axes: an MPU-6050
that lies free has 0.04 deg/s and 3 mg (its datasheet's noise, after the filter to 25 Hz).
Of 115,000 windows of people who sit, stand or lie (HAPT waist, DSADS five places, MotionSense
pocket, WISDM wrist) none has less than 0.11 deg/s, and the longest stretch below the limits
used here was 15 s, in a pocket.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.types import FloatArray, Window


def turn(signal: FloatArray, rotation: NDArray[np.float64]) -> FloatArray:
    """Give the signal that the sensor would give if it were mounted turned.

    Args:
        signal: ``[..., 6]``, acceleration and angular rate.
        rotation: one rotation ``[3, 3]``, or one for each window, ``[n, 3, 3]`` with signal
            ``[n, T, 6]``. Both sensors sit on one chip, so both are turned alike.

    Returns:
        float32, of the shape of `signal`.
    """
    across = np.swapaxes(rotation, -1, -2)
    turned = np.concatenate([signal[..., :3] @ across, signal[..., 3:] @ across], axis=-1)
    return turned.astype(np.float32)


def rotation_about(
    axis: NDArray[np.float64], radians: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Make rotation matrices from axes and angles by Rodrigues' formula.

    Args:
        axis: unit vectors ``[n, 3]``.
        radians: angles ``[n]``, counterclockwise when the axis points at the viewer.

    Returns:
        ``[n, 3, 3]``.
    """
    x, y, z = axis.T
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(-1, 3, 3)
    sine, cosine = np.sin(radians)[:, None, None], np.cos(radians)[:, None, None]
    rotations: NDArray[np.float64] = np.eye(3) + sine * cross + (1 - cosine) * (cross @ cross)
    return rotations


def random_rotations(n: int, degrees: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw small turns, as of a strap that was put on again.

    Args:
        n: how many.
        degrees: standard deviation of the angle; the axis is uniform on the sphere.
        rng: where chance comes from.

    Returns:
        ``[n, 3, 3]``.
    """
    axis = rng.normal(size=(n, 3))
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    return rotation_about(axis, np.radians(degrees) * rng.normal(size=n))


def any_rotations(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw turns of which every one is as likely (unit quaternions; Shoemake 1992).

    Returns:
        ``[n, 3, 3]``.
    """
    quaternion = rng.normal(size=(n, 4))
    quaternion /= np.linalg.norm(quaternion, axis=1, keepdims=True)
    half = np.arccos(np.clip(quaternion[:, 0], -1, 1))
    axis = quaternion[:, 1:] / np.maximum(np.sin(half), 1e-12)[:, None]
    return rotation_about(axis, 2 * half)


def is_rotation(matrix: NDArray[np.float64]) -> bool:
    """Whether a matrix ``[3, 3]`` keeps lengths and angles, to a ten-thousandth."""
    with np.errstate(over="ignore", invalid="ignore"):  # what is too large is none
        return np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-4)


def angle_of(rotation: NDArray[np.float64]) -> float:
    """Give the angle of a rotation ``[3, 3]``, degrees from 0 to 180."""
    return float(np.degrees(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1))))


def gravity_direction(windows: FloatArray) -> FloatArray:
    """Find the direction that is up, from the mean acceleration.

    Args:
        windows: ``[n, T, 6]``; the longer and the more of them, the less motion is in it.

    Returns:
        float32 ``[3]`` of length 1; zeros where there is no acceleration, as in free fall.
    """
    mean = windows[..., :3].mean(axis=(0, 1), dtype=np.float64)
    length = float(np.linalg.norm(mean))
    direction: FloatArray = (mean / length if length > 0 else mean).astype(np.float32)
    return direction


STRANGE_DEGREES: Final = 35.0
"""Between up now and up in the nearest window that was learnt, from which it is strange."""

STRANGE_SECONDS: Final = 30.0
"""How long the median must be so far away."""

LONGEST_PAUSE: Final = 3.0
"""Seconds without a window, after which everything is looked at anew."""

Directions = NDArray[np.float64]


def up(windows: FloatArray) -> Directions:
    """Give the direction that is up in each window.

    Args:
        windows: ``[n, T, 6]``.

    Returns:
        Unit vectors ``[n, 3]`` in the chip's axes; 0 where there is no acceleration.
    """
    mean = windows[:, :, :3].mean(axis=1, dtype=np.float64)
    length = np.linalg.norm(mean, axis=1, keepdims=True)
    directions: Directions = np.divide(mean, length, out=np.zeros_like(mean), where=length > 0)
    return directions


class PostureWatch:
    """Watches windows for a posture of the sensor that was never learnt.

    Any thread may `learn`; the windows are those of one thread.

    Args:
        seconds: of a strange posture after which it is said.
    """

    def __init__(self, seconds: float = STRANGE_SECONDS) -> None:
        self._seconds = seconds
        self._known: Directions = np.empty((0, 3))
        self._seen: deque[tuple[float, float]] = deque()

    def learn(self, directions: Directions) -> None:
        """Know these directions ``[n, 3]`` of up from now on, and no others."""
        self._known = directions

    def strange(self, window: Window) -> bool:
        """Take the next window; tell whether the sensor is held as in nothing learnt."""
        known = self._known
        if not len(known):
            self._seen.clear()
            return False
        if self._seen and window.end - self._seen[-1][0] > LONGEST_PAUSE:
            self._seen.clear()
        cosine = float((known @ up(window.values[None])[0]).max())
        self._seen.append((window.end, float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))))
        while len(self._seen) > 1 and window.end - self._seen[1][0] >= self._seconds:
            self._seen.popleft()
        long_enough = window.end - self._seen[0][0] >= self._seconds
        return long_enough and float(np.median([a for _, a in self._seen])) > STRANGE_DEGREES


STILL_GYRO: Final = 0.2
"""Spread of the angular rate below which a window is stiller than a body, deg/s."""

STILL_ACCEL: Final = 0.008
"""Likewise of the acceleration, g."""

STILL_SECONDS: Final = 30.0
"""How long it must stay so still to be called not worn."""


class WornWatch:
    """Watches windows for a stillness that no body keeps.

    One window of motion is enough to be worn again.

    Args:
        seconds: stillness after which the sensor is not worn.
    """

    def __init__(self, seconds: float = STILL_SECONDS) -> None:
        self._seconds = seconds
        self._still_since: float | None = None

    def worn(self, window: Window) -> bool:
        """Take the next window; tell whether the sensor is worn at its end."""
        spread = window.values.std(axis=0)
        still = (
            np.linalg.norm(spread[:3]) < STILL_ACCEL and np.linalg.norm(spread[3:]) < STILL_GYRO
        )
        if not still:
            self._still_since = None
            return True
        if self._still_since is None:
            self._still_since = window.start
        return window.end - self._still_since < self._seconds
