from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest

from harpi.errors import NoAcknowledge
from harpi.imu.emulator import Account, Chip, EmulatedBus, Fault, FaultKind, Still
from harpi.imu.mpu6050 import Mpu6050
from harpi.imu.sampler import LATE_SECONDS, Sampler
from harpi.timebase import SystemTime
from harpi.types import Samples
from tests.imu.rig import BEGIN, Rig

HOP = {"hop_seconds": 0.64}
BOUND_BITS = 108  # a frame of 12 bytes, nothing else


@pytest.mark.parametrize("rate", [25, 50, 100, 200, 500, 1000])
@pytest.mark.parametrize("clock_error", [-0.02, 0.02])
def test_no_sample_is_lost_and_times_are_true(rate: int, clock_error: float) -> None:
    rig = Rig(rate=rate, clock_error=clock_error, sampler=HOP)
    rig.run(60)

    assert len(rig.times) == pytest.approx(60 * rate * (1 + clock_error), abs=rate)
    assert (rig.sample_steps() == 1).all()
    assert not any(rig.gaps)
    errors = np.abs(rig.time_errors())
    assert errors.max() < 0.6e-3
    assert errors[10:].max() < max(0.2e-3, 0.02 / rate)


def test_an_hour_at_1000_hz_with_the_clock_2_percent_off() -> None:
    rig = Rig(rate=1000, clock_error=0.02, sampler=HOP)
    worst, samples = 0.0, 0
    for _ in range(120):
        rig.run(30)
        worst = max(worst, float(np.abs(rig.time_errors()).max()))
        samples += len(rig.times)
        rig.blocks.clear()

    elapsed = rig.time.monotonic() - BEGIN
    health = rig.sampler.health()
    assert elapsed >= 3600
    assert samples == health.samples == pytest.approx(elapsed * 1020, abs=200)
    assert (health.lost, health.gaps, health.recoveries) == (0, 0, 0)
    assert worst < 0.5e-3


@pytest.mark.parametrize("who_am_i", [0x12, 0x70, 0x98])
def test_clones_with_a_smaller_fifo_lose_nothing_either(who_am_i: int) -> None:
    rig = Rig(rate=1000, who_am_i=who_am_i, sampler=HOP)
    rig.run(10)
    assert (rig.sample_steps() == 1).all()
    assert rig.sampler.health().gaps == 0


@pytest.mark.parametrize(("rate", "limit"), [(50, 2.5e-3), (1000, 0.5e-3)])
def test_a_thread_that_is_often_late_costs_no_sample_and_little_truth(
    rate: int, limit: float
) -> None:
    rng = np.random.default_rng(11)
    rig = Rig(rate=rate, clock_error=-0.02, sampler=HOP)
    rig.run(60, lateness=lambda: float(rng.exponential(2e-3)))

    assert (rig.sample_steps() == 1).all()
    assert np.abs(rig.time_errors()).max() < limit
    assert (np.diff(rig.times) > 0).all()


def test_a_chip_whose_clock_changes_is_followed() -> None:
    rig = Rig(rate=200, clock_error=0.01, sampler=HOP)
    rig.run(20)
    rig.chip.set_clock_error(-0.01, rig.time.monotonic())
    rig.run(20)
    rig.blocks.clear()
    rig.run(10)

    assert np.abs(rig.time_errors()).max() < 1e-3
    assert rig.sampler.health().clock_ppm == pytest.approx(-10_000, abs=100)
    assert rig.sampler.health().gaps == 0


# --- when it looks ---------------------------------------------------------------------


@pytest.mark.parametrize("rate", [25, 50, 1000])
def test_the_first_sample_comes_soon(rate: int) -> None:
    rig = Rig(rate=rate, sampler=HOP)
    rig.run(0.5)
    assert rig.delivered[0] - BEGIN < 0.22
    assert len(rig.blocks[0]) == 1


@pytest.mark.parametrize("rate", [50, 200, 1000])
def test_a_window_is_there_as_soon_as_its_last_sample(rate: int) -> None:
    rig = Rig(rate=rate, clock_error=0.01, sampler={**HOP, "first_window_seconds": 1.3})
    rig.run(30)

    numbers = np.cumsum([len(block) for block in rig.blocks])
    for window in range(5, 30):
        completing = round((1.3 + window * 0.64) * rate)
        block = int(np.flatnonzero(numbers == completing)[0])
        waited = rig.delivered[block] - rig.blocks[block].times[-1]
        on_the_bus = len(rig.blocks[block]) * BOUND_BITS / 400_000
        assert waited < on_the_bus + 1.5e-3


@pytest.mark.parametrize(("rate", "fetched"), [(200, 42), (500, 42), (1000, 31)])
def test_at_most_half_the_fifo_is_fetched_at_once(rate: int, fetched: int) -> None:
    rig = Rig(rate=rate)
    rig.run(5)
    assert {len(block) for block in rig.blocks[10:]} == {fetched}


def late_now_and_then(rig: Rig, seconds: float) -> None:
    turns = itertools.count()
    rig.run(20, lateness=lambda: seconds if next(turns) % 40 == 39 else 0.0)


@pytest.mark.parametrize("rate", [50, 200, 500, 1000])
@pytest.mark.parametrize("sampler", [HOP, {}])
def test_a_thread_that_is_late_loses_nothing(rate: int, sampler: dict[str, float]) -> None:
    rig = Rig(rate=rate, clock_error=0.02, sampler=sampler)
    late_now_and_then(rig, LATE_SECONDS)
    health = rig.sampler.health()
    assert (health.gaps, health.lost) == (0, 0)
    assert np.max(np.diff(rig.delivered)) > LATE_SECONDS


@pytest.mark.parametrize(("rate", "seconds"), [(50, 1.0), (200, 0.25), (1000, 0.05)])
def test_the_slower_it_samples_the_later_it_may_be(rate: int, seconds: float) -> None:
    rig = Rig(rate=rate, sampler=HOP)
    late_now_and_then(rig, seconds)
    health = rig.sampler.health()
    assert (health.gaps, health.lost) == (0, 0)
    assert np.max(np.diff(rig.delivered)) > seconds


@pytest.mark.parametrize(("batch", "fetched"), [(1, 1), (22, 22), (64, 63)])
def test_a_batch_can_be_asked_for(batch: int, fetched: int) -> None:
    rig = Rig(rate=1000, sampler={"batch": batch})
    rig.run(2)
    assert {len(block) for block in rig.blocks[20:]} == {fetched}


@pytest.mark.parametrize(
    ("rate", "sampler"), [(50, HOP), (1000, HOP), (1000, {}), (1000, {"batch": 22})]
)
def test_the_bus_carries_little_more_than_the_samples(
    rate: int, sampler: dict[str, float]
) -> None:
    rig = Rig(rate=rate, clock_error=0.02, sampler=sampler)
    rig.run(3)
    rig.blocks.clear()
    rig.bus.account = Account()
    rig.run(60)
    assert rig.bus.account.bits / len(rig.times) < 1.05 * BOUND_BITS


# --- health ----------------------------------------------------------------------------


def test_health_shows_how_it_goes() -> None:
    rig = Rig(rate=100, clock_error=0.015, sampler=HOP)
    assert rig.sampler.health().state == "stopped"
    rig.run(40, lateness=lambda: 0.003)

    health = rig.sampler.health()
    assert health.state == "running"
    assert health.rate == pytest.approx(101.5, abs=0.05)
    assert health.clock_ppm == pytest.approx(15_000, abs=200)
    assert health.jitter_s < 1e-4
    assert health.lateness_s == pytest.approx(0.003, abs=1e-6)
    assert health.samples == len(rig.times)
    assert health.temperature == pytest.approx(25.0, abs=0.5)
    assert health.last_read is not None
    assert health.last_read <= rig.delivered[-1]
    assert health.bus_share == pytest.approx(101.5 * 112 / 400_000, rel=0.05)
    assert health.error is None


def test_what_the_receiver_raises_is_logged_and_sampling_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig(sampler=HOP)
    received = []

    def fail(samples: Samples) -> None:
        received.append(samples)
        raise RuntimeError("the receiver has a bug")

    rig.sampler = Sampler(rig.driver, rig.time, fail, hop_seconds=0.64)
    rig.run(10)

    health = rig.sampler.health()
    assert health.callback_errors == len(received) > 10
    assert health.gaps == 0
    assert len(caplog.records) == 1
    assert "the receiver has a bug" in caplog.text


# --- the thread ------------------------------------------------------------------------


def test_the_thread_samples_until_it_is_stopped() -> None:
    rig = Rig(rate=200, sampler=HOP)
    enough = threading.Event()

    def count(samples: Samples) -> None:
        rig.receive(samples)
        if len(rig.blocks) > 50:
            enough.set()

    sampler = Sampler(rig.driver, rig.time, count, hop_seconds=0.64)
    sampler.start()
    assert enough.wait(10)
    sampler.stop()

    assert (rig.sample_steps() == 1).all()
    assert sampler.health().state == "stopped"
    assert not rig.chip.sampling
    assert "sampler" not in {thread.name for thread in threading.enumerate()}


def test_stopping_does_not_wait_for_the_next_drain() -> None:
    now = SystemTime()
    bus = EmulatedBus({0x68: Chip(Still(), now)}, now)
    first = threading.Event()
    sampler = Sampler(
        Mpu6050(bus, now, rate=25), now, lambda samples: first.set(), hop_seconds=3600
    )
    sampler.start()
    assert first.wait(10)
    sampler.stop()
    assert "sampler" not in {thread.name for thread in threading.enumerate()}


def test_stopping_does_not_wait_for_a_transfer_that_hangs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("harpi.imu.sampler._JOIN_SECONDS", 0.02)
    rig = Rig(sampler=HOP)
    hangs, release = threading.Event(), threading.Event()
    transfer = rig.bus.transfer

    def hang(address: int, write: bytes, read_length: int = 0) -> bytes:
        hangs.set()
        release.wait(10)
        return transfer(address, write, read_length)

    rig.sampler.start()
    monkeypatch.setattr(rig.bus, "transfer", hang)
    assert hangs.wait(10)
    rig.sampler.stop()
    assert "hangs in the kernel" in caplog.text

    release.set()
    rig.sampler.stop()
    assert not rig.chip.sampling


def test_stopping_twice_or_before_the_start_is_harmless() -> None:
    rig = Rig()
    rig.sampler.stop()
    rig.run(1)
    rig.sampler.stop()
    rig.sampler.stop()
    assert rig.sampler.health().state == "stopped"


def test_a_sampler_that_was_stopped_starts_again_with_a_gap() -> None:
    rig = Rig(sampler=HOP)
    rig.run(2)
    rig.sampler.stop()
    rig.time.advance(5)
    rig.run(2)
    assert sum(rig.gaps) == 1
    assert (np.diff(rig.times) > 0).all()


def test_a_sensor_that_is_not_there_is_told_at_the_start() -> None:
    rig = Rig(Fault(FaultKind.NACK, transfer=0, transfers=1000))
    with pytest.raises(NoAcknowledge):
        rig.sampler.start()
    assert rig.sampler.health().state == "stopped"
