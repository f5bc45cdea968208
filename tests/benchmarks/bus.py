"""What a sample costs on the bus: harpi beside two drivers that poll, on one emulated chip."""

from __future__ import annotations

from collections.abc import Callable

from harpi.imu.emulator import Playback
from harpi.imu.mpu6050 import Mpu6050
from harpi.imu.sampler import Sampler
from harpi.types import Samples
from tests.benchmarks.table import Table
from tests.support.bench import Bench
from tests.support.device import recording
from tests.support.foreign_drivers import adafruit, mpu6050_raspberrypi

SECONDS = 60.0
FRAME_BITS = 12 * 9
"""A 12-byte FIFO frame on the wire: the physical bound for six 16-bit values."""


def measure() -> Table:
    table = Table(
        f"Bus time per sample at 400 kHz, {SECONDS:.0f} s of virtual time",
        note="bound: the 108 bits of a 12-byte FIFO frame; lost: samples the chip took "
        "and the driver never saw",
    )
    for rate in (50, 200, 1000):
        for name, run in (
            ("harpi", _harpi),
            ("adafruit-circuitpython-mpu6050", _adafruit),
            ("mpu6050-raspberrypi", _raspberrypi),
        ):
            bench = Bench(Playback(recording()), seed=1)
            got, lost = run(bench, rate)
            bits = bench.bus.account.bits / got
            table.add(
                driver=f"{name}, {rate} Hz",
                bits=bits,
                us=bits / 0.4,
                **{
                    "x bound": bits / FRAME_BITS,
                    "lost %": 100 * lost / (got + lost),
                },
            )
    return table


def _harpi(bench: Bench, rate: int) -> tuple[int, int]:
    got = 0

    def count(samples: Samples) -> None:
        nonlocal got
        got += len(samples)

    chip = Mpu6050(bench.bus, bench.time, rate=rate)
    sampler = Sampler(chip, bench.time, count, hop_seconds=0.64)
    sampler.drain()
    end = bench.time.monotonic() + SECONDS
    while sampler.next_drain < end:
        bench.time.advance(max(0.0, sampler.next_drain - bench.time.monotonic()))
        sampler.drain()
    return got, sampler.health().lost


def _adafruit(bench: Bench, rate: int) -> tuple[int, int]:
    with adafruit(bench.bus, bench.time) as driver:
        return _poll(bench, rate, lambda: (driver.acceleration, driver.gyro))


def _raspberrypi(bench: Bench, rate: int) -> tuple[int, int]:
    with mpu6050_raspberrypi(bench.bus) as driver:
        return _poll(bench, rate, lambda: (driver.get_accel_data(), driver.get_gyro_data()))


def _poll(bench: Bench, rate: int, read: Callable[[], object]) -> tuple[int, int]:
    """Read once per period, as punctually as the bus allows; a real host is never punctual."""
    begin = bench.time.monotonic()
    reads = 0
    while (now := bench.time.monotonic()) < begin + SECONDS:
        due = begin + reads / rate
        if due > now:
            bench.time.advance(due - now)
        read()
        reads += 1
    return reads, max(0, round(rate * SECONDS) - reads)
