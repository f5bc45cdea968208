"""The driver of the MPU-6050: identity, configuration, FIFO and temperature."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from harpi.errors import (
    ChipNotConfigured,
    ConfigError,
    FifoOverflow,
    SensorError,
    WrongChip,
)
from harpi.imu import registers as reg
from harpi.imu.bus import Bus, RegisterAccess
from harpi.imu.calibration import Calibration
from harpi.imu.chip import MPU6050, ChipIdentity, ChipSettings, dlpf_for, identify, lsb_by_range
from harpi.imu.napping import Nap
from harpi.timebase import Timebase
from harpi.types import FloatArray

log = logging.getLogger(__name__)

_RESET_SECONDS: Final = 0.1  # RM-MPU-6000A p. 41
_GYRO_SECONDS: Final = 0.06  # twice the gyro's start-up time, PS-MPU-6000A p. 12


@dataclass(frozen=True, slots=True)
class FifoLatch:
    """The filling of the FIFO at one moment.

    Attributes:
        frames: whole frames in it.
        before: monotonic seconds when the count was asked for; it was not taken earlier.
        after: monotonic seconds when the count was there; it was not taken later.
    """

    frames: int
    before: float
    after: float


@dataclass(frozen=True, slots=True, eq=False)
class FifoBatch:
    """Frames from the FIFO, oldest first.

    Attributes:
        values: float32 ``[n, 6]`` in g and deg/s, columns as in `harpi.types.AXES`.
        latch: the count that the frames were fetched by; frames taken since are still there.
    """

    values: FloatArray
    latch: FifoLatch


class Mpu6050:
    """An MPU-6050, or a chip that passes for one, on an I2C bus.

    It is used from one thread at a time. Transfers that fail are repeated a few times, where
    repeating them can lose nothing.

    Args:
        bus: the bus that it is on.
        timebase: what times the transfers and the waiting.
        address: 0x68, or 0x69 with AD0 high.
        rate: samples per second; see `ChipSettings`.
        accel_range: full scale in g.
        gyro_range: full scale in deg/s.
        dlpf: low-pass setting; where None, the widest below rate / 2, see `dlpf_for`.
        calibration: what is taken out of the readings, if it belongs to this chip.

    Attributes:
        settings: rate, ranges and filter.
        identity: what answers at the address; known once it was started.
        fingerprint: tells this chip from others of its kind; likewise.

    Raises:
        ConfigError: a setting that the chip does not have.
    """

    def __init__(
        self,
        bus: Bus,
        timebase: Timebase,
        *,
        address: int = 0x68,
        rate: int = 50,
        accel_range: int = 8,
        gyro_range: int = 1000,
        dlpf: int | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        self.address = address
        self.settings = ChipSettings(
            rate, accel_range, gyro_range, dlpf_for(rate) if dlpf is None else dlpf
        )
        self.identity = ChipIdentity(0x68, "MPU-6050", MPU6050, clone=False)
        self._registers = RegisterAccess(bus, timebase, address)
        self._timebase = timebase
        self._expected: dict[int, int] = {}
        self._scale: FloatArray = np.ones(6, np.float32)
        self._calibration = calibration
        self._correction: tuple[FloatArray, FloatArray] | None = None
        self._nap: Nap | None = None
        self.fingerprint = ""

    @property
    def rate(self) -> int:
        """Nominal samples per second."""
        return self.settings.rate

    @property
    def calibrated(self) -> bool:
        """Whether the calibration belongs to this chip and is in use."""
        return self._correction is not None

    @property
    def where(self) -> str:
        """The chip and its address, as error messages name it."""
        return f"{self.identity.name} at 0x{self.address:02X}"

    @property
    def frame_size(self) -> int:
        """Bytes of a frame in the FIFO."""
        return 14 if self.identity.family.temperature_in_fifo else 12

    @property
    def fifo_frames(self) -> int:
        """Whole frames that the FIFO holds."""
        return self.identity.family.fifo_size // self.frame_size

    @property
    def retries(self) -> int:
        """Transfers that had to be repeated."""
        return self._registers.retries

    @property
    def bus_seconds(self) -> float:
        """Time that all transfers took, measured from call to return."""
        return self._registers.bus_seconds

    @property
    def bus_hertz(self) -> float | None:
        """Clock of the bus, as long transfers show it; None before the first."""
        return self._registers.bus_hertz

    # --- start and end ------------------------------------------------------------------

    def start(self) -> float:
        """Reset the chip fully, identify and configure it, and switch its FIFO on.

        It is safe on a chip that another program left in any state, and takes 160 ms.

        Returns:
            Monotonic seconds at which the FIFO was empty; see `reset_fifo`.

        Raises:
            WrongChip: what answers cannot be read as an MPU-6050.
            ChipNotConfigured: a register does not keep what is written to it.
            ConfigError: the clone that was found lacks one of the settings.
            SensorError: the bus failed.
        """
        self._identify()
        self._registers.write(reg.PWR_MGMT_1, reg.DEVICE_RESET)
        self._registers.wait(_RESET_SECONDS)
        self._recognise()
        try:
            self._configure()
            moment = self.reset_fifo()
            # Only now, so that a breakdown of the supply in the meantime shows as well.
            self._verify({**self._expected, reg.INT_ENABLE: reg.FIFO_OVERFLOW})
        except ChipNotConfigured as error:
            if self.identity.known:
                raise
            raise WrongChip(
                f"{error.problem}, and nobody knows the WHO_AM_I "
                f"0x{self.identity.who_am_i:02X}",
                where=self.where,
                remedy="See whether another chip, such as a clock, sits at this address",
            ) from error
        self._scale = self._read_scale()
        return moment

    def close(self) -> None:
        """Put the chip to sleep; one that does not answer is left alone."""
        with contextlib.suppress(SensorError):
            self._registers.write(reg.PWR_MGMT_1, reg.SLEEP)

    def _identify(self) -> None:
        who_am_i = self._registers.read(reg.WHO_AM_I)[0]
        if who_am_i != self.identity.who_am_i:
            # Once more: a bit may have flipped on the way.
            who_am_i = self._registers.read(reg.WHO_AM_I)[0]
        identity = identify(who_am_i)
        if identity is None:
            raise WrongChip(
                f"what answers has the WHO_AM_I 0x{who_am_i:02X}, which is no chip's",
                where=f"address 0x{self.address:02X}",
                remedy="Check SDA, the sensor's supply and which other chips share the address",
            )
        if identity.clone and identity != self.identity:
            log.warning(
                "address 0x%02X: WHO_AM_I 0x%02X is no MPU-6050 but: %s; using it",
                self.address,
                who_am_i,
                identity.name,
            )
        self.identity = identity

    def _recognise(self) -> None:
        """Read what the factory wrote into this chip; does the calibration belong to it?"""
        codes = self._registers.read(reg.SELF_TEST_X, 4)
        trims = self._registers.read(*self.identity.family.accel_trims)
        self.fingerprint = (bytes([self.identity.who_am_i]) + codes + trims).hex()
        wanted, self._correction = self._calibration, None
        if wanted is None:
            return
        if wanted.chip == self.fingerprint:
            self._correction = wanted.terms
        else:
            log.warning(
                "%s: the calibration is another chip's and is not used; calibrate this one",
                self.where,
            )

    def _configure(self) -> None:
        power = {reg.PWR_MGMT_1: reg.CLOCK_PLL_X_GYRO, reg.PWR_MGMT_2: 0}
        self._write_verified(power)
        settings = {**self.settings.registers(), reg.FIFO_EN: reg.FIFO_MOTION}
        family = self.identity.family
        if family.own_accel_dlpf:
            if self.settings.dlpf == 0:
                raise ConfigError(
                    f"the {self.identity.name} ignores the sample rate with low-pass setting 0",
                    where="sensor.dlpf",
                    remedy="Choose 1 to 6, or leave it out",
                )
            settings[reg.ACCEL_CONFIG_2] = self.settings.dlpf
        if family.temperature_in_fifo:
            settings[reg.FIFO_EN] |= reg.FIFO_TEMPERATURE
        self._registers.write_all({**settings, reg.INT_ENABLE: reg.FIFO_OVERFLOW})
        self._registers.wait(_GYRO_SECONDS)
        self._expected = {**power, **settings, reg.USER_CTRL: reg.USER_FIFO_ENABLE}

    def _read_scale(self) -> FloatArray:
        gyro, accel = self._registers.read(reg.GYRO_CONFIG, 2)
        per_g = lsb_by_range(accel, reg.ACCEL_LSB_PER_G)
        per_deg_s = lsb_by_range(gyro, reg.GYRO_LSB_PER_DEG_S)
        return np.array([1 / per_g] * 3 + [1 / per_deg_s] * 3, np.float32)

    def _write_verified(self, contents: Mapping[int, int]) -> None:
        self._registers.write_all(contents)
        self._verify(contents)

    def _verify(self, contents: Mapping[int, int]) -> None:
        wrong = self._registers.differences(contents)
        if self.identity.family.temperature_in_fifo:
            wrong.pop(reg.FIFO_EN, None)  # the ICM-20602 keeps only some of its bits
        if not wrong:
            return
        # A chip that sleeps has lost the rest by the same cause, so this is named first.
        register = reg.PWR_MGMT_1 if reg.PWR_MGMT_1 in wrong else min(wrong)
        wanted, found = wrong[register]
        if register == reg.PWR_MGMT_1 and found & reg.SLEEP:
            problem = "the chip fell asleep, as after a breakdown of its supply"
        else:
            problem = f"register 0x{register:02X} holds 0x{found:02X}, not 0x{wanted:02X}"
        raise ChipNotConfigured(
            problem, where=self.where, remedy="Check the sensor's supply and its wires"
        )

    # --- the FIFO -----------------------------------------------------------------------

    def reset_fifo(self) -> float:
        """Empty the FIFO and let it fill again.

        Returns:
            Monotonic seconds at which it was empty; every frame in it is younger.

        Raises:
            ChipNotConfigured: the FIFO does not go on.
            SensorError: the bus failed.
        """
        self._registers.write(reg.USER_CTRL, reg.USER_FIFO_RESET)
        self._registers.read(reg.INT_STATUS)
        moment = self._timebase.monotonic()
        self._write_verified({reg.USER_CTRL: reg.USER_FIFO_ENABLE})
        return moment

    def latch_fifo(self) -> FifoLatch:
        """Count the frames in the FIFO.

        Raises:
            FifoOverflow: it is full, or holds something else than whole frames.
            SensorError: the bus failed.
        """
        count, before, after = self._count()
        if count > self.fifo_frames * self.frame_size:
            raise self._overflow(f"the FIFO is full ({count} bytes)")
        if count % self.frame_size:
            # The chip may have been at writing a frame; then the rest of it is there by now.
            count, before, after = self._count()
            if count % self.frame_size:
                raise self._overflow(f"the FIFO is out of step ({count} bytes)")
        return FifoLatch(count // self.frame_size, before, after)

    def read_fifo(self, latch: FifoLatch | None = None) -> FifoBatch:
        """Fetch the frames that were counted, in one transfer.

        Args:
            latch: the count to go by; where None, it is taken now.

        Raises:
            FifoOverflow: the FIFO ran over before the last frame was out of it.
            ChipNotConfigured: the chip lost its supply and the frames with it.
            SensorError: the bus failed; what was in the FIFO is then in doubt.
        """
        latch = latch or self.latch_fifo()
        if latch.frames == 0:
            return FifoBatch(np.empty((0, 6), np.float32), latch)
        content = self._registers.pop(reg.FIFO_R_W, latch.frames * self.frame_size)
        # Asked afterwards, so that an overflow between the count and the last byte shows.
        if self._registers.read(reg.INT_STATUS)[0] & reg.FIFO_OVERFLOW:
            raise self._overflow("the FIFO ran over")
        if len(set(content[-self.frame_size :])) == 1:
            self.check()  # an empty FIFO repeats its last byte; did the chip lose its power?
        words = np.frombuffer(content, ">i2").reshape(latch.frames, -1)
        if words.shape[1] == 7:
            words = np.delete(words, 3, axis=1)  # the temperature
        values = words.astype(np.float32) * self._scale
        if self._correction is not None:
            matrix, shift = self._correction
            values = values @ matrix + shift
        return FifoBatch(values, latch)

    def _count(self) -> tuple[int, float, float]:
        content, before, after = self._registers.timed_read(reg.FIFO_COUNT_H, 2)
        return int.from_bytes(content, "big"), before, after

    def _overflow(self, problem: str) -> FifoOverflow:
        return FifoOverflow(
            problem, where=self.where, remedy="Lower sensor.rate, or give harpi more of the CPU"
        )

    # --- while nothing moves ------------------------------------------------------------

    @property
    def can_nap(self) -> bool:
        """Whether its registers for that are the MPU-6050's; the 6500 family's differ."""
        return not self.identity.family.own_accel_dlpf

    def nap(self) -> None:
        """Let it look at the acceleration alone, now and then, until it is started again.

        Raises:
            SensorError: the bus failed.
        """
        accel = self.settings.registers()[reg.ACCEL_CONFIG]
        per_g = reg.ACCEL_LSB_PER_G[self.settings.accel_range]
        self._nap = Nap(self._registers, accel, per_g, self.where)
        self._nap.begin()
        self._expected = dict(self._nap.registers)

    def moved(self) -> bool:
        """Look whether it was moved while it napped.

        Raises:
            ChipNotConfigured: it measures no more.
            SensorError: the bus failed.
        """
        return self._nap is None or self._nap.moved()

    # --- watching over it ---------------------------------------------------------------

    def check(self) -> None:
        """Read back the configuration.

        Raises:
            ChipNotConfigured: the chip lost it; it was without power for a moment.
            SensorError: the bus failed.
        """
        self._verify(self._expected)

    def temperature(self) -> float:
        """Measure the temperature of the die, °C (p. 30).

        Raises:
            SensorError: the bus failed.
        """
        family = self.identity.family
        raw = int.from_bytes(self._registers.read(reg.TEMP_OUT_H, 2), "big", signed=True)
        return raw / family.lsb_per_degree + family.zero_degrees
