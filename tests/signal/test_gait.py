"""How the strap is turned, from standing still and a walk."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from harpi.calibrate.sensor import WEARER
from harpi.errors import CalibrationError
from harpi.recording import Recording
from harpi.shipped import RECORDING, path
from harpi.signal.features import FEATURE_NAMES
from harpi.signal.gait import (
    SURE,
    Gait,
    StrapRotation,
    gait_of,
    is_still,
    is_walk,
    rotation_since,
)
from harpi.signal.orientation import angle_of, any_rotations, turn
from harpi.types import FloatArray

RATE = 50.0
STILL, WALK = 150, 500


def pieces(label: str, subject: str = WEARER) -> FloatArray:
    """All that a person of the shipped recording did of one thing, one after the other."""
    whole = Recording.read(path(RECORDING), subject=subject)
    values: FloatArray = whole.values[whole.label == whole.labels.index(label)]
    return values


STANDING, WALKING, SITTING = pieces("standing"), pieces("walking"), pieces("sitting")


def first() -> Gait:
    return gait_of(STANDING[:STILL], WALKING[100 : 100 + WALK], RATE)


def later(rotation: np.ndarray[Any, Any], shift: int) -> StrapRotation:
    """The strap turned, and another stretch of the walk."""
    return rotation_since(
        first(),
        turn(STANDING[200 : 200 + STILL], rotation),
        turn(WALKING[shift : shift + WALK], rotation),
        RATE,
    )


@pytest.mark.parametrize("seed", range(8))
def test_a_turn_of_the_strap_is_found_whatever_it_is(seed: int) -> None:
    rotation = any_rotations(1, np.random.default_rng(seed))[0]
    found = later(rotation, 100)
    assert angle_of(found.rotation @ rotation) < 12.0  # nothing is left of it
    assert found.sureness >= SURE


def test_another_stretch_of_the_walk_tells_the_same() -> None:
    rotation = any_rotations(1, np.random.default_rng(3))[0]
    assert angle_of(later(rotation, 400).rotation @ rotation) < 25.0


def test_a_strap_that_was_not_turned_is_left_alone() -> None:
    assert angle_of(later(np.eye(3), 100).rotation) < 12.0


def test_signal_that_is_turned_back_is_what_it_was() -> None:
    rotation = any_rotations(1, np.random.default_rng(5))[0]
    back = later(rotation, 100).rotation
    again = turn(turn(SITTING, rotation), back)
    assert np.abs(again - SITTING)[:, :3].mean() < 0.1


def test_rotations_are_rotations() -> None:
    found = later(any_rotations(1, np.random.default_rng(6))[0], 100).rotation
    assert found @ found.T == pytest.approx(np.eye(3), abs=1e-6)
    assert np.linalg.det(found) == pytest.approx(1.0)


def test_shaking_without_a_direction_is_no_first_walk() -> None:
    rng = np.random.default_rng(0)
    still = np.tile(np.array([0, 0, 1, 0, 0, 0], np.float32), (STILL, 1))
    shaking = still[0] + rng.normal(0, 0.3, (WALK, 6)).astype(np.float32)
    with pytest.raises(CalibrationError, match="alike from all sides"):
        gait_of(still, shaking, RATE)


def test_a_walk_that_fits_another_way_nearly_as_well_is_refused() -> None:
    """Half of it goes one way and half of it the other."""
    about = np.diag([-1.0, -1.0, 1.0])
    level = first().rotation
    half = WALKING[100 : 100 + WALK // 2]
    there_and_back = np.concatenate([half, turn(half, level.T @ about @ level)])
    with pytest.raises(CalibrationError, match="does not tell which way") as caught:
        rotation_since(first(), STANDING[:STILL], there_and_back, RATE)
    assert "--anew" in caught.value.remedy


def test_standing_is_no_walk_and_walking_is_no_standing() -> None:
    assert is_still(STANDING[:50])
    assert is_walk(WALKING[100:150])
    with pytest.raises(CalibrationError, match="no walk"):
        gait_of(STANDING[:STILL], STANDING[:WALK], RATE)
    with pytest.raises(CalibrationError, match="no standing still"):
        gait_of(WALKING[:STILL], WALKING[:WALK], RATE)
    with pytest.raises(CalibrationError, match="no walk"):
        gait_of(STANDING[:STILL], WALKING[:100], RATE)


def test_the_chips_z_axis_may_lie_level() -> None:
    """Gravity on any axis gives a proper rotation."""
    for axis in range(3):
        still = np.zeros((100, 6), np.float32)
        still[:, axis] = -1.0
        level = gait_of(still, WALKING[100 : 100 + WALK], RATE).rotation
        assert level @ still[0, :3] == pytest.approx([0, 0, 1], abs=1e-6)
        assert np.linalg.det(level) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "change",
    [
        {"level": (1.0,) * 9},
        {"level": (1.0,)},
        {"mean": (0.0,)},
        {"spread": ()},
        {"tells": (False,) * len(FEATURE_NAMES)},
    ],
)
def test_a_gait_with_wrong_numbers_is_none(change: dict[str, Any]) -> None:
    everything = msgspec.to_builtins(first()) | change
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(everything, Gait)
