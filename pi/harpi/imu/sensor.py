"""What the sampler needs of a sensor; `harpi.imu.mpu6050.Mpu6050` is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from harpi.imu.chip import ChipIdentity
from harpi.types import FloatArray


@dataclass(frozen=True, slots=True)
class Latch:
    """How many samples wait in the sensor at one moment.

    Attributes:
        frames: samples that can be fetched.
        before: monotonic seconds when the count was asked for; it was not taken earlier.
        after: monotonic seconds when the count was there; it was not taken later.
    """

    frames: int
    before: float
    after: float


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Samples from the sensor, oldest first.

    Attributes:
        values: float32 ``[n, 6]`` in g and deg/s, columns as in `harpi.types.AXES`.
        latch: the count that they were fetched by; samples taken since are still there.
        raw: the same before the calibration is applied.
    """

    values: FloatArray
    latch: Latch
    raw: FloatArray


class Sensor(Protocol):
    """An accelerometer and a gyroscope that take samples by a clock of their own.

    It is used from one thread at a time. What it measures waits in it, and is counted before it
    is fetched; the times of the samples are found from the moments of the counts.
    """

    @property
    def rate(self) -> int:
        """Nominal samples per second."""
        ...

    @property
    def ranges(self) -> tuple[float, float]:
        """Full scales, in g and in deg/s."""
        ...

    @property
    def bandwidth(self) -> float:
        """Of the low-pass filter, Hz."""
        ...

    @property
    def where(self) -> str:
        """The sensor and its address, as error messages name it."""
        ...

    @property
    def identity(self) -> ChipIdentity:
        """What it is; known once it was started."""
        ...

    @property
    def capacity(self) -> int:
        """Samples that can wait in it."""
        ...

    @property
    def retries(self) -> int:
        """Transfers that had to be repeated."""
        ...

    @property
    def bus_seconds(self) -> float:
        """Time that all transfers took."""
        ...

    @property
    def bus_hertz(self) -> float | None:
        """Clock of the bus; None while it is not known."""
        ...

    def start(self) -> float:
        """Set it up from any state and let it sample.

        Returns:
            Monotonic seconds; every sample is younger.

        Raises:
            SensorError: it cannot be used, or the bus failed.
        """
        ...

    def empty(self) -> float:
        """Drop the samples that wait, and go on.

        Returns:
            Monotonic seconds; every sample is younger.

        Raises:
            SensorError: it does not go on, or the bus failed.
        """
        ...

    def latch(self) -> Latch:
        """Count the samples that wait.

        Raises:
            FifoOverflow: some were lost.
            SensorError: the bus failed.
        """
        ...

    def read(self, latch: Latch | None = None) -> Batch:
        """Fetch the samples that were counted; where no count is given, count first.

        Raises:
            FifoOverflow: some were lost.
            SensorError: the bus failed; what waited is then in doubt.
        """
        ...

    def do_without_fifo(self) -> bool:
        """Read each sample when it is there from now on; tell whether there is such a way.

        Raises:
            SensorError: the bus failed.
        """
        ...

    def check(self) -> None:
        """See that it is still set up as `start` has left it.

        Raises:
            ChipNotConfigured: it is not.
            SensorError: the bus failed.
        """
        ...

    def temperature(self) -> float:
        """Measure its temperature, °C.

        Raises:
            SensorError: the bus failed.
        """
        ...

    @property
    def can_nap(self) -> bool:
        """Whether it can sleep until it is moved."""
        ...

    def nap(self) -> None:
        """Let it sleep until it is started again.

        Raises:
            SensorError: the bus failed.
        """
        ...

    def moved(self) -> bool:
        """Tell whether it was moved while it slept.

        Raises:
            SensorError: it sleeps no more, or the bus failed.
        """
        ...

    def close(self) -> None:
        """Put it to sleep; one that does not answer is left alone."""
        ...
