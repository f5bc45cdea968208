"""What the nearest neighbours compare with: the wearer's windows and the reference.

The workshop condenses the windows of its training people into a few centroids for each
activity and place on the body, and writes them with the scaling of the features and with
how far from them windows of further people lie.
"""

from __future__ import annotations

from collections.abc import Sequence
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


@dataclass(frozen=True, slots=True, eq=False)
class KnnMemory:
    """Remembered windows, in the order in which they came; never changed, only replaced.

    Attributes:
        features: float32 ``[n, F]``, in the units of `harpi.signal.features`.
        labels: the label of each.
        takes: the take that each is from.
    """

    features: FloatArray
    labels: tuple[str, ...]
    takes: tuple[str, ...]

    @classmethod
    def empty(cls) -> KnnMemory:
        """Nothing is remembered."""
        return cls(np.empty((0, len(FEATURE_NAMES)), np.float32), (), ())

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def counts(self) -> dict[str, int]:
        """Windows of each label, in the order in which the labels came."""
        counts = dict.fromkeys(self.labels, 0)
        for label in self.labels:
            counts[label] += 1
        return counts

    def added(self, features: FloatArray, label: str, take: str) -> KnnMemory:
        """Remember further windows ``[n, F]`` of one take."""
        count = len(features)
        return KnnMemory(
            np.concatenate([self.features, features]),
            self.labels + (label,) * count,
            self.takes + (take,) * count,
        )

    def thinned(self, capacity: int, rng: np.random.Generator) -> KnnMemory:
        """Forget windows until `capacity` are left.

        The label with the most windows gives one up, by chance, and so on: all labels end up
        with an even share, each with a sample of its past in which the recent weighs more.
        """
        if len(self) <= capacity:
            return self
        rows: dict[str, list[int]] = {}
        for row, label in enumerate(self.labels):
            rows.setdefault(label, []).append(row)
        for _ in range(len(self) - capacity):
            fullest = max(rows.values(), key=len)
            fullest.pop(int(rng.integers(len(fullest))))
        return self._only(sorted(row for kept in rows.values() for row in kept))

    def without_label(self, label: str) -> KnnMemory:
        """Forget a label."""
        return self._only([row for row, own in enumerate(self.labels) if own != label])

    def without_take(self, take: str) -> KnnMemory:
        """Forget a take."""
        return self._only([row for row, own in enumerate(self.takes) if own != take])

    def indices(self, labels: Sequence[str]) -> NDArray[np.int64]:
        """Index of each window's label in `labels`, ``[n]``."""
        places = {label: index for index, label in enumerate(labels)}
        return np.array([places[label] for label in self.labels], np.int64)

    def _only(self, rows: list[int]) -> KnnMemory:
        """Keep these rows."""
        return KnnMemory(
            self.features[rows],
            tuple(self.labels[row] for row in rows),
            tuple(self.takes[row] for row in rows),
        )


REFERENCE_KIND: Final = "kNN reference"

LAYOUT: Final = 1

_REFERENCE_REMEDY: Final = "Use the reference that ships with this harpi"


class _ReferenceHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
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
        header = _ReferenceHeader(
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
        write_tensors(path, REFERENCE_KIND, LAYOUT, header, tensors)

    @classmethod
    def read(cls, path: Path) -> KnnReference:
        """Read a reference.

        Raises:
            ModelError: the file is missing, damaged, or for other features.
        """
        header, tensors = read_tensors(
            path, REFERENCE_KIND, LAYOUT, _ReferenceHeader, remedy=_REFERENCE_REMEDY
        )
        if header.features_version != FEATURES_VERSION:
            raise ModelError(
                f"made for features {header.features_version}, "
                f"this harpi computes {FEATURES_VERSION}",
                where=str(path),
                remedy=_REFERENCE_REMEDY,
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
                raise ModelError(
                    f"`{name}` has an unexpected format",
                    where=str(path),
                    remedy=_REFERENCE_REMEDY,
                )
        owners = tensors["owners"]
        if (
            owners.min() < 0
            or owners.max() >= len(header.labels)
            or tensors["scale"].min() <= 0
        ):
            raise ModelError(
                "its numbers are out of range", where=str(path), remedy=_REFERENCE_REMEDY
            )
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
