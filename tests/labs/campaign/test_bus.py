"""A slice of the faults of the bus, and the campaign's own eye for what must not be."""

from __future__ import annotations

import random

import numpy as np
import pytest

from harpi.imu.emulator import FaultKind
from harpi.types import Samples
from tests.labs.campaign.bus import TOLD, Case, Sensor, cases, points, try_one, what_is_wrong


def test_every_kind_of_fault_is_tried() -> None:
    assert {case.kind for case in cases()} | TOLD == set(FaultKind)


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case.words)
def test_whatever_happens_samples_come_again_and_nothing_is_hidden(case: Case) -> None:
    start, loop = points()
    chance = random.Random(case.words)
    for transfer in (chance.choice(start), chance.choice(loop)):
        ran = try_one(case, transfer)
        assert ran.wrong == ""
        assert ran.unavoidable <= ran.lost
        assert ran.back < 5.0


@pytest.fixture
def sensor() -> Sensor:
    sensor = Sensor(seconds=10.0)
    sensor.run()
    assert what_is_wrong(sensor) == ""
    return sensor


def test_a_gap_that_is_not_flagged_is_found(sensor: Sensor) -> None:
    del sensor.blocks[3], sensor.delivered[3]
    assert what_is_wrong(sensor) == "a gap is not flagged"


def test_values_out_of_step_are_found(sensor: Sensor) -> None:
    block = sensor.blocks[3]
    sensor.blocks[3] = Samples(np.roll(block.values, 1, axis=1), block.times, block.gap)
    assert what_is_wrong(sensor) == "values are out of step"


def test_times_that_go_back_are_found(sensor: Sensor) -> None:
    block = sensor.blocks[3]
    sensor.blocks[3] = Samples(block.values, block.times[::-1], block.gap)
    assert what_is_wrong(sensor) == "time goes back"
