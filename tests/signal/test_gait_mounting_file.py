"""The mountings of the strap, place by place."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest

from harpi.errors import CalibrationError
from harpi.files import write_document
from harpi.signal.features import FEATURE_NAMES
from harpi.signal.gait import FILE_NAME, Gait, Mountings, Place, read_mountings
from harpi.signal.orientation import any_rotations

NOW = datetime(2026, 5, 6, tzinfo=UTC)
GAIT = Gait(
    level=tuple(np.eye(3).ravel().tolist()),
    mean=(0.0,) * len(FEATURE_NAMES),
    spread=(1.0,) * len(FEATURE_NAMES),
    tells=(True,) * len(FEATURE_NAMES),
)
PLACE = Place(first=GAIT, first_made=NOW)
TURN = any_rotations(1, np.random.default_rng(0))[0]


def test_places_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    assert read_mountings(path) == Mountings()
    mountings = (
        Mountings().with_place("leg", PLACE).with_place("arm", PLACE.turned_by(TURN, NOW))
    )
    write_document(path, mountings)
    found = read_mountings(path)
    assert found == mountings
    arm, leg = found.at("arm"), found.at("leg")
    assert arm is not None
    assert leg is not None
    assert arm.rotation == pytest.approx(TURN)
    assert leg.rotation is None
    assert found.at("waist") is None


def test_putting_it_on_anew_forgets_the_turn_and_not_the_walk() -> None:
    anew = PLACE.turned_by(TURN, NOW).put_on_anew()
    assert anew == PLACE


def test_a_place_can_be_taken_out() -> None:
    mountings = Mountings().with_place("arm", PLACE)
    assert mountings.with_place("arm", None) == Mountings()


def test_a_walk_of_other_features_is_not_used() -> None:
    old = Place(first=msgspec.structs.replace(GAIT, features=0), first_made=NOW)
    assert Mountings().with_place("arm", old).at("arm") is None


def test_what_is_no_rotation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    everything = msgspec.to_builtins(Mountings().with_place("arm", PLACE))
    everything["places"]["arm"]["turned"] = [2.0] * 9
    path.write_bytes(msgspec.json.encode(everything))
    with pytest.raises(CalibrationError, match="no rotation"):
        read_mountings(path)
