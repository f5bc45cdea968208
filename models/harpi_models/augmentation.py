"""Make the base indifferent to straps, bodies and sensors by showing it many of each.

Everything works on a batch of windows ``[N, T, 6]`` (g, deg/s) at once, in NumPy, from one
seeded generator.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harpi.signal.orientation import any_rotations, random_rotations, turn
from harpi.types import FloatArray


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How much of what.

    Attributes:
        turned: share of the windows whose strap is turned at random, all turns alike likely.
        wobble: standard deviation of a small turn of every window, degrees.
        mirrored: share that is mirrored, as if worn on the other limb.
        vigour: the motion around the mean is scaled by up to this factor, or its inverse.
        gyro_gain: likewise the angular rate, for sensors that read low.
        warp: time runs up to this factor faster or slower.
        bias: standard deviation of a constant offset, g and deg/s.
        noise: largest standard deviation of white noise, g and deg/s.
        clipped: share that a narrow range clips (2 g and 250 deg/s, or twice that).
    """

    turned: float = 0.3
    wobble: float = 10.0
    mirrored: float = 0.3
    vigour: float = 1.1
    gyro_gain: float = 1.2
    warp: float = 1.05
    bias: tuple[float, float] = (0.01, 1.0)
    noise: tuple[float, float] = (0.01, 0.5)
    clipped: float = 0.05

    def __call__(
        self, windows: FloatArray, length: int, rng: np.random.Generator
    ) -> FloatArray:
        """Change windows.

        Args:
            windows: ``[N, T, 6]``, longer than `length` so that time can run faster.
            length: samples to give back.
            rng: where chance comes from.

        Returns:
            ``[N, length, 6]``.
        """
        values = warp_time(windows, length, self.warp, rng)
        values = mirror(values, rng.random(len(values)) < self.mirrored, rng)
        values = self._turn(values, rng)
        values = self._scale(values, rng)
        values = self._sense(values, rng)
        return np.ascontiguousarray(values, np.float32)

    def _turn(self, values: FloatArray, rng: np.random.Generator) -> FloatArray:
        n = len(values)
        turns = random_rotations(n, self.wobble, rng)
        wide = np.asarray(rng.random(n) < self.turned)
        turns[wide] = any_rotations(int(wide.sum()), rng)
        return turn(values, turns)

    def _scale(self, values: FloatArray, rng: np.random.Generator) -> FloatArray:
        n = len(values)
        vigour = _factors(n, self.vigour, rng)
        gain = vigour * _factors(n, self.gyro_gain, rng)
        mean = values[..., :3].mean(axis=1, keepdims=True)
        acceleration = mean + (values[..., :3] - mean) * vigour
        return np.concatenate([acceleration, values[..., 3:] * gain], axis=-1)

    def _sense(self, values: FloatArray, rng: np.random.Generator) -> FloatArray:
        n, length, _ = values.shape
        units = np.repeat(np.array([self.bias, self.noise], np.float32), 3, axis=1)
        values = values + units[0] * rng.standard_normal((n, 1, 6), np.float32)
        spread = units[1] * rng.random((n, 1, 1), np.float32)
        values += spread * rng.standard_normal((n, length, 6), np.float32)
        limits = np.full((n, 1, 1), np.inf, np.float32)
        clipped = np.asarray(rng.random(n) < self.clipped)
        limits[clipped, 0, 0] = rng.choice(np.array([1.0, 2.0], np.float32), int(clipped.sum()))
        ranges = limits * np.array([2, 2, 2, 250, 250, 250], np.float32)
        return np.clip(values, -ranges, ranges)


def warp_time(
    windows: FloatArray, length: int, factor: float, rng: np.random.Generator
) -> FloatArray:
    """Let time run faster or slower, starting anywhere that leaves room.

    Args:
        windows: ``[N, T, 6]``.
        length: samples to give back.
        factor: largest speed; the smallest is its inverse.
        rng: where chance comes from.

    Returns:
        ``[N, length, 6]``, linear between the samples.
    """
    n, available, _ = windows.shape
    fastest = (available - 1) / (length - 1)
    speed = np.minimum(_factors(n, factor, rng)[:, 0, 0], fastest)
    room = (available - 1) - speed * (length - 1)
    times = rng.random(n) * room
    places = times[:, None] + speed[:, None] * np.arange(length)
    below = np.minimum(places.astype(np.int64), available - 2)
    share = (places - below)[..., None].astype(np.float32)
    rows = np.arange(n)[:, None]
    return np.asarray(windows[rows, below] * (1 - share) + windows[rows, below + 1] * share)


def mirror(
    windows: FloatArray, chosen: NDArray[np.bool_], rng: np.random.Generator
) -> FloatArray:
    """Mirror windows at a random axis, as if the sensor sat on the other limb.

    Acceleration is a vector: its component along the axis changes sign. Angular rate is a
    pseudovector: the other two do.
    """
    n = len(windows)
    signs = np.ones((n, 1, 6), np.float32)
    axis = rng.integers(0, 3, n)
    rows = np.arange(n)
    signs[rows, 0, axis] = -1
    signs[:, 0, 3:] = -signs[:, 0, :3]
    signs[~chosen] = 1
    mirrored: FloatArray = windows * signs
    return mirrored


def _factors(n: int, largest: float, rng: np.random.Generator) -> FloatArray:
    """Factors ``[n, 1, 1]`` between ``1 / largest`` and `largest`, even in their logarithm."""
    bound = np.log(largest)
    return np.exp(rng.uniform(-bound, bound, (n, 1, 1))).astype(np.float32)
