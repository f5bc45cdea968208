"""Reading and writing registers over a bus that fails now and then."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from typing import Final, NamedTuple

from harpi.errors import BusFault, NoAcknowledge
from harpi.imu.bus import Bus
from harpi.timebase import Timebase

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
