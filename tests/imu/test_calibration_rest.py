"""A sensor at rest, judged by the data sheet."""

from __future__ import annotations

import numpy as np
import pytest

from harpi.errors import SensorMoves
from harpi.imu.calibration import Rest, noise_of
from harpi.imu.chip import ChipSettings
from tests.imu.rig import Rig
from tests.support.stage import Stage

SETTINGS = ChipSettings(50, 8, 1000, 4)


@pytest.mark.parametrize("rate", [25, 50, 200, 1000])
def test_an_emulated_chip_has_the_noise_that_is_expected(rate: int) -> None:
    rig = Rig(rate=rate)
    rig.run(6.0)
    rest = Rest.of(rig.values, rig.driver.settings)
    assert rest.spread == pytest.approx(rest.expected, rel=0.3)
    assert not rest.moves
    assert rest.gravity == pytest.approx(1.0, abs=0.005)


def test_the_noise_grows_with_the_band_and_the_step() -> None:
    narrow, wide = noise_of(SETTINGS), noise_of(ChipSettings(1000, 8, 1000, 1))
    assert (wide > 2 * narrow).all()
    coarse = noise_of(ChipSettings(50, 16, 2000, 4))
    assert (coarse > narrow).all()


def test_a_person_who_stands_still_is_not_at_rest() -> None:
    rig = Rig()
    worn = Stage(rig.time)
    worn.perform("standing", 0)
    worn_rig = Rig(motion=worn)
    worn_rig.run(5.0)
    rest = Rest.of(worn_rig.values, worn_rig.driver.settings)
    assert rest.moves
    with pytest.raises(SensorMoves, match="Lay it on something"):
        rest.require()


def test_one_axis_that_moves_suffices() -> None:
    values = np.zeros((100, 6), np.float32)
    values[::2, 4] = 1.0
    assert Rest.of(values, SETTINGS).moves
    values[::2, 4] = 0.0
    Rest.of(values, SETTINGS).require()
