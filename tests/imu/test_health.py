from __future__ import annotations

import numpy as np
import pytest

from harpi.imu.health import HealthMeter, SensorHealth


def drained(meter: HealthMeter, moment: float, times: list[float]) -> None:
    meter.samples += 10
    meter.drained(
        np.array(times), 0.02, moment=moment, lateness=0.001 * moment, bus_seconds=0.05 * moment
    )


def snapshot(meter: HealthMeter, now: float) -> SensorHealth:
    return meter.snapshot(now, clock_ppm=0.0, retries=0, bus_hertz=None)


def test_without_samples_nothing_is_claimed() -> None:
    assert snapshot(HealthMeter(), 5.0) == SensorHealth()


def test_figures_cover_the_last_ten_seconds() -> None:
    meter = HealthMeter()
    meter.state = "running"
    for second in range(40):
        drained(meter, float(second), [second - 0.01, second + 0.01])
    health = snapshot(meter, 39.0)
    assert health.rate == pytest.approx(10.0)
    assert health.lateness_s == pytest.approx(0.039)
    assert health.bus_share == pytest.approx(0.05)
    assert health.last_read == 39.0
    assert health.samples == 400


def test_jitter_is_that_of_the_intervals() -> None:
    meter = HealthMeter()
    for second in range(6):
        drained(meter, float(second), [0.0, 0.021, 0.04, 0.061])  # off by 1, -1, 1 ms
    assert snapshot(meter, 5.0).jitter_s == pytest.approx(0.001)


def test_the_rate_falls_while_no_samples_come() -> None:
    meter = HealthMeter()
    meter.state = "running"
    for second in range(11):
        drained(meter, float(second), [float(second)])
    meter.state = "recovering"
    rates = [snapshot(meter, now).rate for now in (10.0, 13.0, 16.0, 25.0)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == 0.0
    assert snapshot(meter, 25.0).last_read == 10.0
