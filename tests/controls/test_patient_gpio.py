"""A busy or missing pin is named, done without, and had as soon as it can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from harpi.controls.gpio import RpiGpio
from harpi.controls.patient_gpio import AGAIN_SECONDS, PatientGpio
from harpi.imu.emulator import VirtualTime
from tests.support.fake_gpio import FakeRpiGpio, install


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch, time: VirtualTime) -> FakeRpiGpio:
    return install(monkeypatch, time.advance)


@pytest.fixture
def gpio(library: FakeRpiGpio, time: VirtualTime, tmp_path: Path) -> PatientGpio:
    return PatientGpio(lambda: RpiGpio(tmp_path), time)


def test_the_other_buttons_work_beside_a_busy_one(
    gpio: PatientGpio, library: FakeRpiGpio, time: VirtualTime
) -> None:
    library.busy.add(6)
    edges: list[int] = []
    for pin in (5, 6):
        gpio.watch(pin, edges.append)
    library.press(5)
    assert edges == [5]
    assert (gpio.level(5), gpio.level(6)) == (False, True)
    (problem,) = gpio.problems
    assert problem.startswith("GPIO6: the line cannot be used (GPIO busy)")
    library.busy.clear()
    assert gpio.level(6)
    assert gpio.problems
    time.advance(AGAIN_SECONDS)
    assert gpio.level(6)
    assert gpio.problems == ()
    library.press(6)
    assert edges == [5, 6]


def test_a_light_that_was_busy_shows_what_it_should_by_then(
    gpio: PatientGpio, library: FakeRpiGpio, time: VirtualTime
) -> None:
    library.busy.add(16)
    gpio.light(16)
    gpio.write(16, True)
    library.busy.clear()
    time.advance(AGAIN_SECONDS)
    gpio.write(16, True)
    assert library.lit(16)


def test_a_board_without_pins_is_one_problem(time: VirtualTime, tmp_path: Path) -> None:
    gpio = PatientGpio(lambda: RpiGpio(tmp_path), time)
    for pin in (5, 6, 13):
        gpio.watch(pin, lambda _pin: None)
    assert len(gpio.problems) == 1
    assert all(gpio.level(pin) for pin in (5, 6, 13))
