"""Can what the sensor shows be true? Every axis and both triples are judged, all the time.

A chip can answer every transfer and still lie: an axis that stands still, one at the end of its
range, an accelerometer without gravity. `SignalWatch` judges the samples second by second while
they come; `judge` does the same to a whole recording.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harpi.imu import registers as reg
from harpi.imu.calibration import ACCEL_DENSITY, GYRO_DENSITY
from harpi.types import AXES, FloatArray, TimeArray

Kind = Literal["constant", "rail", "gravity", "quiet"]
"""What is wrong. `constant`: the value stays the same, though noise or motion would change it.
`rail`: it stays at the end of its range. `gravity`: the acceleration has a length that nothing
on earth has for so long. `quiet`: it changes less than the noise of a chip would change it."""

Ranges = tuple[float, float]
"""Full scale of the accelerometer in g, and of the gyroscope in deg/s."""

_NEAR_THE_END: Final = 0.998
"""Share of the full scale from which a value is at the end: the last code of 12 bits is."""
_WEIGHTLESS: Final = 0.6
"""g; the mean acceleration of three seconds is never lower, whatever a body does."""
_GRAVITY_ERROR: Final = 0.35
"""g by which gravity may seem wrong: an uncalibrated chip (0.11), and a car that speeds up."""
_STEADY_G: Final = 0.03
"""Standard deviation within a second up to which the acceleration is gravity alone."""
_GRAVITY_SECONDS: Final = 3

_LIVELY: Final = np.array([0.3] * 3 + [40.0] * 3)
"""g and deg/s that an axis varies by within a second in which the sensor surely moves."""
_STEPS_OF_THE_DEAD: Final = 2.0
"""Steps of its resolution that a dead axis may vary by while the sensor moves."""
_LIVELY_SECONDS: Final = 5

_NOISE_SHARE: Final = 0.5
"""Of the noise in the data sheet that every chip has: the least noisy relative has 100 of the
400 ug/rtHz, but only where a step is small against it."""
_QUIET_SHARE: Final = 0.15
_QUIET_SECONDS: Final = 5
_CHANCE: Final = 1e-9
"""Of a living axis that is taken for a constant one."""
_SOONEST: Final = 2.0
_LATEST: Final = 60.0
"""Seconds after which an axis at rest counts as constant; where chance asks for more than the
latter, rest proves nothing, and only motion does."""
_COARSEST: Final = 16.0
"""Counts that the smallest step may be: copies of the chip that have only 12 bits."""
_UNKNOWN_BANDWIDTH: Final = 5.0

_LIVING_CHANGES: Final = 3
"""Changes within a second that end what was found of a constant axis."""
_REMEMBERED: Final = 256
"""Stretches and blocks that are remembered for takes; older ones are in no take any more."""

_AT_ONCE: Final = 600.0
"""Seconds of a recording that are judged at once; it bounds the memory."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that cannot be true of a working sensor.

    Attributes:
        kind: what is wrong.
        axes: which axes, of `harpi.types.AXES`.
        since: time of the first sample that it is true of, as the samples count it.
        until: likewise of the first sample after it; None while it goes on.
        detail: the measured value in words; empty where `kind` says all.
    """

    kind: Kind
    axes: tuple[str, ...]
    since: float
    until: float | None = None
    detail: str = ""

    @property
    def who(self) -> str:
        """Name the axes: `the accelerometer`, `the gyroscope's x and y axes`."""
        return name_of(self.axes)

    @property
    def problem(self) -> str:
        """Say what is wrong, in half a sentence."""
        many = len(self.axes) > 1 and not self.who.endswith(("meter", "scope", "sensor"))
        be, do = ("are", "do") if many else ("is", "does")
        match self.kind:
            case "constant":
                return f"{self.who} {do} not change any more, not even by noise"
            case "rail":
                return f"{self.who} {be} stuck at the end of the range"
            case "gravity":
                return f"{self.who} shows {self.detail}, where gravity alone is 1 g"
            case "quiet":
                return f"{self.who} {'have' if many else 'has'} less noise than a working chip"


REMEDY: Final = (
    "Take the sensor's supply away for a second; if it happens again, check its wires, then "
    "replace "
    "the sensor"
)


def name_of(axes: Sequence[str]) -> str:
    """Name axes as people do."""
    if len(axes) == len(AXES):
        return "the sensor"
    parts = []
    for name, letter in (("accelerometer", "a"), ("gyroscope", "g")):
        own = [axis[1] for axis in axes if axis[0] == letter]
        if len(own) == 3:
            parts.append(f"the {name}")
        elif own:
            parts.append(
                f"the {name}'s {' and '.join(own)} {'axis' if len(own) == 1 else 'axes'}"
            )
    return " and ".join(parts)


def judge(values: FloatArray, rate: float, ranges: Ranges | None = None) -> tuple[Finding, ...]:
    """Judge a whole recording.

    Args:
        values: ``[n, 6]``, g and deg/s, as the sensor gave them.
        rate: samples per second.
        ranges: full scales; where None, nothing is said to be at the end of a range.

    Returns:
        What cannot be true, with seconds from the first sample, in the order of time.
    """
    watch = SignalWatch(rate, ranges)
    times = np.arange(len(values)) / rate
    step = max(1, round(_AT_ONCE * rate))
    for begin in range(0, len(values), step):
        watch.take(np.asarray(values[begin : begin + step]), times[begin : begin + step])
    return tuple(sorted(watch.found(), key=lambda finding: finding.since))


class _Second(NamedTuple):
    """What is looked at of one second; arrays have one element for each axis."""

    begin: float
    end: float
    first: NDArray[np.float64]
    last: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    changes: NDArray[np.int64]
    length: float
    steady: bool
    step: NDArray[np.float64]
    quiet: NDArray[np.bool_]


class Doubts(NamedTuple):
    """What is doubtful about the samples of some time.

    Attributes:
        reasons: why they are not to be believed; half sentences, each once.
        saturated: samples at the end of the range, of the accelerometer and the gyroscope.
    """

    reasons: tuple[str, ...]
    saturated: tuple[int, int]


NO_DOUBTS: Final = Doubts((), (0, 0))


class SignalWatch:
    """Judges samples while they come.

    `take` belongs to one thread and costs a handful of array operations each second; the rest
    may be called from any.

    Args:
        rate: samples per second.
        ranges: full scales; where None, no value is said to be at the end of a range.
        bandwidth: of the low-pass filter in Hz; where None, one so low that little noise is
            expected.
    """

    def __init__(
        self, rate: float, ranges: Ranges | None = None, *, bandwidth: float | None = None
    ) -> None:
        self._size = max(8, round(rate))
        self._seconds = self._size / rate
        band = _UNKNOWN_BANDWIDTH if bandwidth is None else bandwidth
        self._independent = min(rate, 2.0 * band)
        noise = math.sqrt(min(band * math.pi / 2, rate / 2))
        self._noise = np.repeat([ACCEL_DENSITY * noise, GYRO_DENSITY * noise], 3)
        self._counts: NDArray[np.float64] | None = None
        self._limit: NDArray[np.float64] | None = None
        if ranges is not None:
            self._counts = np.repeat(_count_sizes(ranges), 3)
            self._limit = _NEAR_THE_END * 32767 * self._counts
        self._step: NDArray[np.float64] = np.full(6, np.inf)
        self._waiting: list[FloatArray] = []
        self._waiting_times: list[TimeArray] = []
        self._count = 0
        self._last: NDArray[np.float64] | None = None
        self._constant_since = np.full(6, np.nan)
        self._numb = np.zeros(6, int)
        self._railed = np.zeros(6, int)
        self._quiet = np.zeros(6, int)
        self._off = 0
        self._lock = threading.Lock()
        self._current: dict[Kind, Finding] = {}
        self._ended: deque[Finding] = deque(maxlen=_REMEMBERED)
        self._suspect: deque[tuple[float, float, str]] = deque(maxlen=_REMEMBERED)
        self._saturations: deque[tuple[float, int, int]] = deque(maxlen=16 * _REMEMBERED)
        self.saturated = (0, 0)
        """Samples at the end of the range so far, of the accelerometer and the gyroscope."""

    # --- what comes in ------------------------------------------------------------------

    def take(self, values: FloatArray, times: TimeArray) -> None:
        """Take the next samples, ``[n, 6]`` before any correction, and their times ``[n]``."""
        if not len(values):
            return
        self._note_saturation(values, times)
        self._waiting.append(values)
        self._waiting_times.append(times)
        self._count += len(values)
        if self._count < self._size:
            return
        values, times = np.concatenate(self._waiting), np.concatenate(self._waiting_times)
        seconds, rest = divmod(len(values), self._size)
        whole = seconds * self._size
        self._judge(
            values[:whole].reshape(seconds, self._size, 6).astype(np.float64),
            times[: whole : self._size],
            times[self._size - 1 : whole : self._size] + self._seconds / self._size,
        )
        self._waiting, self._waiting_times = [values[whole:]], [times[whole:]]
        self._count = rest

    def suspect(self, begin: float, end: float, reason: str) -> None:
        """Note that samples of some time are not to be believed, for another reason."""
        with self._lock:
            self._suspect.append((begin, end, reason))

    # --- what is known ------------------------------------------------------------------

    @property
    def current(self) -> tuple[Finding, ...]:
        """What is wrong now."""
        return tuple(self._current.values())

    def found(self) -> list[Finding]:
        """Give what was found so far, what has ended first."""
        with self._lock:
            return [*self._ended, *self._current.values()]

    def during(self, begin: float, end: float) -> Doubts:
        """Tell what is doubtful about the samples between two times."""
        with self._lock:
            findings = [*self._ended, *self._current.values()]
            reasons = [
                finding.problem
                for finding in findings
                if finding.since < end and (finding.until is None or finding.until > begin)
            ]
            reasons += [
                why for since, until, why in self._suspect if since < end and until > begin
            ]
            inside = [n for n in self._saturations if begin <= n[0] < end]
        accel, gyro = sum(note[1] for note in inside), sum(note[2] for note in inside)
        return Doubts(tuple(dict.fromkeys(reasons)), (accel, gyro))

    # --- judging ------------------------------------------------------------------------

    def _note_saturation(self, values: FloatArray, times: TimeArray) -> None:
        if self._limit is None:
            return
        at_the_end = np.abs(values) >= self._limit
        if not at_the_end.any():
            return
        accel = int(at_the_end[:, :3].any(axis=1).sum())
        gyro = int(at_the_end[:, 3:].any(axis=1).sum())
        with self._lock:
            self.saturated = (self.saturated[0] + accel, self.saturated[1] + gyro)
            self._saturations.append((float(times[-1]), accel, gyro))

    def _judge(self, values: NDArray[np.float64], begins: TimeArray, ends: TimeArray) -> None:
        """Judge seconds ``[n, size, 6]`` that begin and end at these times."""
        changes = np.abs(np.diff(values, axis=1))
        low, high = values.min(axis=1), values.max(axis=1)
        length = np.linalg.norm(values[..., :3], axis=2).mean(axis=1)
        spread = values.std(axis=1)
        steps = self._learn_steps(changes)
        floor = _QUIET_SHARE * self._noise
        figures = [
            _Second(*row)
            for row in zip(
                begins.tolist(),
                ends.tolist(),
                values[:, 0],
                values[:, -1],
                low,
                high,
                (changes > 0).sum(axis=1),
                length.tolist(),
                (spread[:, :3] < _STEADY_G).all(axis=1).tolist(),
                steps,
                (spread < floor) & (floor > 0.6 * steps) & (high > low),
                strict=True,
            )
        ]
        # Most seconds are beyond doubt, and cost no more than this.
        well = (high - low > _STEPS_OF_THE_DEAD * steps).all(axis=1)
        if self._limit is not None:
            well &= (np.maximum(high, -low) < self._limit).all(axis=1)
        for second, beyond_doubt in zip(figures, well, strict=True):
            calm = not self._current and beyond_doubt and not second.quiet.any()
            if calm and not self._is_off(second):
                for counted in (self._numb, self._railed, self._quiet):
                    counted[:] = 0
                self._off = 0
                self._constant_since[:] = np.nan
            else:
                self._judge_second(second)
            self._last = second.last

    def _judge_second(self, second: _Second) -> None:
        now, varies = (second.begin, second.end), second.high - second.low
        railed = np.zeros(6, bool)
        if self._limit is not None:
            railed = (second.low >= self._limit) | (second.high <= -self._limit)
        self._railed = np.where(railed, self._railed + 1, 0)

        constant = self._is_constant(second, varies)
        # Motion proves more than rest: what moves turns, and gravity turns with it.
        numb = varies <= _STEPS_OF_THE_DEAD * second.step
        moves = int((varies >= _LIVELY).sum() >= 2)
        self._numb = np.where(numb, self._numb + moves, 0)
        constant |= self._numb >= _LIVELY_SECONDS
        self._quiet = np.where(second.quiet, self._quiet + 1, 0)

        self._update("rail", self._railed >= 1, ~railed, now, 1)
        dead = self._axes_of("rail")
        lives = (second.changes >= _LIVING_CHANGES) & ~(numb & (self._numb > 0))
        self._update("constant", constant & ~dead, lives | dead, now, 0)
        dead |= self._axes_of("constant")
        quiet = (self._quiet >= _QUIET_SECONDS) & ~dead
        self._update("quiet", quiet, ~second.quiet | dead, now, _QUIET_SECONDS)
        self._judge_gravity(second, dead | self._axes_of("quiet"), now)

    def _is_constant(self, second: _Second, varies: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which axes have had one value for longer than noise lets them."""
        begun = np.isnan(self._constant_since)
        if self._last is not None:
            begun |= second.first != self._last
        since = np.where(begun, second.begin, self._constant_since)
        self._constant_since = np.where(varies == 0, since, np.nan)
        stood = second.end - self._constant_since + 0.5 * self._seconds
        rarity = self._rarity(second.step)
        with np.errstate(invalid="ignore", divide="ignore"):
            patience = np.maximum(_SOONEST, 1 / rarity)
            patience[patience > _LATEST] = np.inf
            found = np.asarray(stood >= patience)
            # All six together are rarer still; that long, none of them stands by chance.
            together = min(max(_SOONEST, 1 / rarity.sum()), _LATEST)
            return found | bool((stood >= together).all())

    def _rarity(self, step: NDArray[np.float64]) -> NDArray[np.float64]:
        """How rare it is that a living axis at rest keeps its value, each second.

        An axis of noise s, in the middle of a step q, stays in it with p = erf(q / 2 / s / √2);
        n independent samples all do with p^n.

        Returns:
            float64 ``[6]``; 1 over the seconds that it does so with the probability `_CHANCE`.
        """
        ratio = step / (2 * math.sqrt(2) * _NOISE_SHARE * self._noise)
        stays = np.array([math.erf(one) for one in ratio.tolist()])
        with np.errstate(divide="ignore"):
            rarity: NDArray[np.float64] = np.abs(np.log(stays) / math.log(_CHANCE))
        return rarity * self._independent

    def _learn_steps(self, changes: NDArray[np.float64]) -> NDArray[np.float64]:
        """The resolution of each axis as far as it has shown by the end of each second.

        Returns:
            ``[n, 6]``; where nothing has changed yet, the coarsest that there is.
        """
        least = np.where(changes > 0, changes, np.inf).min(axis=1)
        known = np.minimum(
            np.repeat(least.reshape(-1, 2, 3).min(axis=2), 3, axis=1), self._step
        )
        known = np.minimum.accumulate(known, axis=0)
        self._step = known[-1]
        if self._counts is None:
            return np.where(np.isinf(known), 0.0, known)
        # Both triples have the same converter: what one shows holds for the other.
        steps = known / self._counts
        other = np.minimum(np.roll(steps, 3, axis=1), _COARSEST)
        steps = np.where(np.isinf(steps), other, np.maximum(steps, 1.0))
        return np.asarray(steps * self._counts)

    def _is_off(self, second: _Second) -> bool:
        error = abs(second.length - 1.0)
        return second.length < _WEIGHTLESS or (second.steady and error > _GRAVITY_ERROR)

    def _judge_gravity(
        self, second: _Second, dead: NDArray[np.bool_], now: tuple[float, float]
    ) -> None:
        off = self._is_off(second)
        self._off = self._off + 1 if off else 0
        known = bool(dead[:3].any())  # then this follows from it
        triple = np.array([True] * 3 + [False] * 3)
        wrong = triple & (self._off >= _GRAVITY_SECONDS and not known)
        well = ~triple | (not off or known)
        detail = f"{second.length:.2f} g"
        self._update("gravity", wrong, well, now, _GRAVITY_SECONDS, detail)

    # --- findings -----------------------------------------------------------------------

    def _axes_of(self, kind: Kind) -> NDArray[np.bool_]:
        found = self._current.get(kind)
        return np.array([found is not None and axis in found.axes for axis in AXES])

    def _update(
        self,
        kind: Kind,
        wrong: NDArray[np.bool_],
        well: NDArray[np.bool_],
        now: tuple[float, float],
        seconds: int,
        detail: str = "",
    ) -> None:
        """Let findings of a kind begin, go on with more or fewer axes, or end.

        Args:
            kind: of the findings.
            wrong: axes that it is true of now.
            well: axes that it is no longer true of, if it was.
            now: time of the first sample of this second, and of its end.
            seconds: how many seconds ago it began, this one included; 0 where `constant`
                knows better.
            detail: see `Finding`.
        """
        before = self._axes_of(kind)
        after = (before & ~well) | wrong
        if not before.any() and not after.any():
            return
        axes = tuple(axis for axis, bad in zip(AXES, after, strict=True) if bad)
        old = self._current.get(kind)
        with self._lock:
            if old is not None and old.axes != axes:
                self._ended.append(replace(old, until=now[0]))
                del self._current[kind]
            if axes and (old is None or old.axes != axes):
                since = now[1] - max(1, seconds) * self._seconds
                if kind == "constant":
                    known = self._constant_since[after & ~before]
                    known = known[~np.isnan(known)]
                    since = float(known.min()) if len(known) else now[0]
                self._current[kind] = Finding(kind, axes, since, detail=detail)


def _count_sizes(ranges: Ranges) -> NDArray[np.float64]:
    """One count of the converter in g and in deg/s (RM-MPU-6000A r4.2, p. 29 and 31)."""
    accel, gyro = ranges
    per_g = reg.ACCEL_LSB_PER_G.get(round(accel), 32768 / accel)
    per_deg_s = reg.GYRO_LSB_PER_DEG_S.get(round(gyro), 32768 / gyro)
    return np.array([1 / per_g, 1 / per_deg_s])


def range_to_set(which: int, ranges: Ranges) -> str:
    """Say which range would hold what was at the end of this one.

    Args:
        which: 0 for the accelerometer, 1 for the gyroscope.
        ranges: as they are.
    """
    key = ("sensor.accel_range", "sensor.gyro_range")[which]
    table = (reg.ACCEL_LSB_PER_G, reg.GYRO_LSB_PER_DEG_S)[which]
    wider = [full for full in table if full > ranges[which]]
    if not wider:
        return f"{key} is {ranges[which]:g} already, the widest that the chip has"
    return f"Set {key} = {wider[0]}"
