"""The chip at its registers, as RM-MPU-6000A r4.2 describes it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.imu.emulator.registers import WRITABLE
from harpi.types import FloatArray, TimeArray
from tests.support.bench import Bench, Held


class Ramp:
    """A motion that tells its time: ax rises by 1 mg in 4 ms, and so does gx by deg/s."""

    revision = 0

    def values(self, times: TimeArray) -> FloatArray:
        values = np.zeros((len(times), 6), np.float32)
        values[:, 0] = 0.25 * times
        values[:, 3] = 10.0 * times
        return values


# --- reset, sleep and power ---------------------------------------------------------------


def test_after_power_up_it_sleeps_with_zeroed_registers() -> None:
    bench = Bench()
    assert bench.read(0x6B) == b"\x40"
    assert bench.read(0x75) == b"\x68"
    assert bench.read(0x13, 0x75 - 0x13) == bytes(0x6B - 0x13) + b"\x40" + bytes(0x75 - 0x6C)


@given(
    st.sampled_from(sorted(WRITABLE - {0x68, 0x6A, 0x6B, 0x6C, 0x3A, 0x74})),
    st.integers(0, 255),
)
def test_configuration_registers_keep_what_is_written(register: int, value: int) -> None:
    bench = Bench()
    bench.write(register, value)
    assert bench.read(register) == bytes([value])


@pytest.mark.parametrize("register", [0x0D, 0x10, 0x3A, 0x3B, 0x48, 0x72, 0x73, 0x75])
def test_read_only_registers_cannot_be_written(register: int) -> None:
    bench = Bench()
    before = bench.read(register)
    bench.write(register, ~before[0] & 0xFF)
    assert bench.read(register) == before


def test_a_device_reset_takes_its_time_and_forgets_what_is_written_meanwhile() -> None:
    bench = Bench()
    bench.wake(divider=19)
    bench.write(0x6C, 0x3F)
    bench.write(0x6B, 0x80)
    assert bench.read(0x6B) == b"\xc0"
    bench.write(0x19, 7)
    bench.time.advance(0.1)
    assert bench.read(0x6B) == b"\x40"
    assert bench.read(0x19) == b"\x00"
    assert bench.read(0x6C) == b"\x00"
    assert bench.words().tolist() == [0] * 7


def test_it_takes_no_samples_while_asleep() -> None:
    bench = Bench()
    bench.wake()
    bench.write(0x6B, 0x41)
    before, taken = bench.words().tolist(), bench.chip.samples
    bench.time.advance(1.0)
    assert bench.words().tolist() == before
    assert bench.chip.samples == taken


def test_a_stopped_clock_stops_the_samples() -> None:
    bench = Bench()
    bench.wake()
    bench.write(0x6B, 0x07)
    assert not bench.chip.sampling


def test_a_brownout_puts_it_to_sleep_unconfigured_and_it_still_answers() -> None:
    bench = Bench()
    bench.wake(divider=9)
    bench.start_fifo()
    bench.time.advance(0.1)
    bench.chip.power_cycle(bench.time.monotonic())
    assert bench.read(0x6B) == b"\x40"
    assert bench.read(0x19) == b"\x00"
    assert bench.fifo_count() == 0
    assert bench.words().tolist() == [0] * 7


def test_standby_axes_keep_their_last_value() -> None:
    bench = Bench(Ramp(), noise=False)
    bench.wake()
    before = bench.words()
    bench.write(0x6C, 0x20 | 0x04)  # x of the accelerometer, x of the gyroscope
    frozen = bench.words()
    bench.time.advance(1.0)
    after = bench.words()
    assert after[[0, 4]].tolist() == frozen[[0, 4]].tolist()
    bench.write(0x6C, 0)
    bench.time.advance(0.1)
    assert (bench.words()[[0, 4]] > before[[0, 4]] + 200).all()


def test_a_disabled_temperature_sensor_keeps_its_last_value() -> None:
    bench = Bench(temperature=25.0)
    bench.wake()
    before = bench.words()[3]
    bench.write(0x6B, 0x09)
    bench.chip.set_temperature(60.0, bench.time.monotonic())
    bench.time.advance(0.1)
    assert bench.words()[3] == before


@pytest.mark.parametrize(("wake", "hertz"), list(enumerate([1.25, 5.0, 20.0, 40.0])))
def test_cycle_mode_samples_the_accelerometer_alone(wake: int, hertz: float) -> None:
    bench = Bench(Ramp(), noise=False)
    bench.wake()
    bench.write(0x6C, wake << 6 | 0x07)
    bench.write(0x6B, 0x21)
    gyro, taken = bench.words()[4:].tolist(), bench.chip.samples
    bench.time.advance(8.0)
    assert bench.words()[4:].tolist() == gyro
    assert bench.chip.samples - taken == pytest.approx(8.0 * hertz, abs=1)
    assert bench.words()[0] > 0.25 * 7 * 16384 / 4


# --- samples ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dlpf", "divider", "hertz"),
    [(1, 0, 1000.0), (3, 19, 50.0), (6, 255, 1000 / 256), (0, 0, 8000.0), (7, 159, 50.0)],
)
def test_filter_and_divider_set_the_rate(dlpf: int, divider: int, hertz: float) -> None:
    bench = Bench()
    bench.wake(dlpf=dlpf, divider=divider)
    bench.read(0x75)
    before = bench.chip.samples
    bench.time.advance(10.0)
    bench.read(0x75)
    assert bench.chip.samples - before == pytest.approx(10.0 * hertz, rel=1e-3, abs=1)


@pytest.mark.parametrize("error", [-0.03, 0.0, 0.02])
def test_the_chip_counts_by_its_own_clock(error: float) -> None:
    bench = Bench(clock_error=error)
    bench.wake(divider=4)
    assert bench.chip.sample_period == pytest.approx(1 / (200.0 * (1.0 + error)))
    bench.time.advance(100.0)
    bench.read(0x75)
    before = bench.chip.samples
    bench.time.advance(100.0)
    bench.read(0x75)
    assert bench.chip.samples - before == pytest.approx(20_000 * (1.0 + error), abs=1)


def test_the_clock_can_be_set_wrong_before_the_chip_wakes() -> None:
    bench = Bench()
    bench.chip.set_clock_error(0.01, 0.0)
    bench.wake(divider=9)
    assert bench.chip.sample_period == pytest.approx(0.01 / 1.01)


def test_a_sample_shows_the_motion_of_its_moment_less_the_delay_of_the_filter() -> None:
    bench = Bench(Ramp(), noise=False, clock_error=0.02)
    bench.wake(dlpf=3, divider=99)
    bench.time.advance(2.0)
    words, moment = bench.words(), bench.chip.latest_sample_time
    assert words[0] / 16384 / 0.25 == pytest.approx(moment - 4.9e-3, abs=2e-3 / 4)
    assert words[4] / 131 / 10.0 == pytest.approx(moment - 4.8e-3, abs=1e-3)


@pytest.mark.parametrize("select", range(4))
def test_words_are_rounded_and_saturate_at_the_range(select: int) -> None:
    accel, gyro = 16384 / 2**select, (131, 65.5, 32.8, 16.4)[select]
    bench = Bench(Held(1.23456, -99.0, 99.0, 123.456, -9999.0, 9999.0), noise=False)
    bench.wake(accel=select << 3, gyro=select << 3)
    words = bench.words()
    assert words[:3].tolist() == [round(1.23456 * accel), -32768, 32767]
    assert words[4:].tolist() == [round(123.456 * gyro), -32768, 32767]


@pytest.mark.parametrize(("dlpf", "hertz"), [(2, 94.0), (4, 21.0), (6, 5.0)])
def test_noise_is_that_of_the_data_sheet_in_the_band_of_the_filter(
    dlpf: int, hertz: float
) -> None:
    bench = Bench(seed=3)
    bench.wake(dlpf=dlpf, divider=9, accel=0)
    bench.start_fifo()
    frames = []
    for _ in range(200):
        bench.time.advance(0.5)
        frames.append(bench.frames())
    deviation = np.vstack(frames).std(axis=0)
    band = np.sqrt(hertz * np.pi / 2)  # of noise through one pole
    assert deviation[:3] / 16384 == pytest.approx(400e-6 * band, rel=0.15)
    assert deviation[3:] / 131 == pytest.approx(0.005 * band, rel=0.15)


def test_the_same_seed_is_the_same_chip() -> None:
    def frames(seed: int) -> list[list[int]]:
        bench = Bench(seed=seed)
        bench.wake()
        bench.start_fifo()
        bench.time.advance(0.05)
        return bench.frames().tolist()

    assert frames(5) == frames(5)
    assert frames(5) != frames(6)


def test_how_often_it_is_looked_at_does_not_change_what_it_measures() -> None:
    def frames(looks: int) -> np.ndarray:
        bench = Bench(Ramp(), seed=9)
        bench.wake(dlpf=2, divider=3, settle=0.3)
        start = bench.time.monotonic()
        bench.start_fifo()
        for look in range(looks):
            bench.time.advance(start + 0.2 * (look + 1) / looks - bench.time.monotonic())
            bench.bus.transfer(0x68, b"\x75", 1)
        return bench.frames()

    few, many = frames(1), frames(97)
    assert few[:40].tolist() == many[:40].tolist()


def test_the_gyroscope_needs_thirty_milliseconds_to_start() -> None:
    bench = Bench(noise=False)
    bench.write(0x6B, 0x01)
    bench.write(0x1A, 0x01)
    bench.time.advance(0.005)
    assert abs(bench.words()[4]) > 10 * 131
    bench.time.advance(0.03)
    assert abs(bench.words()[4]) < 1 * 131


def test_a_turn_of_the_strap_shows_at_once() -> None:
    bench = Bench(motion := Held(0.0, 0.0, 1.0, 0.0, 0.0, 0.0), noise=False)
    bench.wake(dlpf=3, divider=19)
    assert bench.words()[:3].tolist() == [0, 0, 16384]
    motion.become(1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    bench.time.advance(0.06)
    assert bench.words()[:3] == pytest.approx([16384, 0, 0], abs=20)


@given(st.lists(st.tuples(st.floats(0.001, 0.5), st.sampled_from([0, 1, 2, 3])), max_size=6))
def test_a_change_of_range_leaves_the_filter_as_it_is(changes: list[tuple[float, int]]) -> None:
    bench = Bench(Ramp(), noise=False)
    bench.wake(dlpf=5, divider=9)
    for pause, select in changes:
        bench.write(0x1C, select << 3)
        bench.time.advance(pause)
    bench.write(0x1C, 0)
    bench.time.advance(0.01)
    words = bench.words()
    expected = 0.25 * (bench.chip.latest_sample_time - 15.9e-3)
    assert words[0] / 16384 == pytest.approx(expected, abs=2e-4)


def test_a_chip_that_nobody_looked_at_is_found_in_the_present() -> None:
    bench = Bench(Ramp(), noise=False)
    bench.wake(accel=0x18, gyro=0x18)
    bench.start_fifo()
    bench.time.advance(20.0)
    frames = bench.frames()
    assert bench.read(0x3A)[0] & 0x10
    assert frames.shape == (85, 6)
    latest = bench.chip.latest_sample_time
    assert bench.words()[0] / 2048 / 0.25 == pytest.approx(latest - 2e-3, abs=2e-3)


# --- reading ------------------------------------------------------------------------------


def test_a_burst_is_of_one_moment_and_single_bytes_tear() -> None:
    class Steps(Held):
        """Jumps between two values whose bytes all differ, once every millisecond."""

        def values(self, times: TimeArray) -> FloatArray:
            odd = np.floor(times * 1000.0) % 2
            return np.tile((0.5 + odd * 0.75)[:, None], 6).astype(np.float32)

    bench = Bench(Steps(), noise=False, scl_hz=100_000)
    bench.wake(dlpf=0, divider=7)
    bursts = {tuple(np.frombuffer(bench.read(0x3B, 6), ">i2").tolist()) for _ in range(200)}
    assert all(len(set(burst)) == 1 for burst in bursts)
    torn = 0
    for _ in range(200):
        values = [bench.read(0x3B + 2 * axis, 2) for axis in range(3)]
        torn += len(set(values)) > 1
    assert torn > 20


def test_the_register_number_goes_up_by_itself_and_stays_between_transfers() -> None:
    bench = Bench()
    bench.write(0x19, 1, 2, 3, 4)
    assert bench.read(0x19, 4) == b"\x01\x02\x03\x04"
    bench.bus.transfer(0x68, b"\x1a")
    assert bench.bus.transfer(0x68, b"", 2) == b"\x02\x03"
    assert bench.bus.transfer(0x68, b"", 1) == b"\x04"


def test_data_ready_is_cleared_by_reading() -> None:
    bench = Bench()
    bench.wake(divider=99)
    assert bench.read(0x3A)[0] & 0x01
    assert not bench.read(0x3A)[0] & 0x01
    bench.time.advance(0.1)
    assert bench.read(0x3A)[0] & 0x01


def test_any_read_clears_the_status_where_that_is_asked_for() -> None:
    bench = Bench()
    bench.wake(divider=99)
    bench.write(0x37, 0x10)
    bench.time.advance(0.1)
    bench.read(0x3B)
    assert bench.read(0x3A) == b"\x00"


# --- FIFO ---------------------------------------------------------------------------------

SOURCES = {0x08: [0, 1, 2], 0x80: [3], 0x40: [4], 0x20: [5], 0x10: [6]}


@pytest.mark.parametrize("sources", [0x78, 0xF8, 0x08, 0x70, 0x80, 0x28, 0x90])
def test_frames_hold_the_chosen_sensors_in_the_order_of_their_registers(sources: int) -> None:
    bench = Bench(Held(0.1, 0.2, 0.3, 10.0, 20.0, 30.0), noise=False, temperature=40.0)
    bench.wake(divider=9)
    bench.start_fifo(sources)
    bench.time.advance(0.035)
    words = bench.words().tolist()
    chosen = [words[k] for bit, columns in SOURCES.items() if sources & bit for k in columns]
    assert bench.frames(len(chosen)).tolist() == [chosen] * 3


def test_the_count_stands_still_until_its_high_byte_is_read() -> None:
    bench = Bench()
    bench.wake(divider=9)
    bench.start_fifo()
    bench.time.advance(0.0305)
    assert bench.read(0x72) == b"\x00"
    bench.time.advance(0.1)
    assert bench.read(0x73) == bytes([3 * 12])
    assert bench.fifo_count() == 13 * 12


def test_an_empty_fifo_repeats_its_last_byte() -> None:
    bench = Bench(Held(0.0, 0.0, 0.0, 0.0, 0.0, 17 / 131), noise=False)
    bench.wake(divider=99)
    bench.start_fifo()
    bench.time.advance(0.15)
    assert bench.read(0x74, 15) == bytes(11) + bytes([17] * 4)


def test_an_overflow_drops_the_oldest_bytes_and_is_flagged_once() -> None:
    bench = Bench(Ramp(), noise=False)
    bench.wake()
    bench.start_fifo()
    bench.time.advance(0.0855)
    assert bench.fifo_count() == 85 * 12
    assert not bench.read(0x3A)[0] & 0x10
    bench.time.advance(0.05)
    assert bench.fifo_count() == 1024
    assert bench.read(0x3A)[0] & 0x10
    content = bench.read(0x74, 1024)
    in_step = np.frombuffer(content[4:], ">i2").reshape(-1, 6)
    assert (np.diff(in_step[:, 0]) >= 0).all()
    assert in_step[:, 1].tolist() == [0] * 85


def test_bytes_that_arrive_during_a_long_read_are_read_by_it() -> None:
    bench = Bench(Ramp(), noise=False, scl_hz=100_000)
    bench.wake()
    bench.start_fifo()
    bench.time.advance(0.0205)
    content = bench.read(0x74, 24 * 12)  # 26 ms: another 26 frames come in meanwhile
    ramp = np.frombuffer(content, ">i2").reshape(-1, 6)[:, 0].astype(int)
    assert (np.diff(ramp) > 0).all()


def test_a_slow_reader_of_a_full_fifo_loses_bytes_while_reading() -> None:
    bench = Bench(Ramp(), noise=False, scl_hz=62_500)  # 6.9 bytes per ms out, 12 in
    bench.wake()
    bench.start_fifo()
    bench.time.advance(0.084)
    assert not bench.read(0x3A)[0] & 0x10
    bench.read(0x74, 480)
    assert bench.read(0x3A)[0] & 0x10


def test_the_fifo_is_reset_only_by_a_write_that_leaves_it_disabled() -> None:
    bench = Bench()
    bench.wake()
    bench.start_fifo()
    bench.time.advance(0.01)
    bench.write(0x6A, 0x44)
    assert bench.fifo_count() > 0
    bench.write(0x6A, 0x04)
    assert bench.fifo_count() == 0
    assert bench.read(0x6A) == b"\x00"


def test_a_disabled_fifo_takes_nothing_and_gives_nothing() -> None:
    bench = Bench()
    bench.wake(divider=9)
    bench.start_fifo()
    bench.time.advance(0.0205)
    bench.write(0x6A, 0x00)
    bench.time.advance(0.1)
    bench.read(0x74, 24)
    assert bench.fifo_count() == 24


def test_bytes_written_to_the_fifo_come_out_again() -> None:
    bench = Bench()
    bench.write(0x6A, 0x40)
    bench.write(0x74, 1, 2, 3)
    assert bench.fifo_count() == 3
    assert bench.read(0x74, 3) == b"\x01\x02\x03"


def test_a_reset_of_the_signal_paths_clears_the_sensor_registers_where_asked() -> None:
    bench = Bench(Held(1.0, 1.0, 1.0, 1.0, 1.0, 1.0), noise=False)
    bench.wake(divider=99)
    bench.write(0x68, 0x07)
    assert bench.read(0x68) == b"\x00"
    assert bench.words()[0] == 16384
    bench.write(0x6A, 0x01)
    assert bench.words().tolist() == [0] * 7
    bench.time.advance(0.11)
    assert bench.words()[0] == 16384
