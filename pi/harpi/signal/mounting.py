"""How the sensor is turned: rotations of signals, and which way gravity points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harpi.types import FloatArray


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
