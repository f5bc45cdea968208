"""UCI HAR (Anguita et al. 2013): a folder of windows as text, 50 Hz, worn at the waist.

`Inertial Signals/` holds `total_acc_x_train.txt` ... in g and `body_gyro_x_train.txt` ... in
rad/s; each line is a window of 128 samples, and the next overlaps it by half. Where it does,
the signal is put together again. `y_train.txt` and `subject_train.txt` say what and who.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.recording.head import Head
from harpi.recording.numbers import read_numbers
from harpi.recording.raw import Hints, Raw, refuse
from harpi.types import FloatArray

NAME: Final = "UCI HAR"

RATE: Final = 50.0
LENGTH: Final = 128
HALF: Final = 64
ACTIVITIES: Final = ("walking", "stairs_up", "stairs_down", "sitting", "standing", "lying")
"""Activities from number 1 on."""

_SIGNALS: Final = [
    f"{sensor}_{axis}" for sensor in ("total_acc", "body_gyro") for axis in "xyz"
]


def looks_like(head: Head) -> bool:
    """Tell whether it is the folder of the set, or the train or test folder in it."""
    return head.files is not None and bool(_parts(head.path))


def _parts(folder: Path) -> list[tuple[Path, str]]:
    """Find the folders that hold windows, and whether they are `train` or `test`."""
    return [
        (place, kind)
        for place in (folder, folder / "train", folder / "test")
        for kind in ("train", "test")
        if (place / "Inertial Signals" / f"total_acc_x_{kind}.txt").is_file()
    ]


def read(path: Path, where: str, hints: Hints) -> Raw:
    """Read all windows, as contiguous signal.

    Raises:
        RecordingError: a file is missing, or does not fit the others.
    """
    signals, labels, subjects, breaks, begun = [], [], [], [], 0
    for folder, kind in _parts(path):
        axes = [_signal(folder, f"{name}_{kind}.txt", where, hints) for name in _SIGNALS]
        if len({len(axis) for axis in axes}) > 1:
            raise refuse("its signals have different lengths", where, "Copy the folder again")
        windows = np.stack(axes, axis=2)
        label = _column(folder / f"y_{kind}.txt", where, hints, len(windows))
        subject = _column(folder / f"subject_{kind}.txt", where, hints, len(windows))
        for first, last in _runs(windows, label, subject):
            run = _together(windows[first:last])
            signals.append(run)
            labels.append(np.full(len(run), label[first]))
            subjects.append(np.full(len(run), subject[first]))
            begun += len(run)
            breaks.append(begun)
    values = np.concatenate(signals)
    numbers, index = np.unique(np.concatenate(labels), return_inverse=True)
    wearers, wearer = np.unique(np.concatenate(subjects), return_inverse=True)
    return Raw(
        format=NAME,
        acc=values[:, :3],
        gyro=values[:, 3:],
        rate=RATE,
        acc_unit="g",
        gyro_unit="rad/s",
        labels=[
            ACTIVITIES[n - 1] if 1 <= n <= len(ACTIVITIES) else str(n) for n in numbers.tolist()
        ],
        label=index.astype(np.int16),
        breaks=breaks[:-1],
        subjects=tuple(str(one) for one in wearers.tolist()),
        subject=wearer.astype(np.int16),
        positions=("waist",),
        position=np.zeros(len(values), np.int16),
        columns={"ax": "total_acc", "gx": "body_gyro", "label": "y", "subject": "subject"},
        ignored=("body_acc",),
        notes=[f"windows that overlap were put together to {len(signals)} runs"],
    )


def _signal(folder: Path, name: str, where: str, hints: Hints) -> FloatArray:
    path = folder / "Inertial Signals" / name
    _check_there(path, where)
    table = read_numbers(path, f"{where}/{name}", hints, LENGTH, range(LENGTH))
    return table.astype(np.float32)


def _column(path: Path, where: str, hints: Hints, count: int) -> NDArray[np.int64]:
    _check_there(path, where)
    column = read_numbers(path, f"{where}/{path.name}", hints, 1, [0])[:, 0]
    if len(column) != count or not np.isfinite(column).all():
        raise refuse(
            f"{path.name} has {len(column)} lines for {count} windows", where, "Copy it again"
        )
    return column.astype(np.int64)


def _check_there(path: Path, where: str) -> None:
    if not path.is_file():
        raise refuse(f"{path.name} is missing", where, "Copy the whole folder again")


def _runs(
    windows: FloatArray, label: NDArray[np.int64], subject: NDArray[np.int64]
) -> list[tuple[int, int]]:
    """Find windows that follow each other, half over half."""
    follows = (windows[1:, :HALF] == windows[:-1, HALF:]).all(axis=(1, 2))
    follows &= (label[1:] == label[:-1]) & (subject[1:] == subject[:-1])
    borders = [0, *(np.flatnonzero(~follows) + 1).tolist(), len(windows)]
    return list(pairwise(borders))


def _together(windows: FloatArray) -> FloatArray:
    """Put windows together that each overlap the one before by half: ``[n, 6]``."""
    parts = [windows[:, :HALF].reshape(-1, windows.shape[2]), windows[-1, HALF:]]
    return np.concatenate(parts)
