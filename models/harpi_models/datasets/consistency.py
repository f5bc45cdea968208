"""Whether the gyroscope of a recording says the same as its accelerometer.

In slow motion the accelerometer shows which way is up, and a sensor that turns sees *up* turn
the other way round: ``d(up)/dt = up x w``. Axes in another order, lost signs and wrong scales
break that. A matrix M is fitted so that ``d(up)/dt = up x (M w)`` holds best; in a sound
recording it is near the identity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from harpi_models.datasets.catalogue import DataSet
from harpi_models.datasets.layout import read_arrays

CUTOFF: Final = 1.0
"""Hz of a low-pass before anything is compared: gravity turns slowly, steps do not."""
QUIET: Final = (0.05, 0.1)
"""g by which the length of the acceleration may differ from 1: smoothed, and as it was, in the
mean over a second."""
SLOWEST: Final = 10.0
"""deg/s of a turn that is worth comparing."""
SHORTEST: Final = 3.0
"""Seconds of a stretch that is looked at."""
FEWEST: Final = 400
"""Samples of slow turns under which nothing is said."""
GAIN: Final = (0.4, 1.8)
"""What M's diagonal may be. Limbs speed up while they turn, which looks like a gain of .5 to
1.5; an axis that is another axis, or has the other sign, has a gain about 0 or below."""
ACROSS: Final = 0.5
"""What of one axis may be found in another, as a share of the smallest gain."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How gyroscope and accelerometer of one place agree.

    Attributes:
        gains: of the gyroscope's three axes, M's diagonal.
        across: largest element of M off its diagonal.
        explained: share of the turning of *up*, squared, that M and the gyroscope explain.
        samples: that were compared; where they are too few, the other numbers are 0.
    """

    gains: tuple[float, float, float]
    across: float
    explained: float
    samples: int

    @property
    def sound(self) -> bool:
        """Whether the axes, their signs and roughly their scales are right.

        Also where too little turned slowly enough to say anything.
        """
        if self.samples < FEWEST:
            return True
        within = all(GAIN[0] <= gain <= GAIN[1] for gain in self.gains)
        return within and self.across <= ACROSS * min(self.gains)

    def __str__(self) -> str:
        if self.samples < FEWEST:
            return "too few slow turns to say"
        gains = " / ".join(f"{gain:.2f}" for gain in self.gains)
        verdict = "sound" if self.sound else "NOT sound"
        return f"{verdict}, gains {gains}, across {self.across:.2f}, R² {self.explained:.2f}"


def check_set(folder: Path, data_set: DataSet) -> dict[str, Agreement]:
    """Compare the two sensors of a set at each of its places.

    Args:
        folder: of the sets.
        data_set: which.

    Returns:
        By ``set/position``.

    Raises:
        DataRefused: the file is missing, damaged, or not of the layout.
    """
    arrays = read_arrays(folder / f"{data_set.name}.npz")
    return {
        f"{data_set.name}/{name}": check(arrays, i)
        for i, name in enumerate(arrays["position_names"])
    }


def check(arrays: Mapping[str, Any], position: int) -> Agreement:
    """Compare the two sensors at one place.

    Args:
        arrays: of the common layout.
        position: index of the place.
    """
    rate = float(arrays["fs"])
    keys = np.stack([arrays[name].astype(np.int64) for name in ("position", "segment")])
    edges = np.flatnonzero(np.any(np.diff(keys, axis=1) != 0, axis=0)) + 1
    products, moments, square, samples = np.zeros((9, 9)), np.zeros(9), 0.0, 0
    for rows in np.split(np.arange(keys.shape[1]), edges):
        if keys[0, rows[0]] != position or len(rows) < SHORTEST * rate:
            continue
        up, turning, angular = _slow_turns(
            arrays["acc"][rows] / float(arrays["acc_lsb_per_g"]),
            np.radians(arrays["gyro"][rows] / float(arrays["gyro_lsb_per_dps"])),
            rate,
        )
        # up x (M w) is linear in the nine elements of M.
        design = (_crossing(up)[..., None] * angular[:, None, None, :]).reshape(-1, 9)
        products += design.T @ design
        moments += design.T @ turning.ravel()
        square += float(np.square(turning).sum())
        samples += len(up)
    if samples < FEWEST:
        return Agreement((0.0, 0.0, 0.0), 0.0, 0.0, samples)
    fitted = np.linalg.lstsq(products, moments, rcond=None)[0]
    left = square - 2 * fitted @ moments + fitted @ products @ fitted
    matrix = fitted.reshape(3, 3)
    x, y, z = (float(gain) for gain in np.diag(matrix))
    across = float(np.abs(matrix - np.diag(np.diag(matrix))).max())
    return Agreement((x, y, z), across, float(1 - left / square), samples)


def _slow_turns(
    acceleration: NDArray[np.float64], rate: NDArray[np.float64], hertz: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """*Up*, how fast it turns, and the angular rate, 1/s, ``[m, 3]`` each, where quiet."""
    filters = butter(2, CUTOFF, fs=hertz, output="sos")
    smooth = sosfiltfilt(filters, acceleration, axis=0)
    angular = sosfiltfilt(filters, rate, axis=0)[1:-1]
    length = np.linalg.norm(smooth, axis=1, keepdims=True)
    up = smooth / np.maximum(length, 1e-6)
    turning = (up[2:] - up[:-2]) * (hertz / 2)
    up, length = up[1:-1], length[1:-1, 0]
    turning = turning - up * np.sum(turning * up, axis=1, keepdims=True)
    second = np.ones(max(1, int(hertz))) / max(1, int(hertz))
    jolts = np.convolve(
        np.abs(np.linalg.norm(acceleration[1:-1], axis=1) - 1), second, mode="same"
    )
    speed = np.maximum(
        np.linalg.norm(turning, axis=1), np.linalg.norm(np.cross(up, angular), axis=1)
    )
    kept = (np.abs(length - 1) < QUIET[0]) & (jolts < QUIET[1]) & (speed > np.radians(SLOWEST))
    return up[kept], turning[kept], angular[kept]


def _crossing(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Matrices ``[n, 3, 3]`` with which a product is the cross product with the vectors."""
    x, y, z = vectors.T
    zero = np.zeros_like(x)
    return np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(-1, 3, 3)
