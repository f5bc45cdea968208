from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.imu.clock import ChipClock


class TrueChip:
    """Samples at true times, counted by a host that looks when it likes."""

    def __init__(self, rate: float, error: float = 0.0, phase: float = 0.5) -> None:
        self.rate = rate
        self.period = 1 / rate / (1 + error)
        self.first = 10.0 + phase * self.period

    def time_of(self, number: int) -> float:
        return self.first + (number - 1) * self.period

    def count_at(self, moment: float) -> int:
        return int(np.floor((moment - self.first) / self.period)) + 1 if moment >= 10.0 else 0


def watch(clock: ChipClock, chip: TrueChip, moment: float, width: float = 1e-4) -> int:
    """Let the host count at a moment that it knows within `width`."""
    number = chip.count_at(moment)
    clock.observe(number, moment - 0.4 * width, moment + 0.6 * width)
    return number


chips = st.builds(
    TrueChip,
    rate=st.sampled_from([25.0, 50.0, 200.0, 1000.0]),
    error=st.floats(-0.04, 0.04),
    phase=st.floats(0.01, 0.99),
)
pauses = st.lists(st.floats(1e-4, 1.0), min_size=3, max_size=150)


@given(chip=chips, pauses=pauses)
def test_the_truth_always_lies_between_the_bounds(chip: TrueChip, pauses: list[float]) -> None:
    clock = ChipClock(chip.rate)
    clock.restart(10.0)
    for moment in itertools.accumulate(pauses, initial=10.0):
        number = watch(clock, chip, moment)
        if number:
            for ahead in (1, 2, 40):
                earliest, latest = clock.expect(number + ahead)
                truth = chip.time_of(number + ahead)
                assert earliest - 1e-9 <= truth <= latest + 1e-9


@given(chip=chips, pauses=pauses, width=st.floats(0, 0.05))
def test_times_ascend_smoothly_whatever_the_host_does(
    chip: TrueChip, pauses: list[float], width: float
) -> None:
    clock = ChipClock(chip.rate)
    clock.restart(10.0)
    given_number, times = 0, np.empty(0)
    for moment in itertools.accumulate(pauses, initial=10.0):
        number = watch(clock, chip, moment, width)
        if number > given_number:
            times = np.concatenate([times, clock.times(number)])
            given_number = number
    assert len(times) == given_number
    assert (np.diff(times) > 0.89 / chip.rate).all()  # 5 % of the chip, 5 % of the slew
    assert (np.diff(times) < 1.11 / chip.rate).all()


@pytest.mark.parametrize("error", [-0.05, -0.02, 0.0, 0.02, 0.05])
@pytest.mark.parametrize("rate", [25, 50, 1000])
def test_period_and_phase_are_found_with_a_thread_that_is_always_late(
    rate: int, error: float
) -> None:
    chip = TrueChip(rate, error)
    clock = ChipClock(rate)
    clock.restart(10.0)
    rng = np.random.default_rng(3)
    moment = 10.0
    for _ in range(200):
        moment += 0.1 + rng.exponential(0.01)
        number = watch(clock, chip, moment)
        if number:
            times = clock.times(number)
    assert clock.period == pytest.approx(chip.period, rel=3e-4)
    assert clock.error_ppm == pytest.approx(error * 1e6, abs=300)
    assert times[-1] == pytest.approx(chip.time_of(number), abs=0.03 * chip.period)


def test_a_thread_that_is_late_once_moves_nothing() -> None:
    chip = TrueChip(50, 0.01)
    punctual, once_late = ChipClock(50), ChipClock(50)
    for clock in (punctual, once_late):
        clock.restart(10.0)
    for step in range(1, 100):
        moment = 10.0 + 0.0313 * step
        number = watch(punctual, chip, moment)
        # The count is the same, but the host learns of it only much later.
        once_late.observe(number, moment - 4e-5, moment + (0.3 if step == 50 else 6e-5))
    assert once_late.period == pytest.approx(punctual.period, rel=1e-4)
    assert once_late.expect(number + 5) == pytest.approx(punctual.expect(number + 5), abs=1e-3)


def test_a_clock_that_drifts_is_followed() -> None:
    rate, ppm_per_second = 100.0, 3.0
    clock = ChipClock(rate)
    clock.restart(10.0)
    # Rate(t) = rate (1 + r t), so sample n is complete where rate (t + r t^2 / 2) = n.
    drift = ppm_per_second * 1e-6
    errors = []
    rng = np.random.default_rng(5)
    for moment in np.cumsum(rng.uniform(0.2, 0.4, 2000)):
        number = int(rate * (moment + drift * moment**2 / 2))
        clock.observe(number, 10 + moment - 5e-5, 10 + moment + 5e-5)
        truth = (np.sqrt(1 + 2 * drift * number / rate) - 1) / drift
        errors.append(clock.times(number)[-1] - 10 - truth)
    assert np.abs(errors[50:]).max() < 1e-3
    assert clock.error_ppm == pytest.approx(ppm_per_second * moment, abs=60)


def test_a_jump_of_the_clock_is_learnt_anew() -> None:
    slow, fast = TrueChip(100, -0.02), TrueChip(100, 0.02)
    clock = ChipClock(100)
    clock.restart(10.0)
    rng = np.random.default_rng(7)
    moments = 10.0 + np.cumsum(rng.uniform(0.05, 0.15, 600))
    turn = moments[300]
    turned = slow.count_at(turn)
    fast.first = slow.time_of(turned) - (turned - 1) * fast.period
    for moment in moments:
        number = watch(clock, slow if moment <= turn else fast, moment)
        if number:
            times = clock.times(number)
    assert clock.error_ppm == pytest.approx(20_000, abs=200)
    assert times[-1] == pytest.approx(fast.time_of(number), abs=1e-3)


def test_the_period_survives_a_restart_and_times_still_ascend() -> None:
    chip = TrueChip(50, 0.03)
    clock = ChipClock(50)
    clock.restart(10.0)
    for step in range(1, 200):
        number = watch(clock, chip, 10.0 + 0.0473 * step)
        if number:
            before = clock.times(number)

    clock.restart(chip.time_of(number) + 0.001)

    assert clock.period == pytest.approx(chip.period, rel=1e-3)
    clock.observe(1, chip.time_of(number + 1) - 1e-3, chip.time_of(number + 1) + 1e-3)
    assert clock.times(1)[0] > before[-1]


def test_a_long_run_stays_cheap() -> None:
    """What is remembered does not grow, also where one looks a thousand times a second."""
    chip = TrueChip(1000)
    clock = ChipClock(1000)
    clock.restart(10.0)
    for step in range(5000):
        watch(clock, chip, 10.0 + step * 1e-3)
    assert len(clock._ceilings) <= 64
    assert len(clock._floors) <= 64
