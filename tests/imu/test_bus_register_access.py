from __future__ import annotations

import pytest

from harpi.errors import BusFault, BusTimeout, NoAcknowledge, SensorError
from harpi.imu.bus import RegisterAccess
from harpi.imu.emulator import VirtualTime
from tests.support.bench import Bench


class FailingBus:
    """Fails as often as it is told, then works; every transfer takes 1 ms."""

    def __init__(self, time: VirtualTime, *failures: SensorError) -> None:
        self.time = time
        self.failures = list(failures)
        self.transfers: list[tuple[bytes, int]] = []

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        self.time.advance(0.001)
        self.transfers.append((write, read_length))
        if self.failures:
            raise self.failures.pop(0)
        return bytes(range(read_length))

    def close(self) -> None:
        pass


def access(*failures: SensorError) -> tuple[RegisterAccess, FailingBus]:
    time = VirtualTime(5.0)
    bus = FailingBus(time, *failures)
    return RegisterAccess(bus, time, 0x68), bus


@pytest.mark.parametrize("kind", [NoAcknowledge, BusFault])
def test_what_fails_twice_is_tried_three_times(kind: type[SensorError]) -> None:
    registers, bus = access(kind("failed"), kind("failed"))
    assert registers.read(0x3B, 4) == b"\0\1\2\3"
    assert bus.transfers == [(b"\x3b", 4)] * 3
    assert registers.retries == 2


def test_what_fails_three_times_is_given_up() -> None:
    registers, bus = access(*[NoAcknowledge("failed")] * 5)
    with pytest.raises(NoAcknowledge):
        registers.write(0x6B, 0x01)
    assert len(bus.transfers) == 3


def test_a_time_out_is_not_repeated() -> None:
    registers, bus = access(BusTimeout("stuck"))
    with pytest.raises(BusTimeout):
        registers.read(0x75)
    assert len(bus.transfers) == 1


def test_a_burst_that_broke_off_is_not_repeated() -> None:
    registers, bus = access(BusFault("broke off"))
    with pytest.raises(BusFault):
        registers.pop(0x74, 120)
    assert len(bus.transfers) == 1


def test_a_burst_that_never_began_is_repeated() -> None:
    registers, _ = access(NoAcknowledge("nobody"))
    assert len(registers.pop(0x74, 120)) == 120


def test_the_time_of_a_read_is_that_of_the_attempt_that_worked() -> None:
    registers, _ = access(NoAcknowledge("nobody"))
    read = registers.timed_read(0x72, 2)
    assert read.before == pytest.approx(5.002)  # one transfer, one pause
    assert read.after == pytest.approx(5.003)


def test_all_transfers_count_as_bus_time() -> None:
    registers, _ = access(NoAcknowledge("nobody"))
    registers.read(0x75)
    registers.write(0x6B, 0x01)
    assert registers.bus_seconds == pytest.approx(0.003)


def test_registers_that_follow_each_other_go_in_one_transfer() -> None:
    registers, bus = access()
    registers.write_all({0x1B: 3, 0x19: 1, 0x1A: 2, 0x6B: 4})
    assert [write for write, _ in bus.transfers] == [b"\x19\x01\x02\x03", b"\x6b\x04"]


def test_differences_name_register_wanted_and_found() -> None:
    registers, bus = access()
    assert registers.differences({0x19: 0, 0x1A: 1, 0x1B: 9, 0x6B: 0}) == {0x1B: (9, 2)}
    assert bus.transfers == [(b"\x19", 3), (b"\x6b", 1)]


@pytest.mark.parametrize("scl_hz", [62_500, 100_000, 400_000])
def test_long_reads_show_the_clock_of_the_bus(scl_hz: int) -> None:
    bench = Bench(scl_hz=scl_hz)
    registers = RegisterAccess(bench.bus, bench.time, 0x68)
    registers.read(0x3B, 14)
    assert registers.bus_hertz is None
    registers.read(0x00, 100)
    assert registers.bus_hertz == pytest.approx(scl_hz, rel=0.001)


def test_a_clock_that_falls_is_noticed() -> None:
    bench = Bench(scl_hz=400_000)
    registers = RegisterAccess(bench.bus, bench.time, 0x68)
    registers.read(0x00, 100)
    bench.bus.scl_hz = 250_000
    for _ in range(20):
        registers.read(0x00, 100)
    assert registers.bus_hertz == pytest.approx(250_000, rel=0.001)
