from __future__ import annotations

import errno
import fcntl
import os
from typing import Any

import pytest
import smbus2

from harpi.errors import (
    BusBusy,
    BusFault,
    BusNotFound,
    BusPermissionDenied,
    BusTimeout,
    NoAcknowledge,
    SensorError,
)
from harpi.imu.bus import SmbusBus

I2C_SLAVE = 0x0703


class Adapter:
    """What smbus2 and the kernel would do; `failure` is the errno of the next transfers."""

    def __init__(self) -> None:
        self.failure = 0
        self.claimed_by_kernel = False
        self.transfers: list[list[tuple[str, int, bytes]]] = []
        self.opened = 0
        self.closed = 0

    def open(self, number: int) -> Adapter:
        self.opened += 1
        return self

    @property
    def fd(self) -> int:
        return 99

    def ioctl(self, fd: int, request: int, argument: int) -> int:
        assert fd == 99
        if request == I2C_SLAVE and self.claimed_by_kernel:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        return 0

    def i2c_rdwr(self, *messages: Any) -> None:
        if self.failure:
            raise OSError(self.failure, os.strerror(self.failure))
        record = []
        for message in messages:
            kind = "read" if message.flags & 1 else "write"
            record.append((kind, message.addr, bytes(message)))
            if kind == "read":
                for index in range(message.len):
                    message.buf[index] = bytes([(0xA0 + index) % 256])
        self.transfers.append(record)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def adapter(monkeypatch: pytest.MonkeyPatch) -> Adapter:
    adapter = Adapter()
    monkeypatch.setattr(smbus2, "SMBus", adapter.open)
    monkeypatch.setattr(fcntl, "ioctl", adapter.ioctl)
    return adapter


def test_write_then_read_is_one_transfer_with_the_read_last(adapter: Adapter) -> None:
    content = SmbusBus(1).transfer(0x68, b"\x74", 3)

    assert content == b"\xa0\xa1\xa2"
    assert adapter.transfers == [[("write", 0x68, b"\x74"), ("read", 0x68, b"\0\0\0")]]


def test_a_write_alone_reads_nothing(adapter: Adapter) -> None:
    assert SmbusBus(1).transfer(0x69, b"\x6b\x01") == b""
    assert adapter.transfers == [[("write", 0x69, b"\x6b\x01")]]


def test_a_full_fifo_is_one_transfer(adapter: Adapter) -> None:
    assert len(SmbusBus(1).transfer(0x68, b"\x74", 1020)) == 1020
    assert len(adapter.transfers) == 1


@pytest.mark.parametrize(
    ("number", "kind", "remedy"),
    [
        (2, BusNotFound, "sudo harpi setup"),
        (5, BusFault, "baudrate"),
        (6, NoAcknowledge, "AD0"),
        (11, BusFault, "another master"),
        (13, BusPermissionDenied, "usermod -aG i2c"),
        (16, BusBusy, "dtoverlay=mpu6050"),
        (19, NoAcknowledge, "Plug the adapter"),
        (110, BusTimeout, "power off"),
        (121, NoAcknowledge, "i2cdetect"),
        (95, SensorError, "dmesg"),
    ],
)
def test_every_errno_has_its_meaning_and_remedy(
    adapter: Adapter, number: int, kind: type[SensorError], remedy: str
) -> None:
    bus = SmbusBus(3)
    adapter.failure = number

    with pytest.raises(kind) as caught:
        bus.transfer(0x69, b"\x75", 1)

    assert type(caught.value) is kind
    assert caught.value.errno == number
    assert remedy in str(caught.value)
    assert str(caught.value).startswith("/dev/i2c-3, address 0x69: ")


def test_no_two_errnos_read_the_same(adapter: Adapter) -> None:
    bus = SmbusBus(1)
    messages = set()
    for number in (2, 5, 6, 13, 16, 19, 110, 121):
        adapter.failure = number
        with pytest.raises(SensorError) as caught:
            bus.transfer(0x68, b"\x75", 1)
        messages.add(str(caught.value))
    assert len(messages) == 8


def test_a_missing_bus_is_named() -> None:
    with pytest.raises(BusNotFound, match=r"^/dev/i2c-250: .*sudo harpi setup"):
        SmbusBus(250)


def test_a_bus_that_may_not_be_opened_says_which_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(number: int) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(smbus2, "SMBus", refuse)
    with pytest.raises(BusPermissionDenied, match=r"^/dev/i2c-1: .*usermod -aG i2c"):
        SmbusBus(1)


def test_a_kernel_driver_on_the_address_is_noticed(adapter: Adapter) -> None:
    # I2C_RDWR itself would talk past it.
    adapter.claimed_by_kernel = True
    with pytest.raises(BusBusy, match="dtoverlay=mpu6050"):
        SmbusBus(1).transfer(0x68, b"\x75", 1)
    assert adapter.transfers == []


def test_an_adapter_that_was_replugged_is_opened_again(adapter: Adapter) -> None:
    bus = SmbusBus(1)
    adapter.failure = errno.ENODEV
    with pytest.raises(NoAcknowledge):
        bus.transfer(0x68, b"\x75", 1)
    adapter.failure = 0

    assert bus.transfer(0x68, b"\x75", 1) == b"\xa0"
    assert (adapter.opened, adapter.closed) == (2, 1)


def test_closing_twice_is_harmless(adapter: Adapter) -> None:
    bus = SmbusBus(1)
    bus.close()
    bus.close()
    assert adapter.closed == 1
