"""The narrow gate to the I2C bus: one kind of transfer, and smbus2 behind it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
from typing import TYPE_CHECKING, Final, Protocol

from harpi.errors import (
    BusBusy,
    BusFault,
    BusNotFound,
    BusPermissionDenied,
    BusTimeout,
    NoAcknowledge,
    SensorError,
)

if TYPE_CHECKING:
    from smbus2 import SMBus

# linux/i2c-dev.h
_I2C_TIMEOUT: Final = 0x0702  # in units of 10 ms
_I2C_SLAVE: Final = 0x0703

_TIMEOUT_10_MS: Final = 30
"""Twice the longest transfer (a full FIFO at 62.5 kHz), so that a stuck bus cannot hold the
sampler for the second or more that kernels wait by default."""


class Bus(Protocol):
    """An I2C bus on which harpi is the only master it knows of."""

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        """Do one I2C transaction: write, then (after a repeated start) read.

        There is at most one read and it comes last, because the controller of a Pi up to
        model 4 (bcm2835) can do no other. `write` may be empty for a bare read.

        Args:
            address: 7-bit address.
            write: bytes to write, usually a register number and its new contents.
            read_length: bytes to read afterwards; 0 for none.

        Returns:
            The `read_length` bytes that were read.

        Raises:
            SensorError: the leaf that tells what went wrong.
        """
        ...

    def close(self) -> None:
        """Release the bus; closing twice is harmless."""
        ...


_WIRING: Final = "check VCC, GND, SDA and SCL, and whether AD0 makes the address 0x68 or 0x69"

_MEANINGS: Final[dict[int, tuple[type[SensorError], str, str]]] = {
    errno.ENOENT: (
        BusNotFound,
        "there is no such I2C bus",
        "Enable it with 'sudo raspi-config nonint do_i2c 0' and reboot, or set sensor.bus",
    ),
    errno.EACCES: (
        BusPermissionDenied,
        "this user may not open the I2C bus",
        "Add the user to its group with 'sudo usermod -aG i2c USER' and log in again",
    ),
    errno.EBUSY: (
        BusBusy,
        "a kernel driver has claimed the sensor",
        "Remove dtoverlay=mpu6050 from /boot/firmware/config.txt and reboot",
    ),
    errno.ETIMEDOUT: (
        BusTimeout,
        "the bus did not answer in time; SDA or SCL may be held low",
        "Take the power off the sensor and give it back, then check the pull-ups",
    ),
    errno.EIO: (
        BusFault,
        "the transfer broke off",
        "Shorten the wires, or lower dtparam=i2c_arm_baudrate",
    ),
    errno.EAGAIN: (
        BusFault,
        "another master took the bus",
        "Let no other program or board drive this bus",
    ),
    errno.EREMOTEIO: (
        NoAcknowledge,
        "nothing acknowledged the address",
        f"See what 'i2cdetect -y' lists; {_WIRING}",
    ),
    errno.ENXIO: (
        NoAcknowledge,
        "the bus adapter reports no device at the address",
        f"Check the sensor: {_WIRING}",
    ),
    errno.ENODEV: (
        NoAcknowledge,
        "the bus adapter is gone or was never ready",
        "Plug the adapter in again, or see what 'dmesg' says of it",
    ),
}


def sensor_error(error: OSError, where: str) -> SensorError:
    """Give the leaf of `SensorError` that the errno of a failed transfer stands for."""
    kind, problem, remedy = _MEANINGS.get(
        error.errno or 0,
        (SensorError, f"the I2C bus failed: {error.strerror or error}", "See 'dmesg'"),
    )
    return kind(problem, where=where, remedy=remedy, errno=error.errno)


class SmbusBus:
    """`Bus` on a Linux I2C adapter, through smbus2.

    Every transfer is a single `I2C_RDWR`, so it is whole or not at all, and no other program
    comes between its write and its read.

    Args:
        number: N of /dev/i2c-N.
        at_once: open it now, and not with the first transfer.

    Raises:
        BusNotFound: there is no such adapter.
        BusPermissionDenied: it may not be opened.
    """

    def __init__(self, number: int, *, at_once: bool = True) -> None:
        self._number = number
        self._node = f"/dev/i2c-{number}"
        self._claimed: set[int] = set()
        self._smbus: SMBus | None = None
        if at_once:
            self._open()

    def _open(self) -> SMBus:
        from smbus2 import SMBus

        try:
            self._smbus = SMBus(self._number)
        except OSError as error:
            raise sensor_error(error, self._node) from error
        # An adapter that cannot be told works all the same, only its faults take longer.
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._smbus.fd, _I2C_TIMEOUT, _TIMEOUT_10_MS)
        return self._smbus

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        """Do one I2C transaction; see `Bus.transfer`.

        Raises:
            BusBusy: a kernel driver has claimed the address.
            NoAcknowledge: nothing answered at the address.
            BusTimeout: the bus is held low, or the chip stretched the clock for too long.
            BusFault: the transfer broke off.
        """
        from smbus2 import i2c_msg

        messages = []
        if write:
            messages.append(i2c_msg.write(address, write))
        if read_length:
            messages.append(i2c_msg.read(address, read_length))
        try:
            smbus = self._smbus or self._open()
            if address not in self._claimed:
                # I2C_RDWR talks past a kernel driver that owns the address; this does not.
                fcntl.ioctl(smbus.fd, _I2C_SLAVE, address)
                self._claimed.add(address)
            smbus.i2c_rdwr(*messages)
        except SensorError:
            raise
        except OSError as error:
            if error.errno == errno.ENODEV:
                self.close()  # a replugged adapter has a new node behind the same name
            raise sensor_error(error, f"{self._node}, address 0x{address:02X}") from error
        return bytes(messages[-1]) if read_length else b""

    def close(self) -> None:
        """Release the bus; closing twice is harmless."""
        self._claimed.clear()
        if self._smbus is not None:
            self._smbus.close()
            self._smbus = None
