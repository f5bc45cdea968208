"""Made-up motion capture: legs that swing like pendulums."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

BONES = ("thighL", "thighR", "shinL", "shinR", "footL", "footR")
RATE = 60.0
STRIDE = 1.1


def write_capture(
    folder: Path, *, people: tuple[int, ...] = (2, 7), seconds: float = 3.5
) -> Path:
    """Write walks, and one clip of something else, as `cmu_joints.npz`."""
    times = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * times / STRIDE
    positions, rotations, labels, owners = [], [], [], []
    for person in (*people, people[0]):
        swing = np.stack(
            [
                (0.3 + 0.02 * person) * np.sin(phase + side) + 0.1 * np.sin(2 * phase + k)
                for k, side in enumerate((0, np.pi) * 3)
            ],
            axis=1,
        )
        place = np.zeros((len(times), len(BONES), 3))
        place[..., 2] = 1.2 * times[:, None]
        place[..., 1] = 0.9 + 0.02 * np.cos(2 * phase)[:, None]
        positions.append(np.rint(place * 1000).astype(np.int16))
        turned = [Rotation.from_rotvec(np.outer(a, [1, 0, 0])).as_quat() for a in swing.T]
        rotations.append(np.rint(np.stack(turned, axis=1) * 32767).astype(np.int16))
        owners.append(person)
        labels.append("walking")
    labels[-1] = "dance"
    path = folder / "cmu_joints.npz"
    np.savez(
        path,
        position_mm=np.concatenate(positions),
        rotation=np.concatenate(rotations),
        bone_m=np.tile([0, -0.4, 0], (len(owners), len(BONES), 1)).astype(np.float32),
        start=np.arange(len(owners) + 1) * len(times),
        clip=np.array([f"{i}" for i in range(len(owners))]),
        label=np.array(labels),
        person=np.array(owners),
        text=np.array(labels),
        bones=np.array(BONES),
        fs=np.float64(RATE),
    )
    return path
