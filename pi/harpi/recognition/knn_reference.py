"""What the nearest neighbours know before the wearer taught them anything.

The workshop condenses the windows of its training people into a few centroids for each
activity and place on the body, and writes them with the scaling of the features and with
how far from them windows of further people lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from harpi.errors import ModelError
from harpi.recognition.tensor_file import read_tensors, write_tensors
from harpi.signal.features import FEATURE_NAMES, FEATURES_VERSION
from harpi.types import FloatArray

KIND: Final = "kNN reference"
LAYOUT: Final = 1
_REMEDY: Final = "Use the reference that ships with this harpi"


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the file says besides its tensors."""

    labels: tuple[str, ...]
    features_version: int
    rate: Annotated[float, msgspec.Meta(gt=0)]
    length: Annotated[int, msgspec.Meta(ge=1)]
    data: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class KnnReference:
    """Centroids of the training people.

    Attributes:
        labels: the activities.
        centroids: float32 ``[m, F]``, in the units of `harpi.signal.features`.
        owners: int64 ``[m]``, index into `labels`.
        mean: float32 ``[F]``, of the training windows.
        scale: float32 ``[F]``, their standard deviation; positive.
        familiar: float32 ``[q]``, ascending: evenly spaced quantiles, from the 0th to the
            100th percentile, of `distances` over windows of people that are not in the
            centroids.
        rate: samples per second of the windows.
        length: samples in a window.
        data: names of the data sets that the people are from.
    """

    labels: tuple[str, ...]
    centroids: FloatArray
    owners: NDArray[np.int64]
    mean: FloatArray
    scale: FloatArray
    familiar: FloatArray
    rate: float
    length: int
    data: tuple[str, ...] = ()

    def scaled(self, features: FloatArray) -> FloatArray:
        """Bring features ``[n, F]`` to zero mean and unit spread."""
        return (features - self.mean) / self.scale

    def distances(self, features: FloatArray) -> FloatArray:
        """Mean absolute difference to the nearest centroid, ``[n]``, for ``[n, F]``."""
        centroids = self._scaled_centroids
        return np.array(
            [np.abs(centroids - row).mean(axis=1).min() for row in self.scaled(features)],
            np.float32,
        )

    @cached_property
    def _scaled_centroids(self) -> FloatArray:
        """The centroids in the scale in which windows are compared with them."""
        return self.scaled(self.centroids)

    def threshold(self, rate: float) -> float:
        """Distance that only a share `rate` of windows of known activities exceeds."""
        place = np.linspace(0, 1, len(self.familiar))
        return float(np.interp(1 - rate, place, self.familiar))

    def write(self, path: Path) -> None:
        """Write the reference, or leave the old file as it is.

        Raises:
            OSError: the disk is full, read-only, or refuses otherwise.
        """
        header = _Header(
            labels=self.labels,
            features_version=FEATURES_VERSION,
            rate=self.rate,
            length=self.length,
            data=self.data,
        )
        tensors: dict[str, NDArray[Any]] = {
            "centroids": self.centroids,
            "owners": self.owners,
            "mean": self.mean,
            "scale": self.scale,
            "familiar": self.familiar,
        }
        write_tensors(path, KIND, LAYOUT, header, tensors)

    @classmethod
    def read(cls, path: Path) -> KnnReference:
        """Read a reference.

        Raises:
            ModelError: the file is missing, damaged, or for other features.
        """
        header, tensors = read_tensors(path, KIND, LAYOUT, _Header, remedy=_REMEDY)
        if header.features_version != FEATURES_VERSION:
            raise ModelError(
                f"made for features {header.features_version}, "
                f"this harpi computes {FEATURES_VERSION}",
                where=str(path),
                remedy=_REMEDY,
            )
        count = len(tensors["owners"]) if "owners" in tensors else 0
        width = len(FEATURE_NAMES)
        wanted = {
            "centroids": (np.float32, (count, width)),
            "owners": (np.int64, (count,)),
            "mean": (np.float32, (width,)),
            "scale": (np.float32, (width,)),
            "familiar": (np.float32, np.shape(tensors.get("familiar", ()))[:1]),
        }
        for name, (dtype, shape) in wanted.items():
            tensor = tensors.get(name)
            if (
                tensor is None
                or tensor.dtype != dtype
                or tensor.shape != shape
                or tensor.size == 0
                or not np.isfinite(tensor).all()
            ):
                raise ModelError(f"`{name}` is not as agreed", where=str(path), remedy=_REMEDY)
        owners = tensors["owners"]
        if (
            owners.min() < 0
            or owners.max() >= len(header.labels)
            or tensors["scale"].min() <= 0
        ):
            raise ModelError("its numbers are out of range", where=str(path), remedy=_REMEDY)
        return cls(
            labels=header.labels,
            centroids=tensors["centroids"],
            owners=owners,
            mean=tensors["mean"],
            scale=tensors["scale"],
            familiar=tensors["familiar"],
            rate=header.rate,
            length=header.length,
            data=header.data,
        )
