"""An MPU-6050 at register level: what it answers to every byte on its bus.

The acceleration goes through a high-pass filter (ACCEL_HPF: 0 reset, 1 to 4 from 5 Hz down to
0.63 Hz, 7 hold, that is less the sample at which it was set). Motion is found when any axis of
the result exceeds MOT_THR (2 mg per LSB) for MOT_DUR samples in a row; r4.0 counts
milliseconds, which are samples at 1 kHz, and in cycle mode only the samples' time passes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harpi.imu.emulator import registers as reg
from harpi.imu.emulator.motion import Motion
from harpi.imu.emulator.settings import Setting, Specimen, Variant
from harpi.imu.emulator.signal_path import SignalPath, Words
from harpi.timebase import Timebase

RESET_SECONDS: Final = 0.1
"""How long a DEVICE_RESET takes; until then the chip forgets what is written to it."""

_DATA: Final = slice(reg.ACCEL_XOUT_H, reg.GYRO_ZOUT_L + 1)

_FRAME_BYTES: Final = 14  # at most, with every sensor in the FIFO


class Chip:
    """An MPU-6050, or one of the chips sold as such, moved by a `Motion`.

    It computes its samples when somebody looks, as many as its own clock has made due by
    then. It follows RM-MPU-6000A r4.2 and PS-MPU-6000A r3.4, to the letter where a real chip
    may be more lenient: while the FIFO is disabled it cannot be read or written, and it is
    reset only by a write that leaves it disabled.

    Args:
        motion: what moves it.
        timebase: gives the moment at which it is powered.
        who_am_i: content of WHO_AM_I; the 6500 family behaves as such, see `variants`.
        clock_error: 0.02 for a clock that runs 2 % fast.
        seed: for noise, factory trims and self-test codes; the same seed is the same chip.
        noise: whether it makes noise.
        bias: zero-g and zero-rate error, six values in g and deg/s.
        accel_gain: ``[3, 3]``, what the accelerometer makes of the true acceleration; off the
            identity by its errors of scale and its misalignment.
        temperature: of the die in degrees Celsius.
        self_test_error: by how much the self-test response misses the factory trim, 0.2 for
            20 % more; the data sheet allows 14 %. One number, or six for accel and gyro x y z.
        variant: what it is; where None, what answers with its WHO_AM_I.
        bits: of its converter; the lowest of the 16 are then always 0.

    Attributes:
        samples: how many samples it has taken since it was made, until it was last accessed.
    """

    def __init__(
        self,
        motion: Motion,
        timebase: Timebase,
        *,
        who_am_i: int = 0x68,
        clock_error: float = 0.0,
        seed: int = 0,
        noise: bool = True,
        bias: ArrayLike = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        accel_gain: ArrayLike | None = None,
        temperature: float = 25.0,
        self_test_error: ArrayLike = 0.0,
        variant: Variant | None = None,
        bits: int = 16,
    ) -> None:
        rng = np.random.default_rng(seed)
        self._specimen = Specimen(
            who_am_i,
            rng,
            np.asarray(bias, np.float64),
            np.asarray(self_test_error, np.float64),
            variant,
        )
        self._mask = -1 << 16 - bits
        self._held: dict[int, int | None] = {}
        self._dry = self._flooding = False
        self._path = SignalPath(motion, rng if noise else None, clock_error, accel_gain)
        self._fifo = Fifo(self._specimen.variant.fifo_size)
        self._temperature = temperature
        self._setting: Setting | None = None
        self._pointer = 0
        self.samples = 0
        self._frozen = False
        self._shown_id: int | None = None
        self.power_cycle(timebase.monotonic())

    # --- the bus --------------------------------------------------------------------------

    def write(self, content: bytes, now: float) -> None:
        """Take the bytes of a write: the register number, then contents from there on."""
        if content:
            self._pointer = content[0] & 0x7F
        if len(content) < 2:
            return
        self._advance(now)
        for value in content[1:]:
            if now >= self._ready_at:
                self._write_register(value, now)
            self._step_pointer()
        self._configure(now)

    def read(self, length: int, now: float, byte_seconds: float = 0.0) -> bytes:
        """Give `length` bytes from the register pointer on.

        The sensor registers stand still during the read, so a burst is coherent (RM p.31);
        the FIFO goes on filling.

        Args:
            length: bytes to read.
            now: monotonic seconds at which the first byte is clocked out.
            byte_seconds: time that each byte takes on the wire.
        """
        self._advance(now)
        content = bytearray()
        while len(content) < length:
            if self._pointer == reg.FIFO_R_W:
                began = now + len(content) * byte_seconds
                content += self._read_fifo(length - len(content), began, byte_seconds)
            else:
                content.append(self._read_register())
                self._step_pointer()
        if self._regs[reg.INT_PIN_CFG] & reg.INT_RD_CLEAR:
            self._regs[reg.INT_STATUS] = 0
        return bytes(content)

    # --- the world around it --------------------------------------------------------------

    @property
    def sampling(self) -> bool:
        """Whether it is awake and takes samples."""
        return self._setting is not None

    @property
    def sample_period(self) -> float:
        """True seconds from one sample to the next, clock error included; once it sampled."""
        return self._path.period

    @property
    def latest_sample_time(self) -> float:
        """True moment of the latest sample, in monotonic seconds."""
        return self._path.latest_time

    def set_temperature(self, celsius: float, now: float) -> None:
        """Let the die have another temperature from `now` on."""
        self._advance(now)
        self._temperature = celsius
        self._configure(now)

    def set_clock_error(self, clock_error: float, now: float) -> None:
        """Let the chip's clock run at another speed from `now` on."""
        self._advance(now)
        self._path.set_clock_error(clock_error)

    def power_cycle(self, now: float) -> None:
        """Cut the power for a moment: asleep, nothing configured, FIFO empty."""
        self._reset()
        self._ready_at = now
        self._configure(now)

    def flood(self, now: float) -> None:
        """Run the FIFO over, as if nobody had read it for a long time."""
        self._advance(now)
        frame = self._frames(self._latest())
        if frame:
            self._push(frame * (self._fifo.size // len(frame) + 1))

    def pretend(
        self,
        *,
        frozen: bool,
        who_am_i: int | None,
        now: float,
        held: Mapping[int, int | None] | None = None,
        dry: bool = False,
        flooding: bool = False,
    ) -> None:
        """Answer wrongly from `now` on, as a damaged chip or a bad wire does.

        Args:
            frozen: every sample repeats the one before.
            who_am_i: what WHO_AM_I reads; None for the truth.
            now: monotonic seconds.
            held: by number of the axis, what it reads; None for what it read last.
            dry: nothing comes into the FIFO.
            flooding: the FIFO runs over with every sample.
        """
        held = held or {}
        if (frozen, held, dry, flooding) != (
            self._frozen,
            self._held,
            self._dry,
            self._flooding,
        ):
            self._advance(now)
            self._frozen, self._held = frozen, dict(held)
            self._dry, self._flooding = dry, flooding
        self._shown_id = who_am_i

    def meddle(self, register: int, content: int, now: float) -> None:
        """Let another program write a register."""
        pointer = self._pointer
        self.write(bytes([register, content]), now)
        self._pointer = pointer

    # --- time passes ----------------------------------------------------------------------

    def _advance(self, now: float) -> None:
        """Take the samples that became due until `now`."""
        if self._regs[reg.PWR_MGMT_1] & reg.DEVICE_RESET and now >= self._ready_at:
            self._regs[reg.PWR_MGMT_1] &= ~reg.DEVICE_RESET
            self._configure(self._ready_at)
        if self._setting is None:
            return
        due = self._path.due(now)
        if due <= 0:
            return
        self.samples += due
        unseen = due - self._fifo.size
        if unseen > 0:
            self._path.skip(unseen)
            due -= unseen
        while due:
            words = self._path.take(due)
            due -= len(words)
            if self._frozen:
                words = self._latest().repeat(len(words), axis=0)
            if self._held or self._mask != -1:
                words = self._distorted(words)
            if not self._dry:
                self._push(self._frames(words))
            if self._flooding:
                self.flood(now)
            self._watch_motion(words)
        self._regs[_DATA] = words[-1].tobytes()
        self._regs[reg.INT_STATUS] |= reg.DATA_RDY

    def _watch_motion(self, words: Words) -> None:
        """Raise the motion interrupt where the samples ask for it."""
        config = self._regs[reg.ACCEL_CONFIG]
        if not (config & reg.ACCEL_HPF and self._regs[reg.MOT_THR]):
            self._motion.reset()
            return
        moved = self._motion.moved(
            words[:, :3] / (16384.0 / (1 << (config >> reg.FS_SEL_SHIFT & 3))),
            high_pass=config & reg.ACCEL_HPF,
            threshold=self._regs[reg.MOT_THR],
            duration=self._regs[reg.MOT_DUR],
        )
        if moved and self._regs[reg.INT_ENABLE] & reg.MOT_INT:
            self._regs[reg.INT_STATUS] |= reg.MOT_INT

    def _latest(self) -> Words:
        """Give the sensor registers as one row of words."""
        return np.frombuffer(bytes(self._regs[_DATA]), ">i2").reshape(1, 7)

    def _distorted(self, words: Words) -> Words:
        """What a damaged or a coarse chip makes of its samples."""
        latest = self._latest()[0]
        words = words.copy()
        for axis, content in self._held.items():
            word = axis if axis < 3 else axis + 1  # the temperature is between them
            words[:, word] = latest[word] if content is None else content
        motion = [0, 1, 2, 4, 5, 6]
        words[:, motion] &= self._mask
        return words

    def _frames(self, words: Words) -> bytes:
        """Pick the words that FIFO_EN asks for, in the order of their registers."""
        if not self._regs[reg.USER_CTRL] & reg.USER_FIFO_EN:
            return b""
        frames = words.take(self._fifo_words, axis=1)
        padding = self._specimen.variant.padding
        if not padding:
            return frames.tobytes()
        return b"".join(frame.tobytes() + bytes(padding) for frame in frames)

    def _push(self, content: bytes) -> None:
        if self._fifo.push(content):
            self._regs[reg.INT_STATUS] |= reg.FIFO_OFLOW

    # --- registers ------------------------------------------------------------------------

    def _step_pointer(self) -> None:
        if self._pointer != reg.FIFO_R_W:
            self._pointer = (self._pointer + 1) & 0x7F

    def _read_register(self) -> int:
        register = self._pointer
        if register == reg.FIFO_COUNT_H:
            count = len(self._fifo).to_bytes(2, "big")
            self._regs[reg.FIFO_COUNT_H : reg.FIFO_COUNT_L + 1] = count
        if register == reg.WHO_AM_I and self._shown_id is not None:
            return self._shown_id
        value = self._regs[register]
        if register == reg.INT_STATUS:
            self._regs[register] = 0
        return value

    def _read_fifo(self, length: int, now: float, byte_seconds: float) -> bytes:
        """Pop bytes one after the other, as they go over the wire."""
        if not self._regs[reg.USER_CTRL] & reg.USER_FIFO_EN:
            return self._fifo.repeat(length)
        content = bytearray()
        while len(content) < length:
            moment = now + len(content) * byte_seconds
            self._advance(moment)
            rest = length - len(content)
            content += self._fifo.pop(self._poppable(rest, moment, byte_seconds))
        return bytes(content)

    def _poppable(self, rest: int, now: float, byte_seconds: float) -> int:
        """How many of `rest` bytes can be popped at once before new samples matter."""
        if self._setting is None or byte_seconds == 0.0:
            return rest
        coming = self._path.due(now + rest * byte_seconds) * _FRAME_BYTES
        if rest <= len(self._fifo) <= self._fifo.size - coming:
            return rest
        until_next = self._path.latest_time + self._path.period - now
        return min(rest, max(1, math.ceil(until_next / byte_seconds)))

    def _write_register(self, value: int, now: float) -> None:
        register = self._pointer
        if register == reg.PWR_MGMT_1 and value & reg.DEVICE_RESET:
            self._reset()
            self._regs[reg.PWR_MGMT_1] |= reg.DEVICE_RESET
            self._ready_at = now + RESET_SECONDS
        elif register == reg.USER_CTRL:
            self._write_user_control(value)
        elif register == reg.SIGNAL_PATH_RESET:
            self._restart |= bool(value & reg.SIGNAL_PATHS)
        elif register == reg.FIFO_R_W:
            if self._regs[reg.USER_CTRL] & reg.USER_FIFO_EN:
                self._push(bytes([value]))
        elif self._specimen.writable(register):
            self._regs[register] = value

    def _write_user_control(self, value: int) -> None:
        self._regs[reg.USER_CTRL] = value & ~reg.USER_RESETS
        if value & reg.USER_FIFO_RESET and not value & reg.USER_FIFO_EN:
            self._fifo.clear()
        if value & reg.USER_SIG_COND_RESET:
            self._regs[_DATA] = bytes(14)
            self._restart = True

    def _reset(self) -> None:
        self._regs = self._specimen.power_up()
        self._fifo.clear()
        self._motion = MotionDetector()
        self._restart = True

    def _configure(self, now: float) -> None:
        """Bring the signal path into line with the registers."""
        self._fifo_words = self._specimen.fifo_words(self._regs[reg.FIFO_EN])
        before = self._setting
        after = self._setting = self._specimen.setting(self._regs, self._temperature)
        if after is None:
            return
        if before is None:
            self._gyro_start = now
        if (
            before is None
            or self._restart
            or (before.rate, before.step) != (after.rate, after.step)
        ):
            latest = self._latest()[0]
            self._path.start(after, now, gyro_start=self._gyro_start, latest=latest)
        elif before != after:
            self._path.change(after)
        self._restart = False


class Fifo:
    """A byte queue as in the MPU-6050 (RM-MPU-6000A r4.2, registers 0x72 to 0x74).

    It knows nothing of frames. Where its size is no multiple of the frame, an overflow
    therefore leaves it out of step, as it does on the chip: 1024 mod 12 is 4.

    Args:
        size: bytes that it holds.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._bytes = bytearray()
        self._last = 0

    def __len__(self) -> int:
        return len(self._bytes)

    def push(self, content: bytes) -> bool:
        """Append bytes; return whether older ones had to be dropped to make room."""
        self._bytes += content
        excess = len(self._bytes) - self.size
        if excess <= 0:
            return False
        del self._bytes[:excess]
        return True

    def pop(self, count: int) -> bytes:
        """Take the `count` oldest bytes; once empty, the last byte is repeated."""
        taken = bytes(self._bytes[:count])
        del self._bytes[:count]
        if taken:
            self._last = taken[-1]
        return taken + self.repeat(count - len(taken))

    def repeat(self, count: int) -> bytes:
        """Give the byte that was popped last, `count` times."""
        return bytes([self._last]) * count

    def clear(self) -> None:
        """Forget everything, the last byte too."""
        self._bytes.clear()
        self._last = 0


G_PER_LSB: Final = 0.002

HOLD: Final = 7

_CUTOFFS: Final = {1: 5.0, 2: 2.5, 3: 1.25, 4: 0.63}

_RATE: Final = 1000.0


class MotionDetector:
    """The filter and the counter."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything, as with ACCEL_HPF at 0."""
        self._mode = 0
        self._held: NDArray[np.float64] | None = None
        self._counted = 0

    def moved(
        self, accel: NDArray[np.float64], *, high_pass: int, threshold: int, duration: int
    ) -> bool:
        """Take the next samples; tell whether the interrupt is raised by any of them.

        Args:
            accel: ``[n, 3]``, g.
            high_pass: content of ACCEL_HPF, not 0.
            threshold: content of MOT_THR, not 0.
            duration: content of MOT_DUR.
        """
        if high_pass != self._mode:
            self._mode, self._held = high_pass, None
        raised = False
        for sample in accel:
            if self._held is None:
                self._held = sample
            exceeds = np.abs(sample - self._held).max() > threshold * G_PER_LSB
            if high_pass != HOLD:
                share = 1 - math.exp(-2 * math.pi * _CUTOFFS.get(high_pass, 5.0) / _RATE)
                self._held = self._held + share * (sample - self._held)
            self._counted = self._counted + 1 if exceeds else 0
            raised |= exceeds and self._counted >= max(1, duration)
        return raised
