"""The I2C bus, and reading and writing registers over it when it fails now and then."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from harpi.errors import (
    BusBusy,
    BusFault,
    BusNotFound,
    BusPermissionDenied,
    BusTimeout,
    NoAcknowledge,
    SensorError,
)
from harpi.timebase import Timebase

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
        "Switch it on with 'sudo harpi setup' and reboot, or set sensor.bus",
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
        "the transfer was interrupted",
        "Shorten the wires, or lower dtparam=i2c_arm_baudrate",
    ),
    errno.EAGAIN: (
        BusFault,
        "the bus was lost: SDA or SCL is held low, or another master drives it",
        "Take the power off the sensor for a second, and let no other board drive this bus",
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


@dataclass(frozen=True, slots=True)
class Claimant:
    """Whoever has an address on a bus in the kernel.

    Attributes:
        name: of the device, as its overlay calls it.
        driver: that is bound to it; empty where none is.
    """

    name: str
    driver: str


def claimant(number: int, address: int, root: Path = Path("/")) -> Claimant | None:
    """Tell which driver of the kernel has an address; None where none does.

    Args:
        number: of the bus.
        address: 7-bit address.
        root: where /sys is.
    """
    device = root / f"sys/bus/i2c/devices/{number}-{address:04x}"
    try:
        name = (device / "name").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None
    driver = device / "driver"
    return Claimant(name, driver.readlink().name if driver.is_symlink() else "")


def claimed(number: int, address: int, root: Path = Path("/")) -> SensorError | None:
    """Say which driver of the kernel has an address; None where none is found."""
    found = claimant(number, address, root)
    if found is None:
        return None
    clock = found.name.startswith(_CLOCKS) or "rtc" in found.driver
    remedy = (
        f"It is a clock at the sensor's address: wire the sensor's AD0 to 3.3 V and set "
        f"sensor.address = 0x69, or remove the overlay of {found.name}"
        if clock
        else f"Remove the dtoverlay of {found.name} from /boot/firmware/config.txt and reboot"
    )
    return BusBusy(
        f"the kernel's driver {found.driver or found.name} has claimed the address, as "
        f"{found.name}",
        where=f"/dev/i2c-{number}, address 0x{address:02X}",
        remedy=remedy,
        errno=errno.EBUSY,
    )


_CLOCKS: Final = ("ds", "mcp794", "m41t", "pcf", "rv", "abx", "bq32", "isl12", "sd30", "s3539")
"""How the names of the clocks begin that the overlay i2c-rtc knows."""


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
            BusFault: the transfer was interrupted.
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
            if error.errno == errno.EBUSY and (busy := claimed(self._number, address)):
                raise busy from error
            raise sensor_error(error, f"{self._node}, address 0x{address:02X}") from error
        return bytes(messages[-1]) if read_length else b""

    def close(self) -> None:
        """Release the bus; closing twice is harmless."""
        self._claimed.clear()
        if self._smbus is not None:
            self._smbus.close()
            self._smbus = None


_ATTEMPTS: Final = 3

_RETRY_SECONDS: Final = 0.001

_LONG_READ: Final = 96
"""Bytes of a read from which what the host adds to it no longer counts for much."""

_LONG_READS: Final = 16


class TimedRead(NamedTuple):
    """Bytes that were read, and the monotonic seconds between which that was."""

    content: bytes
    before: float
    after: float


class RegisterAccess:
    """The registers of one chip.

    A transfer that was not acknowledged or broke off is repeated, `_ATTEMPTS` in all. One
    that timed out is not: each takes long, and more of them free no bus.

    Args:
        bus: the bus that the chip is on.
        timebase: what times the transfers and the waiting.
        address: 7-bit address of the chip.

    Attributes:
        retries: transfers that had to be repeated.
        bus_seconds: time that all transfers took, measured from call to return.
    """

    def __init__(self, bus: Bus, timebase: Timebase, address: int) -> None:
        self._bus = bus
        self._timebase = timebase
        self._address = address
        self._never = threading.Event()
        self.retries = 0
        self.bus_seconds = 0.0
        self._clocks: deque[float] = deque(maxlen=_LONG_READS)

    @property
    def bus_hertz(self) -> float | None:
        """Clock of the bus as the latest long reads show it; None before the first.

        A read of N bytes has 30 + 9 N bits. The quickest counts, because the host can make a
        read longer and never shorter; the clock itself is at least this fast.
        """
        return max(tuple(self._clocks), default=None)

    def write(self, register: int, *values: int) -> None:
        """Write to a register and those after it.

        Raises:
            SensorError: the bus failed.
        """
        self._transfer(bytes([register, *values]), 0, (NoAcknowledge, BusFault))

    def write_all(self, contents: Mapping[int, int]) -> None:
        """Write many registers, those that follow each other in one transfer.

        Raises:
            SensorError: the bus failed.
        """
        for start, values in _runs(contents):
            self.write(start, *values)

    def read(self, register: int, length: int = 1) -> bytes:
        """Read a register and those after it.

        Raises:
            SensorError: the bus failed.
        """
        return self.timed_read(register, length).content

    def timed_read(self, register: int, length: int) -> TimedRead:
        """Read a register and those after it, and say when that was.

        Raises:
            SensorError: the bus failed.
        """
        return self._transfer(bytes([register]), length, (NoAcknowledge, BusFault))

    def pop(self, register: int, length: int) -> bytes:
        """Read from a register that gives every byte only once.

        It is repeated only where the address was not acknowledged: a burst that broke off
        has eaten some of the bytes.

        Raises:
            SensorError: the bus failed.
        """
        return self._transfer(bytes([register]), length, (NoAcknowledge,)).content

    def differences(self, contents: Mapping[int, int]) -> dict[int, tuple[int, int]]:
        """Read registers back.

        Returns:
            Wanted and found content of those that do not hold what they should.

        Raises:
            SensorError: the bus failed.
        """
        found: dict[int, int] = {}
        for start, values in _runs(contents):
            found.update(enumerate(self.read(start, len(values)), start))
        return {
            register: (wanted, found[register])
            for register, wanted in contents.items()
            if wanted != found[register]
        }

    def wait(self, seconds: float) -> None:
        """Give the chip some time."""
        self._timebase.wait(self._never, seconds)

    def _transfer(
        self, write: bytes, read_length: int, repeatable: tuple[type[Exception], ...]
    ) -> TimedRead:
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._transfer_once(write, read_length)
            except repeatable:
                self.retries += 1
                self.wait(_RETRY_SECONDS)
        return self._transfer_once(write, read_length)

    def _transfer_once(self, write: bytes, read_length: int) -> TimedRead:
        before = self._timebase.monotonic()
        try:
            content = self._bus.transfer(self._address, write, read_length)
        finally:
            after = self._timebase.monotonic()
            self.bus_seconds += after - before
        if read_length >= _LONG_READ and after > before:
            self._clocks.append((30 + 9 * read_length) / (after - before))
        return TimedRead(content, before, after)


def _runs(contents: Mapping[int, int]) -> list[tuple[int, list[int]]]:
    """Group registers that follow each other, so that each group is one transfer."""
    runs: list[tuple[int, list[int]]] = []
    for register in sorted(contents):
        if runs and register == runs[-1][0] + len(runs[-1][1]):
            runs[-1][1].append(contents[register])
        else:
            runs.append((register, [contents[register]]))
    return runs
