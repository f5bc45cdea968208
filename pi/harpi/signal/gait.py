"""The turn of the strap since it was first put on, from standing still and some steps.

Standing still, gravity tells which way is up. That leaves one unknown, the heading: the turn
about the vertical. The axis in which a limb swings would give it up to its sign, since who
walks forwards and who walks backwards swing alike, and no single figure of a walk tells the
sign reliably. So the whole walk is compared: it is turned about the vertical until its
features (`harpi.signal.features`) are nearest to those of the first walk. Same wearer, same
limb, same gait: what is left is the strap.

The limb's axes are therefore those that the sensor had at the first calibration. What was
recorded and learnt with the strap like that stays as it is, and fits.

How well it works is printed by `python -m tests.labs.benchmarks mounting`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from harpi.errors import CalibrationError
from harpi.files import read_document
from harpi.signal.features import FEATURE_NAMES, FEATURES_VERSION, features
from harpi.signal.orientation import gravity_direction, is_rotation, rotation_about, turn
from harpi.signal.windows import windows_of
from harpi.types import FloatArray

Rotation = NDArray[np.float64]

SURE: Final = 1.5
"""How many times worse than the best heading the best one must fit that differs much. Of 162
walks of 54 wearers nine in ten were so sure, and none of them was off by 45 degrees."""

_RATE: Final = 25.0

_LENGTH: Final = 64

_HOP: Final = 16

_COARSE: Final = np.radians(np.arange(0.0, 360.0, 6.0))

_FINE: Final = np.radians(np.arange(-5.0, 6.0))

_MUCH: Final = float(np.cos(np.radians(72.0)))

_RELATIVE, _LEAST = 0.2, 0.02
"""What a feature may differ by at least: a share of its size, and an amount."""

_TELLING: Final = 0.5
"""How much a feature must depend on the heading, in spreads, to tell it. Without the others
nothing dilutes the difference between one heading and another."""

_FEWEST: Final = 16
"""Features that must tell it: 23 do in the weakest of the walks that were looked at."""

_BRISKLY: Final = "Walk straight on for ten steps at least, briskly"

_STILL_G, _STILL_DEG_S = 0.1, 25.0

_WALK_G: Final = 0.08


class Gait(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A walk as it looked with the strap as it was then.

    Raises:
        ValueError: the numbers are too few or too many, or no rotation.
    """

    level: tuple[float, ...]
    """Row by row, the rotation from the chip's axes to axes of which z is up."""
    mean: tuple[float, ...]
    """Mean of each feature in the level axes."""
    spread: tuple[float, ...]
    """What each may differ by."""
    tells: tuple[bool, ...]
    """Whether each depends on the heading."""
    features: int = FEATURES_VERSION
    """Version of the features."""

    def __post_init__(self) -> None:
        if self.features == FEATURES_VERSION and not (
            len(self.level) == 9
            and len(self.mean) == len(self.spread) == len(self.tells) == len(FEATURE_NAMES)
            and any(self.tells)
        ):
            raise ValueError("a gait has too few numbers, or too many")
        if not is_rotation(self.rotation):
            raise ValueError("level is no rotation")

    @property
    def rotation(self) -> Rotation:
        """`level`, float64 ``[3, 3]``."""
        return np.array(self.level).reshape(3, 3)


@dataclass(frozen=True, slots=True, eq=False)
class StrapRotation:
    """How the strap was turned.

    Attributes:
        rotation: float64 ``[3, 3]``, from the chip's axes now to those of the first walk.
        sureness: how much worse any other heading fits.
    """

    rotation: Rotation
    sureness: float


def gait_of(still: FloatArray, walk: FloatArray, rate: float) -> Gait:
    """Describe the first walk.

    Args:
        still: ``[n, 6]``, standing still.
        walk: ``[m, 6]``, walking; ten seconds are good, five will do.
        rate: samples per second of both.

    Raises:
        CalibrationError: it was no standing still, or no walk.
    """
    level = _level(still)
    windows = turn(_windows(walk, rate), level)
    rows = features(windows, _RATE)
    mean = rows.mean(axis=0, dtype=np.float64)
    spread = np.hypot(rows.std(axis=0), _RELATIVE * np.abs(mean)) + _LEAST
    tells = _by_heading(windows, _COARSE).std(axis=0) > _TELLING * spread
    if tells.sum() < _FEWEST:
        raise CalibrationError("that walk looks alike from all sides", remedy=_BRISKLY)
    return Gait(
        level=tuple(level.ravel().tolist()),
        mean=tuple(mean.tolist()),
        spread=tuple(spread.tolist()),
        tells=tuple(tells.tolist()),
    )


def rotation_since(
    first: Gait, still: FloatArray, walk: FloatArray, rate: float
) -> StrapRotation:
    """Find how the strap was turned since the first walk.

    Args:
        first: that walk.
        still: ``[n, 6]``, standing still now.
        walk: ``[m, 6]``, walking now.
        rate: samples per second of both.

    Raises:
        CalibrationError: it was no standing still or no walk, or several headings fit.
    """
    level = _level(still)
    windows = turn(_windows(walk, rate), level)
    coarse = _misfits(first, windows, _COARSE)
    best = int(coarse.argmin())
    elsewhere = np.cos(_COARSE - _COARSE[best]) < _MUCH
    sureness = float(coarse[elsewhere].min() / max(coarse[best], 1e-9))
    if sureness < SURE:
        raise CalibrationError(
            "the walk does not tell which way the strap is turned (another way fits "
            f"{sureness:.1f} times as badly; {SURE} are wanted)",
            remedy="Walk again, straight on and briskly, as you did the first time; or begin "
            "anew with `harpi calibrate mounting --anew`",
        )
    near = _COARSE[best] + _FINE
    heading = near[int(_misfits(first, windows, near).argmin())]
    return StrapRotation(first.rotation.T @ _about_vertical(heading) @ level, sureness)


def is_still(values: FloatArray) -> bool:
    """Whether a body that carries the sensor stands still over samples ``[n, 6]``."""
    spread = np.linalg.norm(values.std(axis=0).reshape(2, 3), axis=1)
    return bool(spread[0] < _STILL_G and spread[1] < _STILL_DEG_S)


def is_walk(values: FloatArray) -> bool:
    """Whether it moves as much over samples ``[n, 6]`` as in a walk."""
    return bool(np.linalg.norm(values[:, :3].std(axis=0)) > _WALK_G)


def _misfits(
    first: Gait, windows: FloatArray, headings: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How far the features of level windows are from the first walk's, by heading."""
    wrong = (_by_heading(windows, headings) - np.array(first.mean)) / np.array(first.spread)
    misfits: NDArray[np.float64] = np.linalg.norm(wrong[:, np.array(first.tells)], axis=1)
    return misfits


def _by_heading(windows: FloatArray, headings: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean features of level windows turned to each heading, ``[headings, features]``."""
    return np.array(
        [
            features(turn(windows, _about_vertical(heading)), _RATE).mean(axis=0)
            for heading in headings
        ],
        np.float64,
    )


def _about_vertical(heading: float) -> Rotation:
    rotation: Rotation = rotation_about(np.array([[0.0, 0.0, 1.0]]), np.array([heading]))[0]
    return rotation


def _level(still: FloatArray) -> Rotation:
    """Rotate the chip's axes so that z is up; where x then points is left to chance."""
    if len(still) == 0 or not is_still(still):
        raise CalibrationError("that was no standing still", remedy="Stand still, arms hanging")
    up = gravity_direction(still[None]).astype(np.float64)
    # The axis that is least upright gives the other two their direction.
    sideways = np.cross(up, np.eye(3)[int(np.abs(up).argmin())])
    x = sideways / np.linalg.norm(sideways)
    return np.stack([x, np.cross(up, x), up])


def _windows(walk: FloatArray, rate: float) -> FloatArray:
    windows = windows_of(walk, rate, rate=_RATE, length=_LENGTH, hop=_HOP)
    if len(windows) < 2 or not is_walk(walk):
        raise CalibrationError("that was no walk", remedy=_BRISKLY)
    return windows


FILE_NAME: Final = "mounting.json"
"""Name of the file within the folder `paths.state`."""

FORMAT: Final = 1

Moment = Annotated[datetime, Meta(tz=True)]


class Place(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One place on the body.

    Raises:
        ValueError: `turned` is no rotation.
    """

    first: Gait
    """The walk that all later ones are compared with."""
    first_made: Moment
    turned: tuple[float, ...] | None = None
    """Row by row, the rotation from the chip's axes now to those of the first walk; None
    while it is not known, because the strap was put on anew."""
    turned_made: Moment | None = None

    def __post_init__(self) -> None:
        if self.turned is None:
            return
        rotation = np.array(self.turned)
        if rotation.shape != (9,) or not is_rotation(rotation.reshape(3, 3)):
            raise ValueError("turned is no rotation")

    @property
    def rotation(self) -> NDArray[np.float64] | None:
        """`turned`, float64 ``[3, 3]``."""
        return None if self.turned is None else np.array(self.turned).reshape(3, 3)

    def put_on_anew(self) -> Place:
        """Give the same without what is known of the strap as it is now."""
        return Place(first=self.first, first_made=self.first_made)

    def turned_by(self, rotation: NDArray[np.float64], made: datetime) -> Place:
        """Give the same with the strap turned."""
        return Place(
            first=self.first,
            first_made=self.first_made,
            turned=tuple(rotation.ravel().tolist()),
            turned_made=made,
        )


class Mountings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All places that were calibrated."""

    format: int = FORMAT
    places: dict[str, Place] = {}

    def at(self, position: str) -> Place | None:
        """Give a place; None where it was not calibrated, or with features of another time."""
        place = self.places.get(position)
        usable = place is not None and place.first.features == FEATURES_VERSION
        return place if usable else None

    def with_place(self, position: str, place: Place | None) -> Mountings:
        """Give the same with one place replaced, or taken out."""
        others = {name: other for name, other in self.places.items() if name != position}
        return Mountings(places=others if place is None else {**others, position: place})


def read_mountings(path: Path) -> Mountings:
    """Read the file; no places where there is none.

    Raises:
        CalibrationError: it cannot be read, is damaged, or of another version.
    """
    again = "Calibrate again: `harpi calibrate mounting --anew`"
    return read_document(path, Mountings, FORMAT, again=again) or Mountings()
