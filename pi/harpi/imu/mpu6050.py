"""The driver of the MPU-6050: identity, configuration, FIFO and temperature."""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Mapping
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
from harpi.imu.sensor import Batch, Latch
from harpi.timebase import Timebase
from harpi.types import FloatArray

log = logging.getLogger(__name__)

_RESET_SECONDS: Final = 0.1  # RM-MPU-6000A p. 41
_LOOKS: Final = 40
_FRAMES: Final = 4
_FRAME_SIZES: Final = (12, 14)
"""Bytes of a frame that can be read: six words, or seven with the temperature."""
_LATE_PERIODS: Final = 1.9
"""Periods after a sample in the registers at which the next one was surely overwritten."""
_GYRO_SECONDS: Final = 0.06  # twice the gyro's start-up time, PS-MPU-6000A p. 12


class Mpu6050:
    """An MPU-6050, or a chip that passes for one, on an I2C bus: a `harpi.imu.sensor.Sensor`.

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
        self._offsets: dict[int, int] = {}
        self._scale: FloatArray = np.ones(6, np.float32)
        self._calibration = calibration
        self._correction: tuple[FloatArray, FloatArray] | None = None
        self._nap: Nap | None = None
        self._frame_length: int | None = None  # where it is not what the family says
        self._without_fifo = False
        self._emptied = self._counted = timebase.monotonic()
        self._waiting = False
        self.fingerprint = ""

    @property
    def rate(self) -> int:
        """Nominal samples per second."""
        return self.settings.rate

    @property
    def ranges(self) -> tuple[float, float]:
        """Full scales, in g and in deg/s."""
        return float(self.settings.accel_range), float(self.settings.gyro_range)

    @property
    def bandwidth(self) -> float:
        """Of the low-pass filter, Hz."""
        return float(reg.DLPF_BANDWIDTH[self.settings.dlpf])

    @property
    def without_fifo(self) -> bool:
        """Whether it is read sample by sample, because its FIFO does not work."""
        return self._without_fifo

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
        return self._frame_length or (14 if self.identity.family.temperature_in_fifo else 12)

    @property
    def capacity(self) -> int:
        """Samples that can wait: whole frames in the FIFO, or the one in the registers."""
        return 1 if self._without_fifo else self.identity.family.fifo_size // self.frame_size

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
            Monotonic seconds at which the FIFO was empty; see `empty`.

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
            moment = self.empty()
            # Only now, so that a breakdown of the supply in the meantime shows as well.
            self._verify({**self._expected, reg.INT_ENABLE: reg.FIFO_OVERFLOW})
            if self.identity.known:
                self._expected |= self._offsets
        except ChipNotConfigured as error:
            if self.identity.known:
                raise
            raise WrongChip(
                f"{error.problem}, and the WHO_AM_I 0x{self.identity.who_am_i:02X}",
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
                f"what answers has the WHO_AM_I 0x{who_am_i:02X}, which belongs to no known "
                "chip",
                where=f"address 0x{self.address:02X}",
                remedy="Check SDA, the sensor's supply and which other chips share the address",
            )
        if identity.clone and identity != self.identity:
            log.warning(
                "address 0x%02X: WHO_AM_I 0x%02X is not an MPU-6050 but: %s; using it",
                self.address,
                who_am_i,
                identity.name,
            )
        if identity != self.identity:
            self._frame_length, self._without_fifo = None, False
        self.identity = identity

    def _recognise(self) -> None:
        """Read what the factory wrote into this chip; does the calibration belong to it?"""
        codes = self._registers.read(reg.SELF_TEST_X, 4)
        first, length = self.identity.family.accel_trims
        trims = self._registers.read(first, length)
        # Another program may write its own zero there, which a reset takes out again.
        gyro = self._registers.read(reg.XG_OFFSET_H, 6)
        self._offsets = {
            **dict(enumerate(trims, first)),
            **dict(enumerate(gyro, reg.XG_OFFSET_H)),
        }
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
            remedy = "Check the sensor's supply and its wires"
        else:
            remedy = (
                "See that no other program uses the sensor ('sudo fuser -v /dev/i2c-*'), then "
                "check its supply"
            )
            problem = f"register 0x{register:02X} holds 0x{found:02X}, not 0x{wanted:02X}"
        raise ChipNotConfigured(problem, where=self.where, remedy=remedy)

    # --- the FIFO -----------------------------------------------------------------------

    def empty(self) -> float:
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
        self._emptied = self._counted = moment
        self._waiting = False
        return moment

    def latch(self) -> Latch:
        """Count the frames in the FIFO.

        Raises:
            FifoOverflow: it is full, or holds something else than whole frames.
            WrongChip: its frames are of a length that harpi cannot read.
            SensorError: the bus failed.
        """
        if self._without_fifo:
            return self._latch_registers()
        count, before, after = self._count()
        if count > self.capacity * self.frame_size:
            raise self._overflow(f"the FIFO is full ({count} bytes)")
        if count % self.frame_size:
            # The chip may have been at writing a frame; then the rest of it is there by now.
            count, before, after = self._count()
            if count % self.frame_size:
                if not self._registers.read(reg.INT_STATUS)[0] & reg.FIFO_OVERFLOW:
                    self._learn_frame_length()
                raise self._overflow(f"the FIFO is out of step ({count} bytes)")
        self._counted = after
        return Latch(count // self.frame_size, before, after)

    def read(self, latch: Latch | None = None) -> Batch:
        """Fetch the frames that were counted, in one transfer.

        Args:
            latch: the count to go by; where None, it is taken now.

        Raises:
            FifoOverflow: the FIFO overflowed before the last frame was out of it.
            ChipNotConfigured: the chip lost its supply and the frames with it.
            SensorError: the bus failed; what was in the FIFO is then in doubt.
        """
        latch = latch or self.latch()
        if latch.frames == 0:
            nothing = np.empty((0, 6), np.float32)
            return Batch(nothing, latch, nothing)
        if self._without_fifo:
            self._waiting = False
            content = self._registers.read(reg.ACCEL_XOUT_H, 14)
        else:
            content = self._registers.pop(reg.FIFO_R_W, latch.frames * self.frame_size)
            # Asked afterwards, so that an overflow between the count and the last byte shows.
            if self._registers.read(reg.INT_STATUS)[0] & reg.FIFO_OVERFLOW:
                raise self._overflow("the FIFO overflowed")
            if len(set(content[-self.frame_size :])) == 1:
                self.check()  # an empty FIFO repeats its last byte; did it lose its power?
        words = np.frombuffer(content, ">i2").reshape(latch.frames, -1)
        if words.shape[1] == 7:
            words = np.delete(words, 3, axis=1)  # the temperature
        values = raw = words.astype(np.float32) * self._scale
        if self._correction is not None:
            matrix, shift = self._correction
            values = raw @ matrix + shift
        return Batch(values, latch, raw)

    def _learn_frame_length(self) -> None:
        """Find out how long the frames are, from how the count of bytes grows.

        Raises:
            WrongChip: none of the lengths that harpi can read.
            SensorError: the bus failed.
        """
        self.empty()
        length, last, grown = 0, 0, 0
        for _ in range(_LOOKS):
            self._registers.wait(0.4 / self.rate)
            count, _, _ = self._count()
            # Only a count that stands is one of whole frames.
            if count == last and count:
                length = math.gcd(length, count)
            grown += count > last
            last = count
            if grown >= _FRAMES:
                break
        if not grown:
            return  # nothing comes at all, which is another fault
        if length in _FRAME_SIZES:
            if length != self.frame_size:
                log.warning(
                    "%s: its frames have %d bytes, not %d; harpi reads them like that",
                    self.where,
                    length,
                    self.frame_size,
                )
                self._frame_length = length
            return
        raise WrongChip(
            f"its FIFO fills by {length or 'no whole number of'} bytes for each sample, where "
            "an MPU-6050's has 12",
            where=self.where,
            remedy="It is another chip: see what its board says, and use an MPU-6050",
        )

    # --- without a FIFO -----------------------------------------------------------------

    def do_without_fifo(self) -> bool:
        """Read the registers sample by sample from now on, if new samples come there.

        Returns:
            Whether they do.

        Raises:
            SensorError: the bus failed.
        """
        contents = set()
        for _ in range(_LOOKS):
            contents.add(self._registers.read(reg.ACCEL_XOUT_H, 14))
            self._registers.wait(1.1 / self.rate)
        if len(contents) <= _LOOKS // 4:
            return False
        self._without_fifo = True
        self._registers.read(reg.INT_STATUS)
        self._counted = self._timebase.monotonic()
        self._waiting = False
        return True

    def _latch_registers(self) -> Latch:
        """Ask whether a new sample is in the registers.

        Raises:
            FifoOverflow: so much time has passed that another one was there before.
            SensorError: the bus failed.
        """
        content, before, after = self._registers.timed_read(reg.INT_STATUS, 1)
        late = before - self._counted > _LATE_PERIODS / self.rate
        if content[0] & reg.DATA_READY:
            self._waiting = True
            self._counted = after
            if late:
                raise FifoOverflow(
                    "a sample was overwritten before it was read",
                    where=self.where,
                    remedy="Give harpi more of the CPU; this chip has no FIFO to wait in",
                )
        return Latch(int(self._waiting), before, after)

    def _count(self) -> tuple[int, float, float]:
        content, before, after = self._registers.timed_read(reg.FIFO_COUNT_H, 2)
        return int.from_bytes(content, "big"), before, after

    def _overflow(self, problem: str) -> FifoOverflow:
        """Say why, too: harpi came late, or the chip fills its FIFO faster than it was told."""
        since = self._timebase.monotonic() - max(self._counted, self._emptied)
        remedy = "Give harpi more of the CPU, or lower sensor.rate"
        if since < 0.5 * self.capacity / self.rate:
            problem += ", long before it can be"
            remedy = "See that no other program uses the sensor; else the chip is at fault"
        return FifoOverflow(problem, where=self.where, remedy=remedy)

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
