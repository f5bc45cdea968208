"""The I2C bus in front of emulated chips: time on the wire, an account of it, and faults."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from harpi.imu.bus import sensor_error
from harpi.imu.emulator.chip import Chip
from harpi.imu.emulator.faults import ERRNO, Fault, FaultKind, FaultPlan
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
    lies = {fault.kind: int(fault.value) for fault in holding}
    chip.pretend(
        frozen=FaultKind.FROZEN in lies, who_am_i=lies.get(FaultKind.CORRUPT_ID), now=now
    )
