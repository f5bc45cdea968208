"""Finding the positions of a calibration in the signal, without a key being pressed."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.imu.accel_fit import FACE_NAMES, face_of
from harpi.imu.rest import Rest
from harpi.imu.settings import ChipSettings
from harpi.types import FloatArray, Samples

HOLD_SECONDS: Final = 2.0
"""How long the sensor must lie still to be measured."""

APART_DEGREES: Final = 20.0
"""Angle from which a leaning position is another one."""


class Positions:
    """Watches samples for the six faces and for leaning positions that were not measured yet.

    Args:
        settings: of the chip.
        leaning: how many leaning positions are wanted.

    Attributes:
        faces: mean readings by name of the face.
        leaning: mean readings of leaning positions.
        still: the sensor lies still, whether or not this position is a new one.
    """

    def __init__(self, settings: ChipSettings, leaning: int) -> None:
        self._settings = settings
        self._wanted = leaning
        self._needed = round(HOLD_SECONDS * settings.rate)
        self._held: list[FloatArray] = []
        self._count = 0
        self.faces: dict[str, NDArray[np.float64]] = {}
        self.leaning: list[NDArray[np.float64]] = []
        self.still = False

    @property
    def missing(self) -> tuple[str, ...]:
        """What is still wanted, in words."""
        faces = tuple(name for name in FACE_NAMES if name not in self.faces)
        return faces + ("leaning",) * (self._wanted - len(self.leaning))

    @property
    def measured(self) -> NDArray[np.float64]:
        """All of them, float64 ``[n, 3]``."""
        return np.array([*self.faces.values(), *self.leaning]).reshape(-1, 3)

    def take(self, samples: Samples) -> str | None:
        """Take the next samples; name the position that they complete, if any."""
        if samples.gap:
            self._drop()
        self._held.append(samples.values)
        self._count += len(samples)
        if self._count < self._needed:
            return None
        values = np.concatenate(self._held)[-self._needed :]
        self._held, self._count = [values], len(values)
        rest = Rest.of(values, self._settings)
        self.still = not rest.moves
        if rest.moves:
            return None
        name = self._new(rest.mean[:3])
        if name is not None:
            self._drop()
        return name

    def _new(self, mean: NDArray[np.float64]) -> str | None:
        face = face_of(mean)
        if face is not None:
            if face in self.faces:
                return None
            self.faces[face] = mean
            return face
        if len(self.leaning) == self._wanted or any(
            _degrees(mean, other) < APART_DEGREES for other in self.leaning
        ):
            return None
        self.leaning.append(mean)
        return "leaning"

    def _drop(self) -> None:
        self._held, self._count = [], 0


def _degrees(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
