"""The I2C bus in front of emulated chips: time on the wire, an account of it, and faults."""

from __future__ import annotations

import enum
import errno
import math
import os
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from harpi.imu.bus import sensor_error
from harpi.imu.emulator.chip import Chip
from harpi.timebase import Timebase

TIMEOUT_SECONDS: Final = 0.3
"""After how long the controller gives up, as `harpi.imu.bus` sets it on a real one."""

_START: Final = 1  # bits of a start or a repeated start, and of a stop

_STOP: Final = 1

_BYTE: Final = 9  # eight bits and the acknowledge


@dataclass(slots=True)
class Account:
    """What went over the wire.

    Attributes:
        transfers: transactions begun, also those that failed.
        failed: transactions that failed.
        bits: clock periods, start and stop conditions counted as one each.
        written: bytes after the address that the host sent.
        read: bytes that the host received.
    """

    transfers: int = 0
    failed: int = 0
    bits: int = 0
    written: int = 0
    read: int = 0


def wire_bits(written: int, read: int) -> int:
    """Count the bits of a transaction; a register read of N bytes has 30 + 9 N.

    Args:
        written: bytes after the write address; 0 for a bare read.
        read: bytes after the read address; 0 for a bare write.
    """
    bits = _STOP
    if written or not read:
        bits += _START + _BYTE * (1 + written)
    if read:
        bits += _START + _BYTE * (1 + read)
    return bits


class EmulatedBus:
    """`harpi.imu.bus.Bus` with emulated chips behind it.

    A transfer takes as long as its bits take at the clock of the bus: on `VirtualTime` the
    time advances by it, on real time the caller waits.

    Args:
        chips: by address.
        timebase: the time in which transfers pass; the same as that of the chips.
        scl_hz: clock of the bus.
        faults: what goes wrong.

    Attributes:
        account: what went over the wire so far; may be set to a new `Account`.
        faults: the plan, to which faults can be added.
    """

    def __init__(
        self,
        chips: Mapping[int, Chip],
        timebase: Timebase,
        *,
        scl_hz: int = 400_000,
        faults: FaultPlan | None = None,
    ) -> None:
        self.account = Account()
        self.faults = faults or FaultPlan()
        self.scl_hz = scl_hz
        self._chips = dict(chips)
        self._timebase = timebase
        self._number = 0
        self._never = threading.Event()
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float:
        """Time that the bits of `account` took on the wire."""
        return self.account.bits / self.scl_hz

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        """Do one I2C transaction; see `harpi.imu.bus.Bus.transfer`.

        Raises:
            SensorError: the leaf that a real bus would raise.
        """
        with self._lock:
            try:
                return self._transfer(address, write, read_length)
            except OSError as error:
                self.account.failed += 1
                where = f"emulated I2C bus, address 0x{address:02X}"
                raise sensor_error(error, where) from error

    def recover(self) -> None:
        """Free a stuck bus by nine clocks and a stop, as a bus reset does."""
        with self._lock:
            self.faults.end(FaultKind.STUCK)
            self._spend(_BYTE + _STOP)

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def _transfer(self, address: int, write: bytes, read_length: int) -> bytes:
        now = self._timebase.monotonic()
        self.account.transfers += 1
        begun, holding = self.faults.at_transfer(self._number, now)
        self._number += 1
        chip = self._chips.get(address)
        if chip is not None:
            _disturb(chip, begun, holding, now)
        fault = next((fault.kind for fault in holding if fault.kind in ERRNO), None)
        if chip is None:
            fault = fault or FaultKind.NACK
        elif fault is None:
            content = self._exchange(chip, write, read_length, now)
            self.account.written += len(write)
            self.account.read += read_length
            return content
        if fault is FaultKind.CLOCK_STRETCH and chip is not None:
            # The chip has given away the first half, which nobody will see again.
            self._exchange(chip, write, -(-read_length // 2), now)
        elif fault in (FaultKind.TIMEOUT, FaultKind.STUCK):
            self._timebase.wait(self._never, TIMEOUT_SECONDS)
        elif fault is FaultKind.NACK:
            self._spend(_START + _BYTE + _STOP)
        raise OSError(ERRNO[fault], os.strerror(ERRNO[fault]))

    def _exchange(self, chip: Chip, write: bytes, read_length: int, now: float) -> bytes:
        """Hand the bytes to the chip at the moments at which they pass the wire."""
        bits = wire_bits(len(write), read_length)
        if write or not read_length:
            chip.write(write, now + (_START + _BYTE * (1 + len(write))) / self.scl_hz)
        content = b""
        if read_length:
            first = now + (bits - _STOP - _BYTE * read_length) / self.scl_hz
            content = chip.read(read_length, first, _BYTE / self.scl_hz)
        self._spend(bits)
        return content

    def _spend(self, bits: int) -> None:
        self.account.bits += bits
        self._timebase.wait(self._never, bits / self.scl_hz)


def _disturb(chip: Chip, begun: list[Fault], holding: list[Fault], now: float) -> None:
    """Let the faults that sit in the chip happen to it."""
    for fault in begun:
        if fault.kind is FaultKind.BROWNOUT:
            chip.power_cycle(now)
        elif fault.kind is FaultKind.OVERFLOW:
            chip.flood(now)
        elif fault.kind is FaultKind.CLOCK_ERROR:
            chip.set_clock_error(fault.value, now if fault.at is None else fault.at)
        elif fault.kind is FaultKind.MEDDLED:
            chip.meddle(*divmod(int(fault.value), 0x100), now)
    lies = {fault.kind: int(fault.value) for fault in holding}
    held = {
        axis: None if fault.kind is FaultKind.HELD else int(fault.value)
        for fault in holding
        if fault.kind in (FaultKind.HELD, FaultKind.STUCK_AT)
        for axis in fault.axes
    }
    chip.pretend(
        frozen=FaultKind.FROZEN in lies,
        who_am_i=lies.get(FaultKind.CORRUPT_ID),
        now=now,
        held=held,
        dry=FaultKind.DRY in lies,
        flooding=FaultKind.FLOODING in lies,
    )


class FaultKind(enum.Enum):
    """The faults that the emulator knows; how long each lasts is said in `Fault`."""

    # On the bus: transfers fail, with the errno of Linux.
    NACK = enum.auto()  # nothing acknowledges the address
    CLOCK_STRETCH = enum.auto()  # the transfer breaks off half-way
    TIMEOUT = enum.auto()  # the controller gives up
    STUCK = enum.auto()  # SDA is held low; every transfer times out
    ABSENT = enum.auto()  # the adapter is gone
    DENIED = enum.auto()  # no permission
    BUSY = enum.auto()  # a kernel driver has claimed the address

    # In the chip, for a while: it answers, but wrongly.
    CORRUPT_ID = enum.auto()  # WHO_AM_I reads `value`
    FROZEN = enum.auto()  # every sample repeats the one before
    HELD = enum.auto()  # `axes` repeat the value that they had
    STUCK_AT = enum.auto()  # `axes` read `value`, in counts
    DRY = enum.auto()  # nothing comes into the FIFO
    FLOODING = enum.auto()  # the FIFO runs over with every sample

    # In the chip, in one moment.
    BROWNOUT = enum.auto()  # asleep and unconfigured, still answering
    OVERFLOW = enum.auto()  # the FIFO runs over
    MEDDLED = enum.auto()  # another program writes `value`: 256 * register + content
    CLOCK_ERROR = enum.auto()  # the chip's clock runs off by `value` from now on


ERRNO = {
    FaultKind.NACK: errno.EREMOTEIO,
    FaultKind.CLOCK_STRETCH: errno.EIO,
    FaultKind.TIMEOUT: errno.ETIMEDOUT,
    FaultKind.STUCK: errno.ETIMEDOUT,
    FaultKind.ABSENT: errno.ENOENT,
    FaultKind.DENIED: errno.EACCES,
    FaultKind.BUSY: errno.EBUSY,
}
"""What Linux answers on a Pi, for the faults of the bus."""

_LASTING = (
    FaultKind.STUCK,
    FaultKind.CORRUPT_ID,
    FaultKind.FROZEN,
    FaultKind.HELD,
    FaultKind.STUCK_AT,
    FaultKind.DRY,
    FaultKind.FLOODING,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: what, when, how long.

    It begins at the first transfer that fulfils `transfer`, `at` or `probability`; of these
    exactly one is given. It lasts `transfers` transfers or `seconds`; with neither, STUCK and
    what sits in the chip for a while last until they are ended, the others for one transfer.

    Attributes:
        kind: what goes wrong.
        transfer: number of the transfer at which it begins; the first one has number 0.
        at: monotonic seconds from which on it begins.
        probability: that it begins at any one transfer; it may come again and again.
        transfers: how many transfers it lasts.
        seconds: how long it lasts.
        value: what WHO_AM_I reads (CORRUPT_ID), the error of the clock (CLOCK_ERROR), counts
            (STUCK_AT), register and content (MEDDLED).
        axes: which axes it happens to, 0 to 5 (HELD, STUCK_AT).

    Raises:
        ValueError: not exactly one of `transfer`, `at` and `probability` is given.
    """

    kind: FaultKind
    transfer: int | None = None
    at: float | None = None
    probability: float | None = None
    transfers: int | None = None
    seconds: float | None = None
    value: float = 0.0
    axes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        given = (self.transfer, self.at, self.probability)
        if sum(condition is not None for condition in given) != 1:
            raise ValueError("a fault needs exactly one of transfer, at and probability")

    @property
    def recurs(self) -> bool:
        """Whether it may begin again after it ended."""
        return self.probability is not None

    def begins(self, number: int, now: float, rng: random.Random) -> bool:
        """Whether it begins at this transfer."""
        if self.transfer is not None:
            return number >= self.transfer
        if self.at is not None:
            return now >= self.at
        return self.probability is not None and rng.random() < self.probability

    def end(self, number: int, now: float) -> tuple[float, float]:
        """Give the transfer number and the time at which it ends when it begins here."""
        if self.seconds is not None:
            return math.inf, now + self.seconds
        if self.transfers is not None:
            return number + self.transfers, math.inf
        return (math.inf if self.kind in _LASTING else number + 1), math.inf


class FaultPlan:
    """Which faults happen when; the same seed gives the same faults.

    Args:
        faults: the faults to come.
        seed: for those that come at random.
    """

    def __init__(self, *faults: Fault, seed: int = 0) -> None:
        self._coming = list(faults)
        self._lasting: list[tuple[Fault, float, float]] = []
        self._rng = random.Random(seed)  # noqa: S311 - no secret

    def add(self, fault: Fault) -> None:
        """Plan one more, also while the bus is running."""
        self._coming.append(fault)

    def end(self, kind: FaultKind) -> None:
        """Let the lasting faults of this kind be over."""
        self._lasting = [entry for entry in self._lasting if entry[0].kind is not kind]

    def at_transfer(self, number: int, now: float) -> tuple[list[Fault], list[Fault]]:
        """Give the faults that begin at a transfer, and all that hold during it.

        Args:
            number: of the transfer; grows from call to call.
            now: monotonic seconds.
        """
        if not self._coming and not self._lasting:
            return [], []
        self._lasting = [
            entry for entry in self._lasting if number < entry[1] and now < entry[2]
        ]
        begun = [fault for fault in self._coming if fault.begins(number, now, self._rng)]
        self._coming = [fault for fault in self._coming if fault.recurs or fault not in begun]
        self._lasting += [(fault, *fault.end(number, now)) for fault in begun]
        return begun, [entry[0] for entry in self._lasting]
