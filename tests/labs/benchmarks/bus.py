"""What reading the sensor costs: harpi, two drivers that poll, and the kernel's way.

All of them read one emulated chip at 400 kHz in virtual time. A host that is late is held up
for 50 ms once a second, as by a slow card: polling misses what was to be read meanwhile, a FIFO
keeps it for as long as it has room. The CPU time is that of the driver alone, without the
chip's.

The kernel's way is that of `inv_mpu_ring.c` in Linux: an interrupt for each sample, upon which
it reads the status, the count of the FIFO, and frame by frame what is in it. Its CPU time is
left out, since here it is played by Python. Waking for every sample, it may be late by nearly a
full FIFO; harpi fetches 29 samples at once at 1000 Hz, and may be 55 ms late until the rest of
the FIFO is full, 265 ms at 200 Hz, a second at 50 Hz.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from harpi.imu import registers as reg
from harpi.imu.bus import Bus
from harpi.imu.emulator import Playback
from harpi.imu.mpu6050 import Mpu6050
from harpi.imu.sampler import Sampler
from harpi.types import Samples
from tests.labs.benchmarks.effort import Effort
from tests.labs.benchmarks.table import Table
from tests.support.bench import ADDRESS, Bench
from tests.support.device import recording
from tests.support.foreign_drivers import adafruit, mpu6050_raspberrypi

RATES = (50, 200, 1000)
SECONDS = 60.0
FRAME_BITS = 12 * 9
"""A 12-byte FIFO frame on the wire: the physical bound for six 16-bit values."""
HELD_UP = 0.05
HELD_UP_EVERY = 1.0


def measure(effort: Effort) -> list[Table]:
    seconds = max(1.0, effort.seconds(SECONDS))
    table = Table(
        f"A second of signal at 400 kHz, from {seconds:.0f} s of virtual time",
        note="bound: the 108 bits of a frame of 12 bytes. lost: samples a second that were "
        "wanted and never read; late: with a host that is held up.",
    )
    for rate in RATES:
        for name, read in DRIVERS.items():
            host = _Host(rate, seconds)
            got = read(host)
            late = _Host(rate, seconds, held_up=HELD_UP)
            lost_late = late.lost(read(late))
            account = host.bench.bus.account
            table.add(
                driver=f"{rate} Hz: {name}",
                **{
                    "bus ms": 1000 * account.bits / host.bench.bus.scl_hz / seconds,
                    "x bound": account.bits / got / FRAME_BITS,
                    "transfers": account.transfers / seconds,
                    "CPU ms": "-" if name == KERNEL else 1000 * host.cpu / seconds,
                    "lost": host.lost(got) / seconds,
                    "lost, late": lost_late / seconds,
                },
            )
    return [table]


@dataclass
class Metered:
    """A bus that notes the CPU time of what is behind it."""

    bus: Bus
    cpu: float = 0.0

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        begin = time.thread_time()
        try:
            return self.bus.transfer(address, write, read_length)
        finally:
            self.cpu += time.thread_time() - begin

    def close(self) -> None:
        self.bus.close()


class _Host:
    """A computer with a chip, that is held up now and then."""

    def __init__(self, rate: int, seconds: float, held_up: float = 0.0) -> None:
        self.bench = Bench(Playback(recording()), seed=1)
        self.bus = Metered(self.bench.bus)
        self.rate = rate
        self.seconds = seconds
        self.cpu = 0.0
        """CPU seconds of the driver, once it has run."""
        self._held_up = held_up

    def lost(self, got: int) -> int:
        return max(0, round(self.rate * self.seconds) - got)

    def run(self, next_read: Callable[[], float], read: Callable[[], object]) -> None:
        """Read whenever it is due, as punctually as the host and the bus allow."""
        time_ = self.bench.time
        begin = time_.monotonic()
        holding = begin + HELD_UP_EVERY / 2
        started, chip = time.thread_time(), self.bus.cpu
        while (due := next_read()) < begin + self.seconds:
            now = time_.monotonic()
            time_.advance(max(0.0, due - now))
            if self._held_up and time_.monotonic() >= holding:
                time_.advance(self._held_up)
                holding += HELD_UP_EVERY
            read()
        self.cpu = time.thread_time() - started - (self.bus.cpu - chip)

    def poll(self, read: Callable[[], object]) -> int:
        """Read once in every period; a period in which there was no time is lost."""
        time_ = self.bench.time
        begin = time_.monotonic()
        reads, period = 0, -1

        def next_read() -> float:
            reached = int((time_.monotonic() - begin) * self.rate)
            return begin + max(reached, period + 1) / self.rate

        def count() -> None:
            nonlocal reads, period
            period = int((time_.monotonic() - begin) * self.rate + 1e-6)
            read()
            reads += 1

        self.run(next_read, count)
        return reads


def _harpi(host: _Host) -> int:
    got = 0

    def count(samples: Samples) -> None:
        nonlocal got
        got += len(samples)

    time_ = host.bench.time
    sampler = Sampler(Mpu6050(host.bus, time_, rate=host.rate), time_, count, hop_seconds=0.64)
    sampler.drain()
    _forget_start(host)
    host.run(lambda: sampler.next_drain, sampler.drain)
    # Those that the chip still holds are not lost.
    return max(got, round(host.rate * host.seconds) - sampler.health().lost)


def _adafruit(host: _Host) -> int:
    with adafruit(host.bus, host.bench.time) as driver:
        _forget_start(host)
        return host.poll(lambda: (driver.acceleration, driver.gyro))


def _raspberrypi(host: _Host) -> int:
    with mpu6050_raspberrypi(host.bus) as driver:
        _forget_start(host)
        return host.poll(lambda: (driver.get_accel_data(), driver.get_gyro_data()))


def _kernel(host: _Host) -> int:
    """Read as the kernel's driver does; see `inv_mpu6050_read`."""
    bench, chip, got = host.bench, host.bench.chip, 0
    bench.wake(divider=1000 // host.rate - 1)
    bench.start_fifo()
    _forget_start(host)

    def interrupt() -> float:
        """The moment of the next sample."""
        bench.time.advance(1e-9)
        return max(chip.latest_sample_time + chip.sample_period, bench.time.monotonic())

    def read() -> None:
        nonlocal got
        host.bus.transfer(ADDRESS, bytes([reg.INT_STATUS]), 1)
        filled = int.from_bytes(host.bus.transfer(ADDRESS, bytes([reg.FIFO_COUNT_H]), 2), "big")
        if filled >= 1024 - 3 * 12:
            bench.start_fifo()
            return
        for _ in range(filled // 12):
            host.bus.transfer(ADDRESS, bytes([reg.FIFO_R_W]), 12)
            got += 1

    host.run(interrupt, read)
    return got


def _forget_start(host: _Host) -> None:
    host.bench.bus.account = type(host.bench.bus.account)()


KERNEL = "the kernel's way"
DRIVERS: dict[str, Callable[[_Host], int]] = {
    "harpi": _harpi,
    "adafruit-circuitpython-mpu6050": _adafruit,
    "mpu6050-raspberrypi": _raspberrypi,
    KERNEL: _kernel,
}
