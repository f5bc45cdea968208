"""What was done to a gyroscope's axes is found by gravity alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from harpi_models.datasets.catalogue import SPAR
from harpi_models.datasets.consistency import FEWEST, check, check_set

RATE = 50.0


def slowly_turned(change: NDArray[np.float64], seconds: float = 60.0) -> dict[str, Any]:
    """A sensor that is turned slowly about every axis; its gyroscope reads `change` of it."""
    times = np.arange(int(seconds * RATE)) / RATE
    rng = np.random.default_rng(0)
    rate = np.stack(
        [0.8 * np.sin(2 * np.pi * f * times + p) for f, p in ((0.11, 0), (0.17, 1), (0.07, 2))],
        axis=1,
    )
    turned = [Rotation.identity()]
    for step in rate[:-1] / RATE:
        turned.append(turned[-1] * Rotation.from_rotvec(step))
    up = np.stack([rotation.inv().apply([0, 1, 0]) for rotation in turned])
    count = len(times)
    zeros = np.zeros(count, np.int64)
    return {
        "acc": (up * 4096 + rng.normal(0, 40, up.shape)).astype(np.int16),
        "gyro": (np.degrees(rate) @ change.T * 32.8).astype(np.int16),
        "subject": zeros,
        "position": zeros,
        "label": zeros,
        "segment": zeros,
        "recording": zeros,
        "label_names": np.array(["turning"]),
        "position_names": np.array(["wrist"]),
        "fs": np.float64(RATE),
        "acc_lsb_per_g": np.float64(4096),
        "gyro_lsb_per_dps": np.float64(32.8),
    }


def test_a_sound_sensor_has_gains_of_one() -> None:
    found = check(slowly_turned(np.eye(3)), 0)
    assert found.sound
    assert found.gains == pytest.approx((1, 1, 1), abs=0.05)
    assert found.across < 0.05
    assert found.explained > 0.95
    assert "sound" in str(found)


@pytest.mark.parametrize(
    "change",
    [
        np.diag([-1.0, 1, -1]),
        np.diag([1.0, 1, -1]),
        np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, 1]]),
        np.diag([1.0, 0.001, 0.001]),
        np.diag([1.0, 1, np.degrees(1)]),
    ],
    ids=["two signs lost", "a sign lost", "axes swapped", "two axes dead", "another unit"],
)
def test_what_is_wrong_is_found(change: NDArray[np.float64]) -> None:
    found = check(slowly_turned(change), 0)
    assert not found.sound
    assert "NOT sound" in str(found)


def test_a_gyroscope_that_reads_low_is_told_by_its_gain() -> None:
    """M gives back what was lost."""
    found = check(slowly_turned(np.eye(3) * 0.8), 0)
    assert found.sound
    assert found.gains == pytest.approx((1.25, 1.25, 1.25), abs=0.06)


def test_nothing_is_said_of_what_never_turns(tmp_path: Path) -> None:
    made = slowly_turned(np.eye(3))
    made["acc"][:] = [0, 0, 4096]
    made["gyro"][:] = 0
    np.savez(tmp_path / "spar_seglearn.npz", **made)
    (found,) = check_set(tmp_path, SPAR).values()
    assert found.samples < FEWEST
    assert found.sound
    assert str(found) == "too few slow turns to say"
