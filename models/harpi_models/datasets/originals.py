"""Readers of the originals: each archive becomes recordings in harpi's units and signs.

Acceleration in g, +1 on the axis that points up at rest; angular rate in deg/s.
"""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from harpi_models.datasets.damage import DAMAGE
from harpi_models.datasets.unpickling import plain_arrays
from harpi_models.errors import DataRefused
from harpi_models.excerpt import read_package

GRAVITY: Final = 9.80665

DSADS_LABELS: Final = [
    "sitting",
    "standing",
    "lying_back",
    "lying_right",
    "stairs_up",
    "stairs_down",
    "stand_elevator",
    "move_elevator",
    "walk_parking",
    "walk_treadmill_flat",
    "walk_treadmill_incline15",
    "run_treadmill_8kmh",
    "stepper",
    "cross_trainer",
    "cycle_horizontal",
    "cycle_vertical",
    "rowing",
    "jumping",
    "basketball",
]
DSADS_POSITIONS: Final = ("torso", "right_arm", "left_arm", "right_leg", "left_leg")
WISDM_LABELS: Final = {
    "A": "walking",
    "B": "jogging",
    "C": "stairs",
    "D": "sitting",
    "E": "standing",
    "F": "typing",
    "G": "brushing_teeth",
    "H": "eating_soup",
    "I": "eating_chips",
    "J": "eating_pasta",
    "K": "drinking",
    "L": "eating_sandwich",
    "M": "kicking",
    "O": "playing_catch",
    "P": "dribbling",
    "Q": "writing",
    "R": "clapping",
    "S": "folding_clothes",
}
MOTIONSENSE_LABELS: Final = {
    "dws": "downstairs",
    "ups": "upstairs",
    "wlk": "walking",
    "jog": "jogging",
    "sit": "sitting",
    "std": "standing",
}
HAPT_LABELS: Final = [
    "unlabelled",
    "walking",
    "upstairs",
    "downstairs",
    "sitting",
    "standing",
    "laying",
    "stand_to_sit",
    "sit_to_stand",
    "sit_to_lie",
    "lie_to_sit",
    "stand_to_lie",
    "lie_to_stand",
]
UMAFALL_LABELS: Final = {
    "Aplausing": "clapping",
    "Bending": "bending",
    "GoDownstairs": "stairs_down",
    "GoUpstairs": "stairs_up",
    "HandsUp": "hands_up",
    "Hopping": "hopping",
    "Jogging": "jogging",
    "LyingDown": "lying_down",
    "MakingACall": "making_a_call",
    "OpeningDoor": "opening_door",
    "Sitting": "sit_getup",
    "Walking": "walking",
    "backwardFall": "fall_backward",
    "forwardFall": "fall_forward",
    "lateralFall": "fall_lateral",
}
DIFRONZO_LABELS: Final = {
    1: "walking",
    2: "upstairs",
    3: "downstairs",
    4: "sitting",
    5: "standing",
}


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """A contiguous run of one sensor.

    Attributes:
        acceleration: ``[n, 3]``, g.
        rate: ``[n, 3]``, deg/s.
        subject: number of the person.
        position: place on the body.
        labels: name for each sample, or one name for all.
        recording: the same for sensors worn at the same time.
    """

    acceleration: NDArray[np.floating]
    rate: NDArray[np.floating]
    subject: int
    position: str
    labels: str | NDArray[np.str_]
    recording: str


Reader = Callable[[Path], Iterator[Stretch]]


def read_dsads(archive: Path) -> Iterator[Stretch]:
    """``data/a01/p1/s01.txt``: 5 s of 45 columns (5 places x 9: acceleration, rate, field)."""
    with zipfile.ZipFile(archive) as file:
        names = sorted(n for n in file.namelist() if n.endswith(".txt") and "/s" in n)
        by_person: dict[tuple[int, int], list[str]] = {}
        for name in names:
            activity, person = name.split("/")[-3:-1]
            by_person.setdefault((int(activity[1:]), int(person[1:])), []).append(name)
        for (number, subject), parts in by_person.items():
            rows = np.concatenate(
                [np.loadtxt(io.BytesIO(file.read(name)), delimiter=",") for name in parts]
            )
            for i, position in enumerate(DSADS_POSITIONS):
                yield Stretch(
                    rows[:, 9 * i : 9 * i + 3] / GRAVITY,
                    np.degrees(rows[:, 9 * i + 3 : 9 * i + 6]),
                    subject,
                    position,
                    DSADS_LABELS[number - 1],
                    f"a{number}p{subject}",
                )


def read_wisdm(archive: Path) -> Iterator[Stretch]:
    """``raw/watch/accel/data_1600_accel_watch.txt``: ``person,label,nanoseconds,x,y,z;``.

    The two sensors were sampled apart; both are put on an even 20 Hz.
    """
    with zipfile.ZipFile(archive) as outer:
        inner = [n for n in outer.namelist() if n.endswith("wisdm-dataset.zip")]
        file = zipfile.ZipFile(io.BytesIO(outer.read(inner[0]))) if inner else outer
        names = sorted(n for n in file.namelist() if "raw/watch/accel/data_" in n)
        for name in names:
            other = name.replace("accel", "gyro")
            if other not in file.namelist():
                continue
            accel, gyro = _wisdm_rows(file.read(name)), _wisdm_rows(file.read(other))
            person = int(name.rsplit("data_", 1)[1].split("_")[0])
            for letter in sorted(set(accel) & set(gyro)):
                merged = _even(accel[letter], gyro[letter], rate=20)
                if merged is not None:
                    yield Stretch(
                        merged[0] / GRAVITY,
                        np.degrees(merged[1]),
                        person,
                        "wrist_watch",
                        WISDM_LABELS[letter],
                        f"{person}{letter}",
                    )


def read_motionsense(archive: Path) -> Iterator[Stretch]:
    """``dws_1/sub_1.csv``: gravity and user acceleration in g (Apple's sign), rate in rad/s."""
    with zipfile.ZipFile(archive) as file:
        for name in sorted(n for n in file.namelist() if n.endswith(".csv")):
            trial, person = name.split("/")[-2:]
            if not person.startswith("sub_") or trial[:3] not in MOTIONSENSE_LABELS:
                continue
            text = io.BytesIO(file.read(name))
            columns = text.readline().decode().strip().split(",")
            rows = np.loadtxt(text, delimiter=",")

            def three(kind: str, rows: Any = rows, columns: list[str] = columns) -> Any:
                return rows[:, [columns.index(f"{kind}.{axis}") for axis in "xyz"]]

            yield Stretch(
                -(three("gravity") + three("userAcceleration")),
                np.degrees(three("rotationRate")),
                int(person.removeprefix("sub_").removesuffix(".csv")),
                "front_pocket",
                MOTIONSENSE_LABELS[trial[:3]],
                f"{trial}/{person}",
            )


def read_hapt(archive: Path) -> Iterator[Stretch]:
    """The PyPI package's data frames, one for each experiment."""
    for person, frames in read_package(archive).items():
        for i, frame in enumerate(frames):
            codes = np.asarray(frame["label"], np.int64)
            yield Stretch(
                np.column_stack([frame[f"acc-{axis}"] for axis in "xyz"]),
                np.degrees(np.column_stack([frame[f"gyro-{axis}"] for axis in "xyz"])),
                int(person),
                "waist_phone",
                np.array(HAPT_LABELS)[np.where((codes > 0) & (codes < 13), codes, 0)],
                f"{person}/{i}",
            )


def read_spar(archive: Path) -> Iterator[Stretch]:
    """``seglearn/data/watch_dataset.npy``: a pickled dictionary; rad/s, Apple's sign."""
    with zipfile.ZipFile(archive) as file:
        data = plain_arrays(file.read("seglearn/data/watch_dataset.npy"))
    for i, rows in enumerate(data["X"]):
        yield Stretch(
            -rows[:, :3],
            np.degrees(rows[:, 3:]),
            int(data["subject"][i]),
            "right_wrist" if data["side"][i] else "left_wrist",
            str(data["y_labels"][int(data["y"][i])]),
            str(i),
        )


def read_umafall(archive: Path) -> Iterator[Stretch]:
    """``UMAFall_Subject_01_ADL_Walking_1_<date>.csv``: a table of sensors, then their samples.

    A row is ``ms;number;x;y;z;kind;sensor``, kind 0 in g and 1 in deg/s. The gyroscope's x and
    z have the other sign: with them as they are, *up* would turn against what is measured.
    The phone in the pocket has no gyroscope and is left out. Samples come at 20 Hz, unevenly.
    """
    with zipfile.ZipFile(archive) as outer:
        inner = [n for n in outer.namelist() if n.endswith(".zip")]
        file = zipfile.ZipFile(io.BytesIO(outer.read(inner[0]))) if inner else outer
        for name in sorted(n for n in file.namelist() if n.endswith(".csv")):
            words = Path(name).stem.split("_")
            if words[:2] != ["UMAFall", "Subject"] or words[4] not in UMAFALL_LABELS:
                continue
            where, rows = _umafall_rows(file.read(name))
            for sensor, position in where.items():
                mine = rows[rows[:, 6] == sensor]
                both = [mine[mine[:, 5] == kind][:, [0, 2, 3, 4]] for kind in (0, 1)]
                if min(len(part) for part in both) < 2:
                    continue
                merged = _even(*(part * [1e-3, 1, 1, 1] for part in both), rate=20)
                if merged is not None:
                    yield Stretch(
                        merged[0],
                        merged[1] * [-1, 1, -1],
                        int(words[2]),
                        position,
                        UMAFALL_LABELS[words[4]],
                        "_".join(words[1:]),
                    )


def read_difronzo(archive: Path) -> Iterator[Stretch]:
    """``raw data/acc_exp01_user01.txt``: m/s² and rad/s; ``labels.txt`` counts from 1."""
    with zipfile.ZipFile(archive) as file:
        names = {Path(n).name: n for n in file.namelist() if "raw data/" in n}
        if "labels.txt" not in names:
            return
        marks = np.loadtxt(io.BytesIO(file.read(names["labels.txt"])), dtype=int, ndmin=2)
        for name in sorted(n for n in names if n.startswith("acc_exp")):
            experiment, person = (int(part[-2:]) for part in name[:-4].split("_")[1:])
            accel, gyro = (
                np.loadtxt(io.BytesIO(file.read(names[n])))
                for n in (name, name.replace("acc", "gyro"))
            )
            labels = np.full(len(accel), "unlabelled", dtype="<U16")
            for _, _, code, begin, end in marks[marks[:, 0] == experiment]:
                labels[begin - 1 : end] = DIFRONZO_LABELS[code]
            yield Stretch(
                accel / GRAVITY,
                np.degrees(gyro),
                person,
                "front_pocket",
                labels,
                str(experiment),
            )


READERS: Final[dict[str, tuple[float, Reader]]] = {
    "dsads": (25.0, read_dsads),
    "wisdm_watch": (20.0, read_wisdm),
    "motionsense": (50.0, read_motionsense),
    "hapt": (50.0, read_hapt),
    "umafall": (20.0, read_umafall),
    "difronzo_pocket": (50.0, read_difronzo),
    "spar_seglearn": (50.0, read_spar),
}
"""Samples per second, and the reader, of each set."""


def stretches(data_set: str, archive: Path) -> list[Stretch]:
    """Read an archive.

    Raises:
        DataRefused: it is damaged or of another layout.
    """
    try:
        found = list(READERS[data_set][1](archive))
    except DAMAGE as error:
        raise DataRefused(
            f"the archive cannot be read: {error}",
            where=str(archive),
            remedy="Remove it and fetch it again",
        ) from error
    if not found:
        raise DataRefused("the archive holds no recordings", where=str(archive))
    return found


def _wisdm_rows(text: bytes) -> dict[str, NDArray[np.float64]]:
    """Rows ``[time in s, x, y, z]`` by activity letter; broken lines are left out."""
    rows: dict[str, list[list[float]]] = {}
    for line in text.decode("ascii", "replace").splitlines():
        parts = line.strip().rstrip(";").split(",")
        if len(parts) != 6 or parts[1] not in WISDM_LABELS:
            continue
        rows.setdefault(parts[1], []).append(
            [float(parts[2]) * 1e-9, *(float(part) for part in parts[3:])]
        )
    return {letter: np.array(values) for letter, values in rows.items()}


def _umafall_rows(text: bytes) -> tuple[dict[int, str], NDArray[np.float64]]:
    """Place of each mote by its number, and the rows; broken lines are left out."""
    where: dict[int, str] = {}
    rows = []
    for line in text.decode("ascii", "replace").splitlines():
        parts = [part.strip() for part in line.lstrip("%").split(";")]
        if line.startswith("%"):
            # %C4:BE:84:70:64:8A;1; CHEST; SensorTag
            if len(parts) > 3 and parts[3] == "SensorTag":
                where[int(parts[1])] = parts[2].lower()
        elif len(parts) >= 7:
            with contextlib.suppress(ValueError):
                rows.append([float(part) for part in parts[:7]])
    return where, np.array(rows, np.float64).reshape(-1, 7)


def _even(
    accel: NDArray[np.float64], gyro: NDArray[np.float64], *, rate: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Both sensors, rows ``[time in s, x, y, z]``, at the even times that they share.

    None where they share less than a second.
    """
    accel, gyro = (rows[np.argsort(rows[:, 0], kind="stable")] for rows in (accel, gyro))
    begin, end = max(accel[0, 0], gyro[0, 0]), min(accel[-1, 0], gyro[-1, 0])
    if end - begin < 1:
        return None
    times = np.arange(begin, end, 1 / rate)
    both = [
        np.column_stack([np.interp(times, rows[:, 0], rows[:, k]) for k in (1, 2, 3)])
        for rows in (accel, gyro)
    ]
    return both[0], both[1]
