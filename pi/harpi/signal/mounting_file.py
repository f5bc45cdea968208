"""The mountings of the strap, place by place: the first walk, and how it is turned now."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from harpi.documents import read_document
from harpi.signal.features import FEATURES_VERSION
from harpi.signal.gait import Gait
from harpi.signal.mounting import is_rotation

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
