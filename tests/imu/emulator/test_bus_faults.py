from __future__ import annotations

import errno

import pytest

from harpi.errors import (
    BusBusy,
    BusFault,
    BusNotFound,
    BusPermissionDenied,
    BusTimeout,
    NoAcknowledge,
    SensorError,
)
from harpi.imu.emulator import Fault, FaultKind, FaultPlan
from tests.support.bench import Bench


@pytest.mark.parametrize(
    ("kind", "error", "number"),
    [
        (FaultKind.NACK, NoAcknowledge, errno.EREMOTEIO),
        (FaultKind.CLOCK_STRETCH, BusFault, errno.EIO),
        (FaultKind.TIMEOUT, BusTimeout, errno.ETIMEDOUT),
        (FaultKind.STUCK, BusTimeout, errno.ETIMEDOUT),
        (FaultKind.ABSENT, BusNotFound, errno.ENOENT),
        (FaultKind.DENIED, BusPermissionDenied, errno.EACCES),
        (FaultKind.BUSY, BusBusy, errno.EBUSY),
    ],
)
def test_a_fault_of_the_bus_is_the_error_of_a_real_bus(
    kind: FaultKind, error: type[SensorError], number: int
) -> None:
    bench = Bench(faults=FaultPlan(Fault(kind, transfer=1)))
    assert bench.read(0x75) == b"\x68"
    with pytest.raises(error) as caught:
        bench.read(0x75)
    assert caught.value.errno == number
    assert caught.value.remedy
    assert bench.bus.account.failed == 1


def outcomes(bench: Bench, count: int) -> str:
    """A dot for each transfer that succeeds, an x for each that fails."""
    result = ""
    for _ in range(count):
        try:
            bench.read(0x75)
            result += "."
        except SensorError:
            result += "x"
    return result


def test_a_fault_lasts_as_many_transfers_as_it_is_told() -> None:
    plan = FaultPlan(
        Fault(FaultKind.NACK, transfer=2, transfers=3), Fault(FaultKind.TIMEOUT, transfer=7)
    )
    assert outcomes(Bench(faults=plan), 10) == "..xxx..x.."


def test_a_fault_begins_at_its_time_and_lasts_its_seconds() -> None:
    bench = Bench(faults=FaultPlan(Fault(FaultKind.BUSY, at=1.0, seconds=0.5)))
    assert outcomes(bench, 3) == "..."
    bench.time.advance(1.0)
    assert outcomes(bench, 3) == "xxx"
    bench.time.advance(0.5)
    assert outcomes(bench, 3) == "..."


def test_random_faults_come_again_and_are_the_same_for_the_same_seed() -> None:
    def run(seed: int) -> str:
        plan = FaultPlan(Fault(FaultKind.NACK, probability=0.1), seed=seed)
        return outcomes(Bench(faults=plan), 1000)

    assert 60 < run(1).count("x") < 140
    assert run(1) == run(1)
    assert run(1) != run(2)


def test_faults_can_be_added_while_the_bus_runs() -> None:
    bench = Bench()
    assert outcomes(bench, 2) == ".."
    bench.bus.faults.add(Fault(FaultKind.NACK, transfer=0))
    assert outcomes(bench, 2) == "x."


def test_a_stuck_bus_times_out_until_it_is_freed() -> None:
    bench = Bench(faults=FaultPlan(Fault(FaultKind.STUCK, transfer=0)))
    began = bench.time.monotonic()
    assert outcomes(bench, 5) == "xxxxx"
    assert bench.time.monotonic() - began == pytest.approx(5 * 0.3)
    bench.bus.recover()
    assert outcomes(bench, 2) == ".."


def test_a_broken_off_read_has_eaten_half_of_the_fifo() -> None:
    bench = Bench()
    bench.wake(divider=9)
    bench.start_fifo()
    bench.time.advance(0.0405)
    bench.bus.faults.add(Fault(FaultKind.CLOCK_STRETCH, transfer=0))
    with pytest.raises(BusFault):
        bench.read(0x74, 36)
    assert bench.fifo_count() == 48 - 18


def test_a_brownout_lets_the_next_transfer_find_a_chip_asleep() -> None:
    bench = Bench(faults=FaultPlan(Fault(FaultKind.BROWNOUT, at=1.0)))
    bench.wake(divider=9)
    bench.time.advance(1.0)
    assert bench.read(0x6B) == b"\x40"
    assert bench.read(0x19) == b"\x00"
    bench.wake(divider=9)
    assert bench.read(0x19) == b"\x09"


def test_an_overflow_can_be_had_at_once() -> None:
    bench = Bench()
    bench.wake(divider=9)
    bench.start_fifo()
    bench.time.advance(0.1)
    bench.bus.faults.add(Fault(FaultKind.OVERFLOW, transfer=0))
    assert bench.fifo_count() == 1024
    assert bench.read(0x3A)[0] & 0x10


def test_the_id_can_be_corrupt_for_a_while() -> None:
    plan = FaultPlan(Fault(FaultKind.CORRUPT_ID, transfer=1, transfers=2, value=0xFF))
    bench = Bench(faults=plan)
    assert [bench.read(0x75)[0] for _ in range(4)] == [0x68, 0xFF, 0xFF, 0x68]


def test_a_frozen_chip_repeats_its_last_sample_everywhere() -> None:
    bench = Bench(faults=FaultPlan(Fault(FaultKind.FROZEN, at=1.0, seconds=1.0)))
    bench.wake(divider=9)
    bench.time.advance(1.0)
    frozen = bench.words().tolist()
    bench.start_fifo()
    bench.time.advance(0.5)
    assert bench.words().tolist() == frozen
    assert {tuple(frame) for frame in bench.frames().tolist()} == {
        tuple(frozen[:3] + frozen[4:])
    }
    bench.time.advance(0.6)
    bench.words()
    bench.time.advance(0.1)
    assert bench.words().tolist() != frozen


def test_the_clock_of_the_chip_can_go_wrong_on_the_way() -> None:
    plan = FaultPlan(Fault(FaultKind.CLOCK_ERROR, at=10.0, value=0.02))
    bench = Bench(faults=plan)
    bench.wake(divider=9)
    assert bench.chip.sample_period == pytest.approx(0.01)
    bench.time.advance(10.0)
    bench.read(0x75)
    before = bench.chip.samples
    bench.time.advance(100.0)
    bench.read(0x75)
    assert bench.chip.samples - before == pytest.approx(10_200, abs=1)


@pytest.mark.parametrize(
    "when", [{}, {"transfer": 1, "at": 2.0}, {"at": 1.0, "probability": 0.5}]
)
def test_a_fault_has_exactly_one_beginning(when: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        Fault(FaultKind.NACK, **when)  # type: ignore[arg-type]
