"""What can go wrong on the bus and in the chip, and a plan of when it does."""

from __future__ import annotations

import enum
import errno
import math
import random
from dataclasses import dataclass


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

    # In the chip, in one moment.
    BROWNOUT = enum.auto()  # asleep and unconfigured, still answering
    OVERFLOW = enum.auto()  # the FIFO runs over
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

_LASTING = (FaultKind.STUCK, FaultKind.CORRUPT_ID, FaultKind.FROZEN)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: what, when, how long.

    It begins at the first transfer that fulfils `transfer`, `at` or `probability`; of these
    exactly one is given. It lasts `transfers` transfers or `seconds`; with neither, STUCK,
    CORRUPT_ID and FROZEN last until they are recovered from, the others for one transfer.

    Attributes:
        kind: what goes wrong.
        transfer: number of the transfer at which it begins; the first one has number 0.
        at: monotonic seconds from which on it begins.
        probability: that it begins at any one transfer; it may come again and again.
        transfers: how many transfers it lasts.
        seconds: how long it lasts.
        value: what WHO_AM_I reads (CORRUPT_ID), or the error of the clock (CLOCK_ERROR).

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
