"""Standing still and walking, led by a guide."""

from __future__ import annotations

import numpy as np
import pytest

from harpi.calibrate.procedures import WALK_PATIENCE_SECONDS, calibrate_mounting
from harpi.calibrate.sensor import standing_then_walking
from harpi.errors import CalibrationError
from harpi.imu.emulator import Motion, Playback, Still, rotation_matrix
from harpi.signal.gait import Place
from harpi.signal.orientation import angle_of
from harpi.types import FloatArray, TimeArray
from tests.calibrate.bench import Notes, bench_of
from tests.support.bench import Held

TURN = rotation_matrix((0.3, -0.5, 0.8), 75.0)


def calibrated(before: Place | None, turn: object = None, notes: Notes | None = None) -> Place:
    recording = standing_then_walking()
    bench = bench_of(lambda time: Playback(recording, rotation=turn), bias=np.zeros(6))  # type: ignore[arg-type]
    return calibrate_mounting(bench, notes or Notes(), before)


def test_the_first_time_takes_note_of_the_walk() -> None:
    notes = Notes()
    place = calibrated(None, notes=notes)
    assert place.rotation == pytest.approx(np.eye(3))
    assert place.turned_made == place.first_made
    assert [text.split()[0] for text in notes.said] == ["Stand", "Now", "That"]
    assert notes.cues == ["hold", "taken", "move", "taken"]


def test_later_a_turned_strap_is_found() -> None:
    first = calibrated(None)
    place = calibrated(first, TURN)
    assert place.first == first.first
    assert place.rotation is not None
    assert angle_of(place.rotation @ TURN) < 15.0
    assert angle_of(place.rotation) == pytest.approx(75.0, abs=15.0)


class Trotting(Held):
    """Somebody who never stands still."""

    def values(self, times: TimeArray) -> FloatArray:
        values = super().values(times)
        values[:, 2] += 0.5 * np.sin(2 * np.pi * 2 * times)
        return values


@pytest.mark.parametrize(
    ("motion", "what"),
    [(Still(), "walking"), (Trotting(0, 0, 1, 0, 0, 0), "standing still")],
    ids=["stands on", "trots on"],
)
def test_who_does_not_do_it_is_told(motion: Motion, what: str) -> None:
    with pytest.raises(
        CalibrationError, match=rf"{WALK_PATIENCE_SECONDS:.0f} s went by .* {what}"
    ):
        calibrate_mounting(bench_of(lambda time: motion), Notes(), None)
