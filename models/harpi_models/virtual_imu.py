"""What an IMU strapped to a bone would have read, from how the bone moved.

The sensor sits somewhere along the bone, off its axis, and follows it through strap and flesh.
Its accelerometer reads the second derivative of where it is, plus gravity, in its own frame;
its gyroscope the rate at which the bone turns, in the same frame. Motion capture is noisy, and
each derivative multiplies noise by frequency: everything is smoothed before it is
differentiated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import bilinear, butter, lfilter, sosfiltfilt
from scipy.spatial.transform import Rotation

from harpi.signal.orientation import any_rotations, turn
from harpi.types import FloatArray

GRAVITY: Final = 9.80665
UP: Final = np.array([0.0, 1.0, 0.0])
"""In the world of the capture."""
Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Place:
    """Where on the body a sensor is strapped, as ranges that its details are drawn from.

    Attributes:
        bone: that it is strapped to.
        along: share of the bone's length, from its upper joint.
        radius: distance from the bone's axis, m.
        resonance: of strap and flesh, Hz.
        cutoff: of the smoothing before anything is differentiated, Hz.
    """

    bone: str
    along: Range
    radius: Range
    resonance: Range
    cutoff: Range = (7.0, 11.0)


@dataclass(frozen=True, slots=True, eq=False)
class Strap:
    """One sensor on one bone.

    Attributes:
        offset: from the bone's upper joint, in the bone's frame, ``[3]``, m.
        turn: from the bone's frame to the sensor's, ``[3, 3]``.
        resonance: of strap and flesh, Hz; 0 for a rigid mount.
        damping: of the same, 1 is critical.
        cutoff: of the smoothing, Hz.
    """

    offset: NDArray[np.float64]
    turn: NDArray[np.float64]
    resonance: float = 0.0
    damping: float = 0.7
    cutoff: float = 9.0


def draw_strap(place: Place, bone: NDArray[np.float64], rng: np.random.Generator) -> Strap:
    """Draw how a sensor sits.

    Args:
        place: where.
        bone: from its upper joint to its lower, in its own frame, ``[3]``, m.
        rng: where chance comes from.
    """
    length = float(np.linalg.norm(bone))
    axis = bone / length if length > 0 else UP
    outward = np.cross(axis, rng.normal(size=3))
    outward /= np.linalg.norm(outward)
    return Strap(
        offset=bone * rng.uniform(*place.along) + outward * rng.uniform(*place.radius),
        turn=any_rotations(1, rng)[0],
        resonance=rng.uniform(*place.resonance),
        damping=rng.uniform(0.5, 1.0),
        cutoff=rng.uniform(*place.cutoff),
    )


def sense(
    position: NDArray[np.float64],
    rotation: NDArray[np.float64],
    rate: float,
    strap: Strap,
    tempo: float = 1.0,
) -> FloatArray:
    """Compute what the sensor would have read.

    Args:
        position: of the bone's upper joint in the world, y up, ``[n, 3]``, m.
        rotation: quaternions from the bone's frame to the world, ``[n, 4]``, scalar last.
        rate: samples per second of the capture.
        strap: how the sensor sits.
        tempo: how many times faster than captured the body moves. Rates grow with it, and
            accelerations with its square.

    Returns:
        float32 ``[n, 6]`` at `rate` times `tempo` samples per second, g and deg/s.
    """
    pose = smooth(np.hstack([position, _continuous(rotation)]), rate, strap.cutoff)
    turned = Rotation.from_quat(pose[:, 3:])
    where = pose[:, :3] + turned.apply(strap.offset)
    step = 1 / (rate * tempo)
    acceleration = np.empty_like(where)
    acceleration[1:-1] = (where[2:] - 2 * where[1:-1] + where[:-2]) / step**2
    angular = np.empty_like(where)
    angular[1:-1] = (turned[:-2].inv() * turned[2:]).as_rotvec() / (2 * step)
    for values in (acceleration, angular):
        values[0], values[-1] = values[1], values[-2]
    force = turned.inv().apply(acceleration / GRAVITY + UP)
    force = through_strap(force, rate * tempo, strap)
    return turn(np.concatenate([force, np.degrees(angular)], axis=1), strap.turn)


def smooth(values: NDArray[np.float64], rate: float, cutoff: float) -> NDArray[np.float64]:
    """Low-pass ``[n, k]`` without moving it in time (Butterworth of order 4, both ways)."""
    if cutoff >= 0.45 * rate:
        return values
    filters = butter(4, cutoff, fs=rate, output="sos")
    pad = min(len(values) - 1, int(rate))
    return np.asarray(sosfiltfilt(filters, values, axis=0, padlen=pad))


def through_strap(force: NDArray[np.float64], rate: float, strap: Strap) -> NDArray[np.float64]:
    """What of a specific force ``[n, 3]`` reaches a sensor on strap and flesh.

    A mass on a spring and a damper that is shaken at its foot (Den Hartog, Mechanical
    Vibrations, section 2.12); one that swings faster than half the sampling rate is rigid.
    """
    swing = 2 * np.pi * strap.resonance
    if not 0 < strap.resonance < 0.45 * rate:
        return force
    drag = 2 * strap.damping * swing
    above, below = bilinear([drag, swing**2], [1, drag, swing**2], rate)
    # It has come to rest in what the beginning, mirrored, was like.
    lead = min(len(force) - 1, int(rate))
    padded = np.concatenate([force[lead:0:-1], force])
    return np.asarray(lfilter(above, below, padded - padded[0], axis=0)[lead:] + padded[0])


def _continuous(quaternion: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same turns without jumps: q and -q mean the same."""
    signs = np.where(np.sum(quaternion[1:] * quaternion[:-1], axis=1) < 0, -1.0, 1.0)
    result = quaternion.copy()
    result[1:] *= np.cumprod(signs)[:, None]
    return result
