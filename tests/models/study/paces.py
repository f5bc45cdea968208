"""People whose pace tells what they do, as courses and as data sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from harpi.types import FloatArray
from harpi_models.datasets.catalogue import (
    DIFRONZO,
    DSADS,
    HAPT,
    MOTIONSENSE,
    SPAR,
    UMAFALL,
    WISDM,
)
from harpi_models.protocol import Course
from harpi_models.study.lesson import Lesson
from tests.models.captured import write_capture
from tests.models.synthetic import write

LABELS = ("walk_parking", "jumping", "rowing")


def windows(pace: float, count: int, seed: int) -> FloatArray:
    """Windows ``[count, 64, 6]`` of a swing, in g and deg/s, with the noise of a sensor."""
    rng = np.random.default_rng([seed, round(100 * pace)])
    times = np.arange(64) / 25 + rng.uniform(0, 6, (count, 1))
    swing = 0.3 * np.sin(2 * np.pi * pace * times)
    values = rng.normal(0, 1, (count, 64, 6)) * [0.01, 0.01, 0.01, 1, 1, 1]
    values[..., :3] += swing[..., None] * [0.3, 0.9, 0.1] + [0, 0, 1]
    values[..., 3:] += 60 * swing[..., None]
    return values.astype(np.float32)


def course(labels: tuple[str, ...] = LABELS, asked: int = 8) -> Course:
    """A person of DSADS who teaches 20 windows of each label, in two stretches."""
    paces = [0.8 + 0.7 * c for c in range(len(labels))]
    return Course(
        person="dsads/1",
        place="dsads/right_arm",
        names=labels,
        learnt=tuple(windows(pace, 20, 0) for pace in paces),
        stretches=tuple(np.repeat([2 * c, 2 * c + 1], 10) for c in range(len(labels))),
        asked=np.concatenate([windows(pace, asked, 1) for pace in paces]),
        truth=np.repeat(np.arange(len(labels)), asked),
    )


def same(one: Lesson, other: Lesson) -> bool:
    """Whether two lessons hold the same windows."""
    return bool(np.array_equal(one.windows, other.windows))


def write_sets(folder: Path) -> Path:
    """Small versions of all sets that a study reads."""
    options = {"subjects": (1, 2, 3), "seconds": 90.0}
    write(folder, DSADS, ("walk_parking", "jumping"), positions=("left_leg",), **options)
    write(folder, WISDM, ("walking", "typing"), positions=("wrist_watch",), **options)
    write(folder, MOTIONSENSE, ("walking", "jogging"), positions=("front_pocket",), **options)
    write(folder, HAPT, ("walking", "sitting"), positions=("waist_phone",), **options)
    write(folder, SPAR, ("ABD", "FEL"), positions=("left_wrist",), **options)
    write(folder, UMAFALL, ("walking", "jogging"), positions=("ankle",), **options)
    write(folder, DIFRONZO, ("walking", "sitting"), positions=("front_pocket",), **options)
    write_capture(folder)
    return folder
