"""The common layout of the recordings, and the windows that are cut from it.

A set is one ``.npz``: `acc` and `gyro` int16 ``[n, 3]``; `subject`, `position`, `label`,
`segment`, `recording` ``[n]``; scalars `fs`, `acc_lsb_per_g`, `gyro_lsb_per_dps`; names in
`label_names` and `position_names`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harpi.signal.windows import windows_of
from harpi.types import FloatArray
from harpi_models.datasets.catalogue import DataSet
from harpi_models.datasets.damage import DAMAGE
from harpi_models.errors import DataRefused

RATE = 25.0
LENGTH = 64
COLUMNS = ("subject", "position", "label", "segment", "recording")
SCALARS = ("fs", "acc_lsb_per_g", "gyro_lsb_per_dps")
STILL = (0.05, 30.0)
"""Spread of the acceleration's length, g, and root mean square of the angular rate, deg/s,
below which a window is still."""


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Windows of one set, each of one person, position and label.

    Attributes:
        data_set: where they come from.
        values: float32 ``[n, T, 6]``, g and deg/s at 25 Hz.
        label: int ``[n]``, index into `labels`.
        labels: the set's own names.
        subject: int ``[n]``.
        position: int ``[n]``, index into `positions`.
        positions: names of the places on the body.
        run: int ``[n]``, counts the stretches of one label that windows were cut from; within
            a run they are in the order of time.
    """

    data_set: DataSet
    values: FloatArray
    label: NDArray[np.int64]
    labels: tuple[str, ...]
    subject: NDArray[np.int64]
    position: NDArray[np.int64]
    positions: tuple[str, ...]
    run: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.values)

    def where(self, mask: NDArray[np.bool_]) -> Windows:
        """Only the windows for which the mask is true."""
        return Windows(
            self.data_set,
            self.values[mask],
            self.label[mask],
            self.labels,
            self.subject[mask],
            self.position[mask],
            self.positions,
            self.run[mask],
        )

    def names(self) -> NDArray[np.str_]:
        """The set's own label of each window."""
        return np.array(self.labels)[self.label]

    def position_names(self) -> NDArray[np.str_]:
        """Place on the body of each window."""
        return np.array(self.positions)[self.position]


def read_windows(
    folder: Path, data_set: DataSet, *, hop: int = LENGTH // 2, length: int = LENGTH
) -> Windows:
    """Read a set and cut it by the code that runs on the Pi.

    Args:
        folder: holds ``<name>.npz``.
        data_set: which set.
        hop: samples at 25 Hz from one window to the next.
        length: samples in a window.

    Raises:
        DataRefused: the file is missing, damaged, or not of the layout.
    """
    arrays = read_arrays(folder / f"{data_set.name}.npz")
    rate = float(arrays["fs"])
    signal = np.concatenate(
        [
            arrays["acc"] / np.float32(arrays["acc_lsb_per_g"]),
            arrays["gyro"] / np.float32(arrays["gyro_lsb_per_dps"]),
        ],
        axis=1,
    ).astype(np.float32)
    # A window never spans two of anything.
    keys = np.stack([arrays[name].astype(np.int64) for name in COLUMNS])
    edges = np.flatnonzero(np.any(np.diff(keys, axis=1) != 0, axis=0)) + 1
    values, owners = [], []
    for begin, end in zip(
        np.concatenate([[0], edges]), np.concatenate([edges, [len(signal)]]), strict=True
    ):
        cut = windows_of(signal[begin:end], rate, rate=RATE, length=length, hop=hop)
        values.append(cut)
        owners.append(np.full(len(cut), begin))
    first = np.concatenate(owners)
    everything = Windows(
        data_set=data_set,
        values=np.concatenate(values),
        label=keys[2, first],
        labels=tuple(str(name) for name in arrays["label_names"]),
        subject=keys[0, first],
        position=keys[1, first],
        positions=tuple(str(name) for name in arrays["position_names"]),
        run=np.unique(first, return_inverse=True)[1],
    )
    names = everything.names()
    unwanted = np.isin(names, list(data_set.left_out))
    waiting = np.isin(names, list(data_set.moving)) & still(everything.values)
    return everything.where(~unwanted & ~waiting)


def still(windows: FloatArray) -> NDArray[np.bool_]:
    """Which windows ``[n, T, 6]`` hold no motion worth the name."""
    spread = np.linalg.norm(windows[..., :3], axis=2).std(axis=1)
    rate = np.sqrt(np.square(windows[..., 3:]).sum(axis=2).mean(axis=1))
    return np.asarray((spread < STILL[0]) & (rate < STILL[1]))


def read_arrays(path: Path) -> dict[str, Any]:
    """Read a file of the layout and check that its parts belong together.

    Raises:
        DataRefused: missing, damaged, a part missing, or parts of different lengths.
    """
    if not path.exists():
        raise DataRefused(
            "the data set is missing",
            where=str(path),
            remedy="Get it with 'harpi-models fetch', or point --data at its folder",
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except DAMAGE as error:
        raise DataRefused(
            f"the file is damaged: {error}", where=str(path), remedy="Fetch it again"
        ) from error
    wanted = ("acc", "gyro", *COLUMNS, *SCALARS, "label_names", "position_names")
    missing = [name for name in wanted if name not in arrays]
    if missing:
        raise DataRefused(
            f"the file has no {', '.join(missing)}",
            where=str(path),
            remedy="It is not of the layout that harpi-models reads; fetch it again",
        )
    count = len(arrays["acc"])
    sizes = {name: arrays[name].shape for name in ("acc", "gyro", *COLUMNS)}
    expected = {name: (count, 3) if name in ("acc", "gyro") else (count,) for name in sizes}
    if sizes != expected or count == 0:
        wrong = [name for name in sizes if sizes[name] != expected[name]]
        raise DataRefused(
            f"{', '.join(wrong) or 'acc'} does not have one entry for each sample",
            where=str(path),
            remedy="Fetch it again",
        )
    if not all(np.isfinite(arrays[name]) and arrays[name] > 0 for name in SCALARS):
        raise DataRefused("a rate or scale is not positive", where=str(path))
    for column, names in (("label", "label_names"), ("position", "position_names")):
        if arrays[column].max() >= len(arrays[names]):
            raise DataRefused(f"{column} names more than {names} lists", where=str(path))
    return arrays
