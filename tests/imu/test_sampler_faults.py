"""Whatever goes wrong: sampling goes on, and the gap is flagged, counted and sized."""

from __future__ import annotations

import numpy as np
import pytest

from harpi.imu.emulator import Fault, FaultKind
from tests.imu.rig import Rig

HOP = {"hop_seconds": 0.64}


def assert_gaps_are_accounted_for(rig: Rig) -> None:
    """Every break in the samples is flagged, and the lost ones are counted."""
    steps = rig.sample_steps()
    first_of_block = np.cumsum([len(block) for block in rig.blocks])[:-1]
    flagged = first_of_block[np.array(rig.gaps[1:])] - 1
    assert set(np.flatnonzero(steps != 1)) <= set(flagged)
    health = rig.sampler.health()
    assert health.gaps == sum(rig.gaps)
    assert health.samples == len(rig.times)
    assert health.lost == pytest.approx((steps - 1).sum(), abs=health.gaps)
    assert (np.diff(rig.times) > 0).all()


@pytest.mark.parametrize("rate", [50, 1000])
def test_a_stalled_thread_overflows_the_fifo_and_loses_just_that(rate: int) -> None:
    rig = Rig(rate=rate, sampler=HOP)
    rig.run(5)
    rig.time.advance(10.0)
    rig.run(5)

    assert sum(rig.gaps) == 1
    assert_gaps_are_accounted_for(rig)
    health = rig.sampler.health()
    assert health.recoveries == 0
    assert health.lost == pytest.approx(10 * rate, rel=0.1)
    assert health.error is not None
    assert "FIFO" in health.error
    np.testing.assert_allclose(rig.values[:, 2], 1.0, atol=0.1)  # nothing out of step


def test_an_overflow_costs_no_reset_of_the_clock() -> None:
    rig = Rig(rate=1000, clock_error=0.02, sampler=HOP)
    rig.run(5)
    rig.time.advance(0.2)
    rig.blocks.clear()
    rig.run(5)
    assert np.abs(rig.time_errors()).max() < 0.5e-3


def test_a_short_nack_costs_nothing() -> None:
    rig = Rig(rate=200, sampler=HOP)
    rig.run(2)
    for moment in np.arange(3.0, 10.0, 0.37):
        rig.bus.faults.add(Fault(FaultKind.NACK, at=100.0 + moment, transfers=2))
    rig.run(10)
    assert (rig.sample_steps() == 1).all()
    health = rig.sampler.health()
    assert (health.gaps, health.recoveries) == (0, 0)
    assert health.retries == 2 * 19


def test_a_sensor_that_is_unplugged_for_a_while_comes_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig(rate=50, sampler=HOP)
    rig.run(5)
    now = rig.time.monotonic()
    rig.bus.faults.add(Fault(FaultKind.BROWNOUT, at=now))
    rig.bus.faults.add(Fault(FaultKind.NACK, at=now, seconds=60.0))
    rig.run(30)
    health = rig.sampler.health()
    assert health.state == "recovering"
    assert health.rate == 0.0
    assert health.error is not None
    assert "acknowledge" in health.error

    rig.run(40)
    health = rig.sampler.health()
    assert health.state == "running"
    assert (health.gaps, health.recoveries) == (1, 1)
    assert health.lost == pytest.approx(60 * 50, rel=0.15)
    assert_gaps_are_accounted_for_across_a_reset(rig)
    assert len(caplog.records) <= 3  # one fault, not one per attempt


def assert_gaps_are_accounted_for_across_a_reset(rig: Rig) -> None:
    """As above, where the reset gave the chip's clock a new phase."""
    health = rig.sampler.health()
    assert health.gaps == sum(rig.gaps)
    assert health.samples == len(rig.times)
    breaks = np.flatnonzero(np.diff(rig.times) > 1.5 * rig.chip.sample_period)
    first_of_block = np.cumsum([len(block) for block in rig.blocks])[:-1]
    assert set(breaks) <= set(first_of_block[np.array(rig.gaps[1:])] - 1)
    missing = np.diff(rig.times)[breaks] / rig.chip.sample_period - 1
    assert health.lost == pytest.approx(missing.sum(), abs=len(breaks))
    assert (np.diff(rig.times) > 0).all()


def test_it_tries_ever_more_slowly_but_never_gives_up() -> None:
    rig = Rig(rate=50, sampler=HOP)
    rig.run(1)
    rig.bus.faults.add(Fault(FaultKind.NACK, at=rig.time.monotonic(), seconds=3600.0))
    failed = rig.bus.account.failed
    rig.run(3599)
    attempts = (rig.bus.account.failed - failed) / 3
    assert 3600 / 5 <= attempts <= 3600 / 5 + 30
    rig.run(10)
    assert rig.sampler.health().state == "running"


@pytest.mark.parametrize("kind", [FaultKind.TIMEOUT, FaultKind.CLOCK_STRETCH])
def test_a_transfer_that_breaks_off_is_recovered_from(kind: FaultKind) -> None:
    rig = Rig(rate=200, sampler=HOP)
    rig.run(3)
    for moment in (4.0, 6.1, 8.3):
        rig.bus.faults.add(Fault(kind, at=100.0 + moment, transfers=4))
    rig.run(10)
    health = rig.sampler.health()
    assert health.state == "running"
    assert health.gaps <= 3
    assert health.recoveries == 0  # the chip is what it was
    assert_gaps_are_accounted_for(rig)
    np.testing.assert_allclose(rig.values[:, 2], 1.0, atol=0.1)


@pytest.mark.parametrize(
    ("kind", "seconds"),
    [(FaultKind.NACK, 0.7), (FaultKind.ABSENT, 0.7), (FaultKind.TIMEOUT, 0.3)],
)
def test_an_outage_of_the_bus_that_the_fifo_outlasts_costs_no_sample(
    kind: FaultKind, seconds: float
) -> None:
    rig = Rig(rate=50, sampler=HOP)
    rig.run(5)
    # The FIFO holds 1.7 s: a hop and what comes meanwhile.
    rig.bus.faults.add(Fault(kind, at=rig.time.monotonic(), seconds=seconds))
    rig.run(10)
    health = rig.sampler.health()
    assert health.faults > 0
    assert (health.state, health.gaps, health.recoveries) == ("running", 0, 0)
    assert (rig.sample_steps() == 1).all()
    assert np.abs(rig.time_errors()).max() < 0.5e-3


def test_a_burst_that_breaks_off_costs_what_was_in_the_fifo_and_no_reset() -> None:
    rig = Rig(rate=50, sampler=HOP)
    rig.run(5)
    transfer = rig.bus.transfer

    def break_off(address: int, write: bytes, read_length: int = 0) -> bytes:
        if write == b"\x74":
            rig.bus.transfer = transfer  # type: ignore[method-assign]
            rig.bus.faults.add(Fault(FaultKind.CLOCK_STRETCH, at=0.0))
        return transfer(address, write, read_length)

    rig.bus.transfer = break_off  # type: ignore[method-assign]
    rig.run(5)
    health = rig.sampler.health()
    assert (health.state, health.gaps, health.recoveries) == ("running", 1, 0)
    assert health.lost <= 34
    assert_gaps_are_accounted_for(rig)
    np.testing.assert_allclose(rig.values[:, 2], 1.0, atol=0.1)


def test_a_stuck_bus_that_is_freed_is_recovered_from() -> None:
    rig = Rig(sampler=HOP)
    rig.run(2)
    rig.bus.faults.add(Fault(FaultKind.STUCK, at=rig.time.monotonic()))
    rig.run(20)
    assert rig.sampler.health().state == "recovering"
    rig.bus.recover()
    rig.run(10)
    assert rig.sampler.health().state == "running"
    assert_gaps_are_accounted_for_across_a_reset(rig)


@pytest.mark.parametrize("rate", [25, 50, 1000])
def test_a_brownout_is_noticed_at_once(rate: int) -> None:
    rig = Rig(rate=rate, sampler={**HOP, "check_seconds": 3600.0})
    rig.run(5)
    rig.chip.power_cycle(rig.time.monotonic())
    rig.run(2)
    health = rig.sampler.health()
    assert (health.state, health.gaps, health.recoveries) == ("running", 1, 1)
    assert health.lost / rate < 0.64 + 0.5
    assert_gaps_are_accounted_for_across_a_reset(rig)


@pytest.mark.parametrize("register", [0x19, 0x1A, 0x1B, 0x1C])
def test_a_setting_that_was_lost_is_found_by_the_check(register: int) -> None:
    rig = Rig(rate=50, sampler={**HOP, "check_seconds": 2.0})
    rig.run(3)
    rig.bus.transfer(0x68, bytes([register, 0x01]))
    rig.run(5)
    health = rig.sampler.health()
    assert health.state == "running"
    assert health.recoveries == 1
    assert rig.bus.transfer(0x68, bytes([register]), 1) != b"\x01"


def test_frozen_values_are_reset_once() -> None:
    rig = Rig(rate=50, sampler=HOP)
    rig.run(3)
    rig.bus.faults.add(Fault(FaultKind.FROZEN, at=rig.time.monotonic(), seconds=20.0))
    rig.run(15)
    health = rig.sampler.health()
    assert health.recoveries == 1
    assert health.error is not None
    assert "no longer change" in health.error

    rig.run(15)  # it thaws, and may freeze again
    rig.bus.faults.add(Fault(FaultKind.FROZEN, at=rig.time.monotonic(), seconds=20.0))
    rig.run(15)
    assert rig.sampler.health().recoveries == 2


def test_a_chip_that_is_truly_still_is_left_alone_after_one_reset() -> None:
    rig = Rig(rate=50, noise=False, sampler=HOP)
    rig.run(60)
    assert rig.sampler.health().recoveries <= 1
    assert rig.sampler.health().state == "running"


def test_many_faults_at_random_never_end_it_and_never_go_unflagged() -> None:
    rig = Rig(
        Fault(FaultKind.NACK, probability=0.02),
        Fault(FaultKind.CLOCK_STRETCH, probability=0.002),
        Fault(FaultKind.TIMEOUT, probability=0.001),
        Fault(FaultKind.BROWNOUT, probability=0.001),
        Fault(FaultKind.OVERFLOW, probability=0.002),
        rate=200,
        sampler=HOP,
    )
    rig.run(0.5)
    rig.run(300)
    health = rig.sampler.health()
    assert health.gaps > 5
    assert health.samples > 0.8 * 300 * 200
    assert_gaps_are_accounted_for_across_a_reset(rig)
    np.testing.assert_allclose(rig.values[:, 2], 1.0, atol=0.1)


def test_a_chip_that_stops_sampling_with_its_settings_intact_is_reset(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig(rate=50, sampler=HOP)
    rig.run(3)
    transfer = rig.bus.transfer
    resets: list[float] = []

    def hide_samples(address: int, write: bytes, read_length: int = 0) -> bytes:
        content = transfer(address, write, read_length)
        if write == b"\x6b\x80":
            resets.append(rig.time.monotonic())
        return b"\0\0" if write == b"\x72" and not resets else content

    monkeypatch.setattr(rig.bus, "transfer", hide_samples)
    rig.run(3)
    health = rig.sampler.health()
    assert (health.state, health.gaps, health.recoveries) == ("running", 1, 1)
    assert health.error is not None
    assert "no longer takes samples" in health.error
    assert_gaps_are_accounted_for_across_a_reset(rig)


def test_a_fifo_that_cannot_be_emptied_either_ends_in_a_reset() -> None:
    rig = Rig(rate=1000, sampler=HOP)
    rig.run(3)
    rig.time.advance(1.0)
    # The count still gets through, then nothing does for a while.
    rig.bus.faults.add(
        Fault(FaultKind.NACK, transfer=rig.bus.account.transfers + 1, transfers=6)
    )
    rig.run(3)
    health = rig.sampler.health()
    assert (health.state, health.gaps, health.recoveries) == ("running", 1, 1)
    assert_gaps_are_accounted_for_across_a_reset(rig)
