from __future__ import annotations

import numpy as np

from harpi.daemon.sensor import ASLEEP, NOT_WORN, STRANGE, Wearing
from harpi.recognition.classifiers import Classifiers
from harpi.types import FloatArray, Window

HOP = 0.64


def windows(spread: float, count: int = 60) -> FloatArray:
    """Windows with the z axis up, and this spread in g; a hundred times that in deg/s."""
    rng = np.random.default_rng(1)
    values = rng.normal(0, spread, (count, 64, 6)) * [1, 1, 1, 100, 100, 100]
    values[..., 2] += 1
    return values.astype(np.float32)


def seen(spread: float, *, knows: tuple[float, float, float] = (0, 0, 1)) -> Wearing:
    wearing, panel = Wearing(), Classifiers([])
    wearing.posture.learn(np.array([knows], np.float64))
    for number, values in enumerate(windows(spread)):
        wearing.see(panel.judge(Window(values, number * HOP, number * HOP + 2.52)))
    return wearing


def test_before_a_window_nobody_knows() -> None:
    assert Wearing().worn is None
    assert Wearing().hints("running", learnt=True) == ()


def test_worn_as_in_the_takes_there_is_nothing_to_say() -> None:
    assert seen(0.05).hints("running", learnt=True) == ()


def test_a_sensor_on_a_table_is_not_worn_however_it_lies() -> None:
    for knows in ((0, 0, 1), (1, 0, 0)):
        wearing = seen(0.001, knows=knows)
        assert wearing.worn is False
        assert wearing.hints("running", learnt=True) == (NOT_WORN,)


def test_a_turned_strap_is_said_once_there_is_something_to_spoil() -> None:
    wearing = seen(0.05, knows=(1, 0, 0))
    assert wearing.hints("running", learnt=True) == (STRANGE,)
    assert wearing.hints("running", learnt=False) == ()


def test_without_samples_nobody_knows_how_it_is_worn() -> None:
    wearing = seen(0.001)
    assert wearing.hints("recovering", learnt=True) == ()
    assert wearing.hints("asleep", learnt=True) == (ASLEEP,)
