"""A chip that sleeps while nothing moves, and is awake when something does."""

from __future__ import annotations

import numpy as np
import pytest

from harpi.imu.emulator import Fault, FaultKind
from harpi.imu.napping import MOVED_G, POLL_SECONDS
from tests.imu.rig import Rig
from tests.support.bench import Held

START_SECONDS = 0.2
"""Reset and start-up of the gyroscope."""


class Lying(Rig):
    """A rig whose chip lies still until a test moves it."""

    def __init__(self, *faults: Fault, awake: float = 3.0, **how: object) -> None:
        self.motion = Held(0, 0, 1, 0, 0, 0)
        self.busy = False
        super().__init__(
            *faults,
            motion=self.motion,
            sampler={"may_nap": lambda: not self.busy, **how},
        )
        self.run(awake)
        self.sampler.nap()

    @property
    def state(self) -> str:
        return self.sampler.health().state

    def fall_asleep(self) -> None:
        self.run(2.0)
        assert self.state == "asleep"


def test_it_sleeps_and_the_bus_is_quiet() -> None:
    rig = Lying()
    rig.fall_asleep()
    awake = len(rig.blocks)
    rig.bus.account.bits = rig.bus.account.transfers = 0
    rig.run(600.0)
    assert rig.state == "asleep"
    assert len(rig.blocks) == awake
    assert rig.bus.account.bits / 600 < 5650 / 12  # awake it is 5,650 bits a second
    assert rig.bus.account.transfers / 600 < 4


def test_the_chip_takes_five_samples_a_second() -> None:
    rig = Lying()
    rig.fall_asleep()
    before = rig.chip.samples
    rig.run(60.0)
    assert rig.chip.samples - before == pytest.approx(300, abs=5)


@pytest.mark.parametrize("axis", range(3))
def test_motion_wakes_it(axis: int) -> None:
    rig = Lying()
    rig.fall_asleep()
    rig.run(60.0)
    gravity = np.array([0.0, 0.0, 1.0])
    gravity[axis] += 0.12
    rig.motion.become(*gravity, 0, 0, 0)
    moved, blocks = rig.time.monotonic(), len(rig.blocks)
    rig.run(3.0)
    assert rig.state == "running"
    first = rig.blocks[blocks]
    assert first.gap
    assert (
        first.times[0] - moved < POLL_SECONDS + START_SECONDS + 0.2
    )  # of the chip's own sleep


def test_a_bump_between_two_looks_wakes_it() -> None:
    rig = Lying()
    rig.fall_asleep()
    rig.run(10.0)
    rig.run(max(0.0, rig.sampler.next_drain - rig.time.monotonic() - 0.001))
    rig.motion.become(0.3, 0, 1, 0, 0, 0)
    rig.time.advance(0.21)
    rig.bus.transfer(0x68, b"\x75", 1)  # time passes in the chip when somebody looks
    rig.motion.become(0, 0, 1, 0, 0, 0)
    rig.run(1.5)
    assert rig.state == "running"


def test_a_wish_that_came_late_does_not_send_it_to_sleep_again() -> None:
    rig = Lying()
    rig.fall_asleep()
    rig.sampler.nap()
    rig.motion.become(1, 0, 0, 0, 0, 0)
    rig.run(3.0)
    assert rig.state == "running"


def test_slow_drift_and_noise_do_not() -> None:
    rig = Lying()
    rig.fall_asleep()
    for step in range(100):
        rig.motion.become(0, 0, 1 + 0.0004 * step, 0, 0, 0)
        rig.run(5.0)
    assert rig.state == "asleep"
    assert MOVED_G > 0.04


def test_nothing_counts_as_lost() -> None:
    rig = Lying()
    rig.fall_asleep()
    rig.run(60.0)
    rig.motion.become(1, 0, 0, 0, 0, 0)
    rig.run(20.0)
    health = rig.sampler.health()
    assert (health.lost, health.gaps, health.recoveries, health.faults) == (0, 0, 0, 0)
    assert health.rate == pytest.approx(50, rel=0.01)
    assert np.abs(rig.time_errors()[-500:]).max() < 1e-3


def test_whoever_records_is_not_slept_through() -> None:
    rig = Lying()
    rig.fall_asleep()
    rig.busy = True
    began, blocks = rig.time.monotonic(), len(rig.blocks)
    rig.run(2.0)
    assert rig.state == "running"
    assert rig.blocks[blocks].times[0] - began < 0.6  # seconds next to a press, never learnt


def test_while_somebody_records_it_does_not_fall_asleep() -> None:
    rig = Lying()
    rig.busy = True
    rig.run(5.0)
    assert rig.state == "running"
    assert not any(rig.gaps)


def test_the_watchdog_sees_that_it_is_looked_at() -> None:
    rig = Lying()
    rig.fall_asleep()
    seen = {rig.sampler.health().last_read}
    for _ in range(10):
        rig.run(1.0)
        seen.add(rig.sampler.health().last_read)
    assert len(seen) == 11


@pytest.mark.parametrize(
    "kind", [FaultKind.BROWNOUT, FaultKind.STUCK, FaultKind.FROZEN, FaultKind.TIMEOUT]
)
def test_a_fault_in_its_sleep_is_recovered_from(kind: FaultKind) -> None:
    rig = Lying(Fault(kind, at=120.0, seconds=20.0))
    rig.fall_asleep()
    rig.run(60.0)
    assert rig.state == "running"
    assert rig.sampler.health().rate == pytest.approx(50, rel=0.05)
    rig.sampler.nap()
    rig.fall_asleep()


def test_a_missing_acknowledge_now_and_then_disturbs_nobody() -> None:
    rig = Lying(Fault(FaultKind.NACK, probability=0.05))
    rig.fall_asleep()
    rig.run(60.0)
    assert rig.state == "asleep"


def test_a_relative_of_the_chip_stays_awake() -> None:
    rig = Rig(who_am_i=0x70)
    rig.run(2.0)
    rig.sampler.nap()
    rig.run(5.0)
    assert rig.sampler.health().state == "running"
