from __future__ import annotations

import threading
import time as clock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.errors import NoAcknowledge
from harpi.imu.emulator import Account, Chip, EmulatedBus, Still, wire_bits
from harpi.timebase import SystemTime
from tests.support.bench import Bench


@given(st.integers(1, 1024))
def test_a_register_read_costs_thirty_bits_and_nine_a_byte(length: int) -> None:
    assert wire_bits(1, length) == 30 + 9 * length


def test_a_write_and_a_bare_read_cost_one_address() -> None:
    assert wire_bits(2, 0) == 1 + 9 * 3 + 1
    assert wire_bits(0, 4) == 1 + 9 * 5 + 1


@pytest.mark.parametrize(
    ("scl_hz", "burst", "bytewise", "blocks", "fifo"),
    [(400_000, 2564, 641, 2721, 3575), (100_000, 641, 160, 680, 894)],
)
def test_the_ways_to_read_cost_what_arithmetic_says(
    scl_hz: int, burst: int, bytewise: int, blocks: int, fifo: int
) -> None:
    """Samples per second that each way could fetch at most."""
    bench = Bench(scl_hz=scl_hz)
    bench.wake()

    def cost(*reads: tuple[int, int], samples: int = 1) -> int:
        bench.bus.account = Account()
        began = bench.time.monotonic()
        for register, length in reads:
            bench.read(register, length)
        assert bench.time.monotonic() - began == pytest.approx(bench.bus.seconds)
        return round(samples / bench.bus.seconds)

    assert cost((0x3B, 14)) == burst
    assert cost(*[(0x3B, 1)] * 16) == bytewise
    assert cost((0x72, 2), (0x74, 24), samples=2) == blocks
    assert cost((0x72, 2), (0x74, 240), samples=20) == fifo


def test_the_account_counts_what_went_over_the_wire() -> None:
    bench = Bench()
    bench.write(0x19, 1, 2)
    bench.read(0x75)
    assert bench.bus.account == Account(transfers=2, bits=38 + 39, written=4, read=1)


def test_samples_come_in_while_a_transfer_lasts() -> None:
    bench = Bench(scl_hz=100_000)
    bench.wake()
    bench.read(0x75)
    before = bench.chip.samples
    bench.read(0x3B, 111)  # 10.3 ms
    bench.read(0x75)
    assert bench.chip.samples - before == pytest.approx(10, abs=1)


def test_the_count_is_latched_when_it_is_read_not_when_the_transfer_ends() -> None:
    bench = Bench(scl_hz=10_000)  # a count takes 4.8 ms, of which 2.9 ms until its first bit
    bench.wake()
    bench.start_fifo()
    began = bench.time.monotonic()
    behind = bench.chip.samples
    count = bench.fifo_count() // 12
    waited = began + 2.9e-3 - bench.chip.latest_sample_time
    assert bench.chip.samples - behind <= 3
    assert 0 <= waited < 1.1e-3
    assert count <= 8


def test_nobody_answers_at_another_address() -> None:
    bench = Bench()
    with pytest.raises(NoAcknowledge, match="0x69") as caught:
        bench.bus.transfer(0x69, b"\x75", 1)
    assert caught.value.errno == 121
    assert bench.bus.account == Account(transfers=1, failed=1, bits=11)


def test_two_chips_share_a_bus() -> None:
    bench = Bench()
    other = Chip(Still(), bench.time, who_am_i=0x70)
    bus = EmulatedBus({0x68: bench.chip, 0x69: other}, bench.time)
    assert bus.transfer(0x68, b"\x75", 1) == b"\x68"
    assert bus.transfer(0x69, b"\x75", 1) == b"\x70"


def test_a_probe_without_bytes_is_acknowledged() -> None:
    assert Bench().bus.transfer(0x68, b"") == b""


def test_closing_twice_is_harmless() -> None:
    bench = Bench()
    bench.bus.close()
    bench.bus.close()


def test_on_real_time_a_transfer_takes_real_time() -> None:
    time = SystemTime()
    bus = EmulatedBus({0x68: Chip(Still(), time)}, time, scl_hz=10_000)
    bus.transfer(0x68, b"\x6b\x01")
    began = clock.monotonic()
    bus.transfer(0x68, b"\x3b", 14)
    assert clock.monotonic() - began >= 156 / 10_000 * 0.99


def test_transfers_of_several_threads_do_not_mix() -> None:
    bench = Bench()
    answers = set()

    def ask() -> None:
        for _ in range(300):
            answers.add((bench.read(0x75), bench.read(0x6B)))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {(b"\x68", b"\x40")}
    assert bench.bus.account.transfers == 2400
