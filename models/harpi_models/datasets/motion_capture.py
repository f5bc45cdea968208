"""Walking people from motion capture, with a sensor strapped on anew each time.

The file is ``cmu_joints.npz``: `position_mm` int16 ``[n, bones, 3]`` and `rotation` int16
``[n, bones, 4]`` (scalar last, / 32767, bone to world, y up) at `fs` Hz; `bone_m`
``[clips, bones, 3]``; `start` (first row of each clip, and the end); `label` and `person` of
each clip; `bones`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.signal.windows import windows_of
from harpi.types import FloatArray
from harpi_models.datasets.damage import DAMAGE
from harpi_models.datasets.layout import RATE
from harpi_models.errors import DataRefused
from harpi_models.virtual_imu import Place, draw_strap, sense

NAME: Final = "cmu_joints"
FILE: Final = f"{NAME}.npz"
TITLE: Final = "CMU Graphics Lab Motion Capture Database"
ACKNOWLEDGEMENT: Final = (
    "The data used in this project was obtained from mocap.cs.cmu.edu. The database was "
    "created with funding from NSF EIA-0196217."
)
LICENCE: Final = "free for all uses, also in products; not to be resold as data"
WALKING: Final = "walking"
PLACES: Final[Mapping[str, Place]] = {
    "foot": Place("foot", (0.2, 0.7), (0.03, 0.06), (12.0, 30.0)),
    "ankle": Place("shin", (0.8, 0.95), (0.03, 0.05), (12.0, 25.0)),
    "shin": Place("shin", (0.25, 0.65), (0.04, 0.06), (8.0, 20.0)),
    "thigh": Place("thigh", (0.25, 0.7), (0.06, 0.09), (6.0, 14.0)),
    "pocket": Place("thigh", (0.05, 0.35), (0.08, 0.12), (5.0, 10.0)),
}
"""Where virtual sensors look like real ones. Above the hip they do not: captured trunks and
arms move too smoothly, and what was learnt from them helped nobody."""
TEMPO: Final = (0.85, 1.2)
STRIDE: Final = (0.8, 1.8)
"""Seconds that two steps can take."""
FADE: Final = 0.2
"""Seconds over which the end of a stride becomes its beginning."""
TOGETHER: Final = 12
"""Windows that one strap is good for."""
SENSOR_RATE: Final = 50.0
"""Hz that the sensor is read at before the device's resampler."""


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One captured walk.

    Attributes:
        person: who.
        rate: samples per second.
        bones: by name: position ``[n, 3]`` in m, rotation ``[n, 4]``, bone ``[3]`` in m.
    """

    person: int
    rate: float
    bones: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]]


def read_clips(folder: Path, label: str = WALKING) -> tuple[Clip, ...]:
    """Read the clips of one activity.

    Raises:
        DataRefused: the file is missing, damaged, or holds no such clip.
    """
    path = folder / FILE
    if not path.exists():
        raise DataRefused(
            "the motion capture is missing",
            where=str(path),
            remedy="Put it there, or train with --without cmu_joints",
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            names = [str(bone) for bone in file["bones"]]
            start, rate = file["start"], float(file["fs"])
            position = file["position_mm"] / 1000.0
            rotation = file["rotation"] / 32767.0
            lengths, people = file["bone_m"].astype(np.float64), file["person"]
            chosen = np.flatnonzero(file["label"] == label)
        clips = []
        for i in chosen:
            rows = slice(start[i], start[i + 1])
            parts = {
                bone: (position[rows, k], rotation[rows, k], lengths[i, k])
                for k, bone in enumerate(names)
            }
            clips.append(Clip(int(people[i]), rate, parts))
    except DAMAGE as error:
        raise DataRefused(
            f"the file is damaged: {error}", where=str(path), remedy="Fetch it again"
        ) from error
    if not clips:
        raise DataRefused(f"holds no clip of {label!r}", where=str(path))
    return tuple(clips)


class VirtualWalkers:
    """Windows of people who walk with sensors strapped to their legs.

    Person, leg, place, strap and tempo are drawn anew for every few windows.

    Args:
        clips: of walking.
        length: samples of a window at 25 Hz.
    """

    def __init__(self, clips: Sequence[Clip], length: int) -> None:
        self._length = length
        self._by_person: dict[int, list[Clip]] = {}
        for clip in clips:
            self._by_person.setdefault(clip.person, []).append(clip)

    def draw(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Make windows ``[count, length, 6]``, g and deg/s at 25 Hz."""
        people = list(self._by_person)
        made = [np.empty((0, self._length, 6), np.float32)]
        while sum(len(part) for part in made) < count:
            clips = self._by_person[people[rng.integers(len(people))]]
            place = PLACES[str(rng.choice(list(PLACES)))]
            clip = clips[rng.integers(len(clips))]
            side = str(rng.choice(["L", "R"]))
            made.append(walk(clip, place, side, self._length, rng))
        return np.concatenate(made)[:count]


def walk(
    clip: Clip, place: Place, side: str, length: int, rng: np.random.Generator
) -> FloatArray:
    """Windows ``[k, length, 6]`` of a clip with one strap; none where it has no stride."""
    position, rotation, bone = clip.bones[place.bone + side]
    # Before anything is differentiated: a tempo squares accelerations.
    tempo = rng.uniform(*TEMPO)
    signal = sense(position, rotation, clip.rate, draw_strap(place, bone, rng), tempo)
    rate = clip.rate * tempo
    stride = find_stride(signal, rate)
    if stride is None:
        return np.empty((0, length, 6), np.float32)
    seconds = TOGETHER * length / RATE + 1.5  # the resampler keeps some at both ends
    looped = loop(signal, stride, int(FADE * rate), int((seconds + 0.1) * rate) + stride)
    begin = int(rng.integers(stride))
    times = np.arange(int(seconds * SENSOR_RATE)) * (rate / SENSOR_RATE) + begin
    below = np.minimum(times.astype(np.int64), len(looped) - 2)
    share = (times - below)[:, None].astype(np.float32)
    sampled = looped[below] * (1 - share) + looped[below + 1] * share
    return windows_of(sampled, SENSOR_RATE, rate=RATE, length=length, hop=length)


def find_stride(signal: FloatArray, rate: float) -> int | None:
    """Samples after which a walk repeats itself best; None where it never does.

    Args:
        signal: ``[n, 6]`` of one sensor.
        rate: samples per second.
    """
    values = signal - signal.mean(axis=0)
    values = values / (values.std(axis=0) + 1e-6)
    shortest, longest = int(STRIDE[0] * rate), int(STRIDE[1] * rate)
    longest = min(longest, len(signal) - int(FADE * rate) - 1)
    if longest <= shortest:
        return None
    lags = np.arange(shortest, longest)
    differ = [float(np.mean(np.square(values[lag:] - values[:-lag]))) for lag in lags]
    best = int(np.argmin(differ))
    # Of two unlike stretches the mean square difference is 2.
    return int(lags[best]) if differ[best] < 1.0 else None


def loop(signal: FloatArray, stride: int, fade: int, count: int) -> FloatArray:
    """Repeat the first stride of a signal without a seam.

    Over `fade` samples the beginning of the stride is mixed with what followed its end.

    Args:
        signal: ``[n, 6]``, at least `stride` + `fade` long.
        stride: samples of the loop.
        fade: samples of the seam.
        count: samples to give back.
    """
    once = signal[:stride].copy()
    weight = np.linspace(0, 1, fade, endpoint=False, dtype=np.float32)[:, None]
    once[:fade] = weight * once[:fade] + (1 - weight) * signal[stride : stride + fade]
    return once[np.arange(count) % stride]
