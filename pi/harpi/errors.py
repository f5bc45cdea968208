"""Everything harpi raises on purpose, as one tree.

A message says what is wrong, where, and what to do about it. Every leaf also inherits the
builtin that a caller who does not know harpi would catch. The command line turns any
`HarpiError` into one line and its `exit_code`.
"""

from __future__ import annotations

from typing import ClassVar


class HarpiError(Exception):
    """Base of all errors of harpi.

    Args:
        problem: what is wrong, one sentence without a full stop at its end.
        where: the file, key, pin, register or topic that it is about.
        remedy: what the reader can do about it, one sentence without a full stop.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, problem: str, *, where: str = "", remedy: str = "") -> None:
        self.problem = problem
        self.where = where
        self.remedy = remedy
        message = f"{where}: {problem}" if where else problem
        super().__init__(f"{message}. {remedy}." if remedy else f"{message}.")


# --- what a person typed or wrote -------------------------------------------------------


class UsageError(HarpiError, ValueError):
    """An argument of a command that cannot be used."""

    exit_code = 2


class ConfigError(HarpiError, ValueError):
    """A configuration that cannot be read, or that asks for the impossible."""

    exit_code = 2


class SetupError(HarpiError, OSError):
    """This machine cannot be set up for harpi, or not be brought back."""

    exit_code = 10


# --- the sensor and its bus -------------------------------------------------------------


class SensorError(HarpiError, OSError):
    """Base of everything that can be wrong between the Pi and the chip.

    `errno` is that of the operating system where it had one.
    """

    exit_code = 3

    def __init__(
        self, problem: str, *, where: str = "", remedy: str = "", errno: int | None = None
    ) -> None:
        super().__init__(problem, where=where, remedy=remedy)
        self.errno = errno


class BusNotFound(SensorError, FileNotFoundError):
    """The I2C device node does not exist (errno 2)."""


class BusPermissionDenied(SensorError, PermissionError):
    """The I2C device node may not be opened (errno 13)."""


class BusBusy(SensorError):
    """Another driver has claimed the address (errno 16)."""


class BusTimeout(SensorError, TimeoutError):
    """The bus did not answer in time, or is held low (errno 110)."""


class BusFault(SensorError):
    """The transfer broke off: clock stretching, arbitration, wrong length (errno 5)."""


class NoAcknowledge(SensorError):
    """Nothing answered at the address (errno 121; 6 and 19 on some adapters)."""


class WrongChip(SensorError):
    """Something answers at the address, but it is no chip that harpi can read."""


class ChipNotConfigured(SensorError):
    """A register does not hold what was written to it, or lost it (brownout)."""


class FifoOverflow(SensorError):
    """The chip's FIFO ran over: samples are lost and the frames in it are out of step."""


class CalibrationError(HarpiError, ValueError):
    """A calibration that cannot be made, read or used."""

    exit_code = 3


# --- files ------------------------------------------------------------------------------


class RecordingError(HarpiError, ValueError):
    """A recording that is missing, truncated or not of a known layout."""

    exit_code = 4


class NoRecording(RecordingError):
    """A file that is in order and has nothing of a recording: notes, pictures, settings."""


class ModelError(HarpiError, ValueError):
    """A model, reference or head file that is missing, damaged, or of another kind."""

    exit_code = 5


class HeadMismatch(ModelError):
    """A head that belongs to another base, rate, window or scaling."""


class StoreError(HarpiError, OSError):
    """The store of takes cannot be opened, read or written."""

    exit_code = 6


class StoreFull(StoreError):
    """The store has reached its limit, or the disk is full."""


class TakeNotFound(StoreError, LookupError):
    """There is no take of that number."""

    exit_code = 2


class DiaryError(StoreError):
    """The diary cannot be opened, read or written."""


class BoutNotFound(DiaryError, LookupError):
    """There is no bout of that number."""

    exit_code = 2


# --- outputs and controls ---------------------------------------------------------------


class BrokerError(HarpiError, ConnectionError):
    """The MQTT broker cannot be reached or refuses harpi."""

    exit_code = 7


class OutboxError(BrokerError, OSError):
    """The file of messages that wait for the broker cannot be used."""


class ControlError(HarpiError, OSError):
    """Buttons, LEDs, the control socket or the page cannot be used."""

    exit_code = 8


class AlreadyRunning(ControlError):
    """Another daemon runs with the same folders and sensor."""


class DaemonNotRunning(ControlError, ConnectionError):
    """A command needs the running daemon and there is none."""


class ThreadFailed(HarpiError, RuntimeError):
    """The daemon ends because a thread fails that it cannot do without."""

    exit_code = 12


class CommandRefused(HarpiError, RuntimeError):
    """A command that the session does not accept in its present state."""

    exit_code = 9


class SensorMoves(CommandRefused):
    """A measurement that needs the sensor at rest, and it moves."""
