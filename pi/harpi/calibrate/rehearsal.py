"""An emulated sensor that goes through a calibration by itself, on virtual time."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np

from harpi import shipped
from harpi.imu.emulator import Chip, EmulatedBus, Motion, Playback, Still, Tumbling
from harpi.recording import Recording
from harpi.timebase import Timebase
from harpi.types import FloatArray

Part = Literal["gyro", "accel", "mounting"]

RECORDING: Final = "models/recordings/hapt_25_26.npz"
WEARER: Final = "25"

BIAS: Final = (0.04, -0.03, 0.06, 3.0, -2.0, 1.5)
"""g and deg/s by which the emulated chip is off."""

GAIN: Final = ((1.02, 0.004, -0.006), (0.004, 0.985, 0.003), (-0.006, 0.003, 1.015))
"""What its accelerometer makes of the true acceleration."""

FACES: Final = tuple(
    tuple(float(sign * row) for row in axis) for axis in np.eye(3) for sign in (1, -1)
)
SLANTS: Final = (
    (1.0, 1.0, 1.0),
    (1.0, -1.0, 0.0),
    (0.0, 1.0, 1.0),
    (-1.0, 0.0, 1.0),
    (1.0, 1.0, -1.0),
    (-1.0, -1.0, 0.3),
)


def rehearsing_bus(
    part: Part, address: int, timebase: Timebase, *, leaning: int = 1
) -> EmulatedBus:
    """Give a bus with a chip that is moved as the calibration asks for.

    Args:
        part: what is calibrated.
        address: where the chip answers.
        timebase: the time in which it moves, from now on.
        leaning: positions besides the six faces, at most six.

    Raises:
        RecordingError: the recording that ships with harpi cannot be read.
    """
    chip = Chip(_motion(part, timebase, leaning), timebase, bias=BIAS, accel_gain=GAIN)
    return EmulatedBus({address: chip}, timebase)


def _motion(part: Part, timebase: Timebase, leaning: int) -> Motion:
    if part == "gyro":
        return Still()
    if part == "accel":
        slants = np.array(SLANTS[:leaning])
        slants /= np.linalg.norm(slants, axis=1, keepdims=True)
        return Tumbling(np.concatenate([FACES, slants]), start=timebase.monotonic())
    return Playback(standing_then_walking(), start=timebase.monotonic())


def standing_then_walking() -> Recording:
    """Somebody stands, then walks: two pieces of the recording that ships with harpi."""
    whole = Recording.read(shipped.path(RECORDING), subject=WEARER)
    values = np.concatenate([_piece(whole, "standing"), _piece(whole, "walking")])
    return Recording(
        values=values,
        rate=whole.rate,
        labels=(),
        label=np.full(len(values), -1, np.int16),
        segment=np.zeros(len(values), np.int32),
    )


def _piece(whole: Recording, label: str) -> FloatArray:
    """The first stretch of a label."""
    rows = np.flatnonzero(whole.label == whole.labels.index(label))
    piece: FloatArray = whole.values[np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)[0]]
    return piece
