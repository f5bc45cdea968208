"""Zero, scale and misalignment of an accelerometer from positions at rest.

At rest gravity is the only acceleration, and its length is 1 g however the sensor lies. The
fit finds the offset o and the symmetric matrix M for which |M (m - o)| is nearest to 1 for the
means m of all positions, by least squares (Gauss and Newton). So the positions need not be
exact: a face that leans by some degrees is as good as one that is level. A rotation between
the chip's axes and the board's cannot be seen in lengths and is none of its business.

With fewer than twelve positions M has its diagonal only, the scale of each axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.errors import CalibrationError
from harpi.imu.calibration import Rest
from harpi.imu.chip import ChipSettings
from harpi.types import FloatArray, Samples

FACES: Final = 6
"""Positions without which nothing can be told: each axis up and down."""

WHOLE_MATRIX: Final = 12
"""Positions from which the misalignment of the axes can be told, too: nine unknowns."""

LARGEST_RESIDUAL: Final = 0.02
"""g; more is no noise: the sensor was not at rest, or is damaged."""

UPRIGHT: Final = 0.9
"""Share of gravity on one axis from which that axis is said to point up or down."""

_STEPS: Final = 20

_WORST_CONDITION: Final = 100.0

_PLACES: Final = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
"""Elements of a symmetric matrix, the diagonal first."""


@dataclass(frozen=True, slots=True, eq=False)
class AccelFit:
    """The result.

    Attributes:
        offset: float64 ``[3]``, g.
        matrix: float64 ``[3, 3]``, symmetric.
        residual: standard deviation, in g, of the length of gravity over the positions, with
            the degrees of freedom that are left.
    """

    offset: NDArray[np.float64]
    matrix: NDArray[np.float64]
    residual: float


def fit(positions: NDArray[np.float64]) -> AccelFit:
    """Fit positions.

    Args:
        positions: ``[n, 3]``, the mean reading in each, g; at least one more than `FACES`.

    Raises:
        CalibrationError: they do not span the space, or no fit explains them.
    """
    unknowns = 9 if len(positions) >= WHOLE_MATRIX else 6
    if missing := missing_faces(positions):
        raise CalibrationError(
            f"positions are missing: {', '.join(missing)} is missing",
            remedy="Lay the sensor on each of its six faces, and lean it against something",
        )
    if len(positions) <= unknowns:
        raise CalibrationError(
            f"{len(positions)} positions leave nothing to judge {unknowns} unknowns by",
            remedy="Add one that leans against something",
        )
    x = np.concatenate([(positions.max(axis=0) + positions.min(axis=0)) / 2, np.ones(3)])
    x = np.concatenate([x, np.zeros(unknowns - 6)])
    for _ in range(_STEPS):
        error, slope = _linearised(positions, x)
        if np.linalg.cond(slope) > _WORST_CONDITION:
            raise CalibrationError(
                "the positions do not span the space well enough",
                remedy="Choose positions that differ more: six faces, and leaning ones",
            )
        step = np.linalg.lstsq(slope, -error, rcond=None)[0]
        x = x + step
    error, _ = _linearised(positions, x)
    residual = float(np.sqrt(error @ error / (len(positions) - unknowns)))
    if not np.isfinite(residual) or residual > LARGEST_RESIDUAL:
        raise CalibrationError(
            f"the positions do not agree on the length of gravity (residual "
            f"{1000 * residual:.0f} mg, at most {1000 * LARGEST_RESIDUAL:.0f})",
            remedy="Let the sensor lie still on something firm in each position, and start "
            "again",
        )
    return AccelFit(x[:3], _matrix(x[3:]), residual)


def missing_faces(positions: NDArray[np.float64]) -> list[str]:
    """Name the faces that none of the positions is, e.g. `x up`."""
    found = {face for position in positions if (face := face_of(position)) is not None}
    return [face for face in FACE_NAMES if face not in found]


def face_of(position: NDArray[np.float64]) -> str | None:
    """Name the axis that points up or down; None where the sensor leans."""
    axis = int(np.abs(position).argmax())
    if abs(position[axis]) < UPRIGHT * np.linalg.norm(position):
        return None
    return FACE_NAMES[2 * axis + int(position[axis] < 0)]


FACE_NAMES: Final = ("x up", "x down", "y up", "y down", "z up", "z down")


def _matrix(elements: NDArray[np.float64]) -> NDArray[np.float64]:
    matrix = np.zeros((3, 3))
    for (row, column), element in zip(_PLACES, elements, strict=False):
        matrix[row, column] = matrix[column, row] = element
    return matrix


def _linearised(
    positions: NDArray[np.float64], x: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give |M (m - o)| - 1 of each position, and its slope by each unknown, ``[n, k]``."""
    matrix, shifted = _matrix(x[3:]), positions - x[:3]
    found = shifted @ matrix
    length = np.linalg.norm(found, axis=1)
    upward = found / length[:, None]
    slope = [*(-upward @ matrix).T]
    for row, column in _PLACES[: len(x) - 3]:
        part = upward[:, row] * shifted[:, column]
        if row != column:
            part = part + upward[:, column] * shifted[:, row]
        slope.append(part)
    return length - 1, np.stack(slope, axis=1)


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
