from __future__ import annotations

import logging
import struct
from collections.abc import Callable

import numpy as np
import pytest

from harpi.errors import (
    ChipNotConfigured,
    ConfigError,
    FifoOverflow,
    NoAcknowledge,
    WrongChip,
)
from harpi.imu.chip import identify
from harpi.imu.emulator import Fault, FaultKind, VirtualTime
from harpi.imu.mpu6050 import Mpu6050
from tests.imu.rig import BEGIN, Rig


class RegisterBus:
    """Registers that keep what is written, a FIFO, and a hook before every transfer."""

    def __init__(self, who_am_i: int = 0x68) -> None:
        self.registers = bytearray(128)
        self.registers[0x75] = who_am_i
        self.registers[0x6B] = 0x40
        self.fifo = bytearray()
        self.writes: list[bytes] = []
        self.before_transfer: Callable[[bytes, int], None] = lambda write, length: None

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        self.before_transfer(write, read_length)
        register, values = write[0], write[1:]
        if values:
            self.writes.append(write)
            if (register, values) == (0x6B, b"\x80"):
                self.registers[1:0x6D] = bytes(0x6C)
            elif (register, values) == (0x6A, b"\x04"):
                self.fifo.clear()
            else:
                self.registers[register : register + len(values)] = values
        if register == 0x74:
            content = bytes(self.fifo[:read_length])
            del self.fifo[:read_length]
            return content
        self.registers[0x72:0x74] = len(self.fifo).to_bytes(2, "big")
        content = bytes(self.registers[register : register + read_length])
        if register == 0x3A and read_length:
            self.registers[0x3A] = 0
        return content

    def close(self) -> None:
        pass


def started(bus: RegisterBus, **settings: int) -> Mpu6050:
    chip = Mpu6050(bus, VirtualTime(), **settings)
    chip.start()
    return chip


def frame(*words: int) -> bytes:
    return struct.pack(f">{len(words)}h", *words)


# --- start -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "registers"),
    [
        ({"rate": 50}, b"\x13\x04\x10\x10"),
        ({"rate": 1000, "accel_range": 2, "gyro_range": 250}, b"\x00\x01\x00\x00"),
        ({"rate": 25, "accel_range": 16, "gyro_range": 2000}, b"\x27\x05\x18\x18"),
        ({"rate": 500, "dlpf": 0, "accel_range": 4, "gyro_range": 500}, b"\x0f\x00\x08\x08"),
    ],
)
def test_settings_reach_their_registers(settings: dict[str, int], registers: bytes) -> None:
    bus = RegisterBus()
    started(bus, **settings)
    assert bus.registers[0x19:0x1D] == registers
    assert bus.registers[0x23] == 0x78
    assert bus.registers[0x6A:0x6D] == b"\x40\x01\x00"


def test_start_resets_first_and_waits_for_chip_and_gyro() -> None:
    rig = Rig()
    rig.driver.start()
    assert 0.16 <= rig.time.monotonic() - BEGIN < 0.17


@pytest.mark.parametrize(
    "left_over", [(0x6B, 0x40), (0x6B, 0x28), (0x6C, 0xFF), (0x6A, 0x40), (0x23, 0xF8)]
)
def test_a_chip_that_another_program_left_behind_is_reset_fully(
    left_over: tuple[int, int],
) -> None:
    rig = Rig()
    rig.bus.transfer(0x68, bytes([0x6B, 0x00]))
    rig.bus.transfer(0x68, bytes(left_over))
    rig.driver.start()
    rig.time.advance(1.0)

    assert len(rig.driver.read().values) == 50


@pytest.mark.parametrize("register", [0x19, 0x1A, 0x1B, 0x1C, 0x23, 0x38, 0x6A, 0x6C])
def test_a_register_that_does_not_keep_its_contents_stops_the_start(register: int) -> None:
    bus = RegisterBus()

    def forget(write: bytes, read_length: int) -> None:
        if read_length:
            bus.registers[register] = 0x55

    bus.before_transfer = forget
    with pytest.raises(ChipNotConfigured, match=f"0x{register:02X}"):
        started(bus)


def test_a_chip_that_stays_asleep_says_so() -> None:
    rig = Rig(Fault(FaultKind.BROWNOUT, at=BEGIN + 0.12))
    with pytest.raises(ChipNotConfigured, match="fell asleep"):
        rig.driver.start()


# --- what answers ----------------------------------------------------------------------


@pytest.mark.parametrize("who_am_i", [0x12, 0x69, 0x70, 0x71, 0x72, 0x73, 0x75, 0x78, 0x98])
def test_clones_are_named_warned_about_and_used(
    who_am_i: int, caplog: pytest.LogCaptureFixture
) -> None:
    rig = Rig(who_am_i=who_am_i)
    with caplog.at_level(logging.WARNING):
        rig.driver.start()
    rig.time.advance(0.5)

    batch = rig.driver.read()
    identity = identify(who_am_i)
    assert identity is not None
    assert rig.driver.identity == identity
    assert identity.name in caplog.text
    np.testing.assert_allclose(batch.values[5:].mean(axis=0), [0, 0, 1, 0, 0, 0], atol=0.1)
    assert rig.driver.temperature() == pytest.approx(25.0, abs=0.5)


def test_the_genuine_chip_is_not_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    Rig().driver.start()
    assert not caplog.records


@pytest.mark.parametrize("who_am_i", [0x00, 0xFF])
def test_what_cannot_be_read_is_refused(who_am_i: int) -> None:
    rig = Rig(Fault(FaultKind.CORRUPT_ID, transfer=0, value=who_am_i))
    with pytest.raises(WrongChip, match=f"0x{who_am_i:02X}.*Check SDA"):
        rig.driver.start()


def test_an_id_that_is_wrong_once_is_read_again(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(Fault(FaultKind.CORRUPT_ID, transfer=0, transfers=1, value=0x00))
    rig.driver.start()
    assert not rig.driver.identity.clone


def test_an_unknown_chip_with_these_registers_is_used() -> None:
    rig = Rig(Fault(FaultKind.CORRUPT_ID, transfer=0, value=0x42))
    rig.driver.start()
    assert rig.driver.identity.name == "unknown chip (0x42)"


def test_an_unknown_chip_without_these_registers_is_the_wrong_one() -> None:
    bus = RegisterBus(who_am_i=0x42)

    def forget(write: bytes, read_length: int) -> None:
        bus.registers[0x6B] = 0

    bus.before_transfer = forget
    with pytest.raises(WrongChip, match="0x42"):
        started(bus)


def test_the_6500_family_gets_the_filter_of_its_accelerometer() -> None:
    bus = RegisterBus(who_am_i=0x70)
    started(bus, rate=100)
    assert bus.registers[0x1A] == bus.registers[0x1D] == 3


def test_the_6500_family_has_no_rate_with_low_pass_0() -> None:
    with pytest.raises(ConfigError, match=r"^sensor.dlpf: .*MPU-6500"):
        started(RegisterBus(who_am_i=0x70), dlpf=0)


def test_the_icm_20602_always_puts_the_temperature_into_its_frames() -> None:
    bus = RegisterBus(who_am_i=0x12)
    chip = started(bus, accel_range=2, gyro_range=250)
    bus.fifo += frame(16384, 0, 0, 999, 131, 0, -131) * 2

    np.testing.assert_allclose(chip.read().values, [[1, 0, 0, 1, 0, -1]] * 2)


@pytest.mark.parametrize("address", [0x69, 0x50])
def test_an_address_where_nothing_is_says_so(address: int) -> None:
    with pytest.raises(NoAcknowledge):
        Rig(driver={"address": address}).driver.start()


# --- frames ----------------------------------------------------------------------------


def test_frames_are_scaled_by_the_ranges_that_the_chip_has() -> None:
    bus = RegisterBus()
    chip = started(bus, accel_range=8, gyro_range=1000)
    bus.fifo += frame(4096, -4096, 32767, 328, -328, -32768)

    values = chip.read().values
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, [[1, -1, 32767 / 4096, 10, -10, -32768 / 32.8]])


def test_frames_come_in_one_transfer_oldest_first() -> None:
    bus = RegisterBus()
    chip = started(bus)
    for number in range(85):
        bus.fifo += frame(number, 0, 0, 0, 0, 0)
    bursts: list[int] = []

    def count(write: bytes, read_length: int) -> None:
        bursts.extend([read_length] * (write[0] == 0x74))

    bus.before_transfer = count

    values = chip.read().values
    assert bursts == [1020]
    np.testing.assert_array_equal(values[:, 0] * 4096, np.arange(85))


def test_an_empty_fifo_is_no_burst() -> None:
    bus = RegisterBus()
    chip = started(bus)
    batch = chip.read()
    assert batch.values.shape == (0, 6)
    assert batch.latch.frames == 0


def test_the_count_is_timed_from_both_sides() -> None:
    rig = Rig()
    rig.driver.start()
    begin = rig.time.monotonic()
    latch = rig.driver.latch()
    assert latch.before == begin
    assert latch.after - latch.before == pytest.approx(48 / 400_000)


def test_frames_older_than_a_fifo_reset_are_gone() -> None:
    rig = Rig()
    rig.driver.start()
    rig.time.advance(1.0)
    moment = rig.driver.empty()
    assert rig.driver.latch().frames == 0
    assert moment <= rig.time.monotonic()


# --- overflow --------------------------------------------------------------------------


def test_a_full_fifo_is_an_overflow() -> None:
    rig = Rig(rate=1000)
    rig.driver.start()
    rig.time.advance(0.5)
    with pytest.raises(FifoOverflow, match="1024 bytes"):
        rig.driver.read()


def test_the_last_whole_frame_that_fits_is_still_good() -> None:
    rig = Rig(rate=1000)
    rig.driver.start()
    while rig.driver.latch().frames < 85:
        rig.time.advance(0.0005)
    batch = rig.driver.read()
    np.testing.assert_allclose(batch.values.mean(axis=0), [0, 0, 1, 0, 0, 0], atol=0.05)


def test_an_overflow_between_count_and_burst_is_noticed() -> None:
    rig = Rig(rate=1000)
    rig.driver.start()
    rig.time.advance(0.05)
    latch = rig.driver.latch()
    rig.time.advance(0.05)  # the thread is held up just here
    with pytest.raises(FifoOverflow, match="overflowed"):
        rig.driver.read(latch)


def test_a_fifo_out_of_step_is_noticed() -> None:
    bus = RegisterBus()
    chip = started(bus)
    bus.fifo += bytes(12 * 7 + 4)
    with pytest.raises(FifoOverflow, match="out of step"):
        chip.read()


def test_a_frame_that_is_just_being_written_is_no_misalignment() -> None:
    bus = RegisterBus()
    chip = started(bus)
    bus.fifo += bytes(30)
    counts: list[int] = []

    def finish_frame(write: bytes, read_length: int) -> None:
        if write[0] == 0x72:
            counts.append(len(bus.fifo))
            if len(counts) == 2:
                bus.fifo += bytes(6)

    bus.before_transfer = finish_frame
    assert len(chip.read().values) == 3


def test_after_a_fifo_reset_frames_are_in_step_again() -> None:
    rig = Rig(rate=1000)
    rig.driver.start()
    rig.time.advance(0.5)
    rig.driver.empty()
    rig.time.advance(0.02)
    values = rig.driver.read().values
    assert len(values) == 20
    np.testing.assert_allclose(values.mean(axis=0), [0, 0, 1, 0, 0, 0], atol=0.05)


def test_a_brownout_between_count_and_burst_is_noticed() -> None:
    """What an empty FIFO gives looks like frames of zeros."""
    rig = Rig()
    rig.driver.start()
    rig.time.advance(0.5)
    latch = rig.driver.latch()
    rig.chip.power_cycle(rig.time.monotonic())
    with pytest.raises(ChipNotConfigured, match="fell asleep"):
        rig.driver.read(latch)


# --- faults on the bus -----------------------------------------------------------------


def test_a_transfer_that_fails_twice_is_repeated() -> None:
    rig = Rig()
    rig.driver.start()
    rig.time.advance(0.5)
    rig.bus.faults.add(Fault(FaultKind.NACK, transfer=0, transfers=2))
    assert len(rig.driver.read().values) == 25
    assert rig.driver.retries == 2


def test_closing_puts_the_chip_to_sleep() -> None:
    rig = Rig()
    rig.driver.start()
    rig.driver.close()
    assert not rig.chip.sampling


def test_closing_a_chip_that_is_gone_is_harmless() -> None:
    rig = Rig()
    rig.driver.start()
    rig.bus.faults.add(Fault(FaultKind.NACK, transfer=0, transfers=1000))
    rig.driver.close()


# --- watching over it ------------------------------------------------------------------


def test_a_healthy_chip_passes_the_check() -> None:
    rig = Rig()
    rig.driver.start()
    rig.driver.check()


def test_a_brownout_is_noticed() -> None:
    rig = Rig()
    rig.driver.start()
    rig.chip.power_cycle(rig.time.monotonic())
    with pytest.raises(ChipNotConfigured, match="fell asleep"):
        rig.driver.check()


@pytest.mark.parametrize("register", [0x19, 0x1A, 0x1B, 0x1C, 0x23, 0x6A, 0x6B, 0x6C])
def test_every_lost_setting_is_noticed(register: int) -> None:
    bus = RegisterBus()
    chip = started(bus)
    bus.registers[register] ^= 0x08
    with pytest.raises(ChipNotConfigured, match=f"0x{register:02X}"):
        chip.check()


def test_the_temperature_is_in_degrees() -> None:
    rig = Rig()
    rig.chip.set_temperature(41.0, rig.time.monotonic())
    rig.driver.start()
    assert rig.driver.temperature() == pytest.approx(41.0, abs=0.1)
