"""The wearer's own windows that the nearest neighbours remember."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from harpi.errors import ModelError
from harpi.recognition.tensor_file import read_tensors, write_tensors
from harpi.signal.features import FEATURE_NAMES, FEATURES_VERSION
from harpi.types import FloatArray

KIND: Final = "kNN memory"
LAYOUT: Final = 1
_REMEDY: Final = "Delete the file; the memory is rebuilt from the takes"


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the file says besides its tensors."""

    features_version: int
    rate: float
    length: int
    labels: tuple[str, ...]
    """One for each window, as are the takes."""
    takes: tuple[str, ...]


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

    def renamed(self, old: str, new: str) -> KnnMemory:
        """Call a label by another name; it joins the windows that have that name already."""
        labels = tuple(new if label == old else label for label in self.labels)
        return KnnMemory(self.features, labels, self.takes)

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

    def write(self, path: Path, *, rate: float, length: int) -> None:
        """Write the memory, or leave the old file as it is.

        Raises:
            OSError: the disk is full, read-only, or refuses otherwise.
        """
        header = _Header(
            features_version=FEATURES_VERSION,
            rate=rate,
            length=length,
            labels=self.labels,
            takes=self.takes,
        )
        write_tensors(path, KIND, LAYOUT, header, {"features": self.features})

    @classmethod
    def read(cls, path: Path, *, rate: float, length: int) -> KnnMemory:
        """Read a memory of windows of this rate and length.

        Raises:
            ModelError: the file is missing, damaged, or of other windows or features.
        """
        header, tensors = read_tensors(path, KIND, LAYOUT, _Header, remedy=_REMEDY)
        found = (header.features_version, header.rate, header.length)
        if found != (FEATURES_VERSION, rate, length):
            raise ModelError(
                f"remembers windows of {header.length} samples at {header.rate:g} per second "
                f"with features {header.features_version}, not of {length} at {rate:g} with "
                f"{FEATURES_VERSION}",
                where=str(path),
                remedy=_REMEDY,
            )
        features = tensors.get("features")
        if (
            features is None
            or features.dtype != np.float32
            or features.shape != (len(header.labels), len(FEATURE_NAMES))
            or len(header.takes) != len(header.labels)
            or not np.isfinite(features).all()
        ):
            raise ModelError("`features` is not as agreed", where=str(path), remedy=_REMEDY)
        return cls(features, header.labels, header.takes)
