"""Find the same measurement again, whatever became of its file.

A recording that was rounded, cut, resampled, put into another container or brought to the
chip's counts is still what one sensor gave at one time. It is found by its course: means over
a quarter of a second, a probe of eight of them for each 0.8 s, are looked up within a
tolerance among those of all known signal, and what agrees is compared closely. Nobody walks,
or even sits, twice so alike that six axes agree to a few percent for 1.6 s.

A stretch of 2.4 s that is shared is always found where the sensor gave more than a single
count. What was turned, scaled or filtered strongly is another signal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.types import FloatArray

SPAN: Final = 1.6
"""Seconds that must agree."""
HOP: Final = 0.8
"""Seconds from one probe to the next."""

_BOX: Final = 0.25
"""Seconds that a mean is taken over."""
_GRID: Final = 0.02
"""Seconds between two places at which known signal is looked at."""
_MEANS: Final = 8
_STEP: Final = int((SPAN - _BOX) / (_MEANS - 1) / _GRID)
"""Places from one mean of a probe to the next; a probe is no longer than what must agree."""
_REACH: Final = _STEP * (_MEANS - 1)

_TOLERANCE: Final = 0.4
"""Share of its spread by which a mean may differ: half a step of the grid, at 4 Hz, is 0.25."""
_ALIKE: Final = 0.15
"""Share of its spread by which two courses may differ on average."""
_FINE_BOX: Final = 0.1
_LAGS: Final = np.arange(-0.012, 0.0121, 0.002)
_BLOCK: Final = 200_000
"""Places of known signal that are looked at in one go, which bounds memory."""
_MOST: Final = 6
"""Candidates of a probe that are compared closely: those whose means are nearest."""
_FEWEST_AXES: Final = 2
"""Axes that must say anything: more than their own rounding."""
_NOMINAL: Final = 50.0
"""Rate that all signal is taken for where samples are compared one by one."""

_Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """Samples without a gap.

    Attributes:
        name: what they belong to.
        values: float32 ``[n, 6]``.
        rate: samples per second.
    """

    name: str
    values: FloatArray
    rate: float


@dataclass(frozen=True, slots=True)
class Copy:
    """Signal that is there twice.

    Attributes:
        wanted: name of the signal that was looked for.
        known: name of the one that it is a copy of.
        second: where it begins in the first.
    """

    wanted: str
    known: str
    second: float


def find_copies(wanted: Sequence[Signal], known: Iterable[Signal]) -> Iterator[Copy]:
    """Find signal that is known; of each name that is looked for, one place or a few.

    Args:
        wanted: what is looked for.
        known: what it may be a copy of; may be long, and is gone through once.
    """
    probes = _Probes([_Course(signal, signal.rate) for signal in wanted])
    # The same samples under another rate: as if bare samples had been given a wrong one.
    nominal = _Probes([_Course(signal, _NOMINAL) for signal in wanted])
    rates = {signal.rate for signal in wanted}
    for block in _blocks(known):
        yield from probes.look_up(_Index([_Course(one, one.rate) for one in block]))
        if len(rates | {one.rate for one in block}) > 1:
            yield from nominal.look_up(_Index([_Course(one, _NOMINAL) for one in block]))


def find_repeats(signals: Sequence[Signal]) -> Iterator[Copy]:
    """Find signal that came before under another name, in the order given."""
    names = list(dict.fromkeys(signal.name for signal in signals))
    ranks = {name: rank for rank, name in enumerate(names)}
    ways = [[_Course(signal, signal.rate) for signal in signals]]
    if len({signal.rate for signal in signals}) > 1:
        ways.append([_Course(signal, _NOMINAL) for signal in signals])
    for courses in ways:
        probes = _Probes(courses)
        begun, size = 0, 0
        for end, course in enumerate(courses, start=1):
            size += round(course.seconds / _GRID)
            if size >= _BLOCK or end == len(courses):
                yield from probes.look_up(_Index(courses[begun:end]), ranks)
                begun, size = end, 0


def _blocks(known: Iterable[Signal]) -> Iterator[list[Signal]]:
    block: list[Signal] = []
    places = 0
    for signal in known:
        size = round(len(signal.values) / signal.rate / _GRID)
        if block and places + size > _BLOCK:
            yield block
            block, places = [], 0
        block.append(signal)
        places += size
    if block:
        yield block


class _Course:
    """A signal as a function of time, of which means over any stretch can be taken."""

    def __init__(self, signal: Signal, rate: float) -> None:
        self.signal = signal
        self.rate = rate
        values = signal.values.astype(np.float64)
        self.count = len(values)
        # Centred, so that sums of long signals lose nothing.
        self._offset = values.mean(axis=0) if len(values) else np.zeros(6)
        sums = np.cumsum(values - self._offset, axis=0)
        self._sums = np.vstack([np.zeros(6), sums])
        self.step = _rounding(values)

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.count / self.rate

    def means(self, times: _Array, width: float) -> _Array:
        """Give the means over `width` seconds from each time on: ``[n, 6]``."""
        ends = self._integral((times + width) * self.rate)
        return (ends - self._integral(times * self.rate)) / (width * self.rate) + self._offset

    def _integral(self, places: _Array) -> _Array:
        whole = np.clip(places.astype(np.intp), 0, self.count - 1)
        part = (places - whole)[:, None]
        integral: _Array = self._sums[whole] * (1.0 - part) + self._sums[whole + 1] * part
        return integral


def _rounding(values: _Array) -> _Array:
    """Give the step that each axis was rounded to: the smallest by which it changes."""
    steps = np.zeros(6)
    for axis in range(6):
        different = np.unique(values[:4096, axis])
        if len(different) > 1:
            steps[axis] = np.diff(different).min()
    return steps


class _Index:
    """Known signal, sorted by its means."""

    def __init__(self, courses: Sequence[_Course]) -> None:
        self.courses = courses
        parts, valid, owner, times = [], [], [], []
        begun = 0
        for number, course in enumerate(courses):
            count = int((course.seconds - _BOX) / _GRID) + 1
            if count <= _REACH:
                continue
            places: _Array = np.arange(count, dtype=np.float64) * _GRID
            parts.append(course.means(places, _BOX).astype(np.float32))
            valid.append(np.arange(begun, begun + count - _REACH))
            owner.append(np.full(count, number, np.int32))
            times.append(places)
            begun += count
        self.means = np.concatenate(parts) if parts else np.empty((0, 6), np.float32)
        self.owner = np.concatenate(owner) if parts else np.empty(0, np.int32)
        self.times = np.concatenate(times) if parts else np.empty(0)
        whole = np.concatenate(valid) if parts else np.empty(0, np.intp)
        # Sorted by each axis; only places from which a whole probe fits.
        self.order = [whole[np.argsort(self.means[whole, axis])] for axis in range(6)]
        self.sorted = [self.means[order, axis] for axis, order in enumerate(self.order)]
        self.step = np.max([course.step for course in courses], axis=0, initial=0.0)


class _Probes:
    """Short stretches of the signal that is looked for."""

    def __init__(self, courses: Sequence[_Course]) -> None:
        self._courses = courses
        owners, times, means = [], [], []
        for number, course in enumerate(courses):
            last = course.seconds - SPAN
            if last < 0.0:
                continue
            begins = np.arange(0.0, last + 1e-9, HOP)
            if last - begins[-1] > HOP / 4:
                begins = np.append(begins, last)
            offsets = np.arange(_MEANS) * _STEP * _GRID
            at: _Array = (begins[:, None] + offsets).ravel().astype(np.float64)
            means.append(course.means(at, _BOX).reshape(-1, _MEANS, 6))
            owners.append(np.full(len(begins), number))
            times.append(begins)
        self._means = np.concatenate(means) if means else np.empty((0, _MEANS, 6))
        self._owner = np.concatenate(owners) if means else np.empty(0, np.intp)
        self._times = np.concatenate(times) if means else np.empty(0)
        self._spread = self._means.std(axis=1)

    def look_up(self, index: _Index, ranks: Mapping[str, int] | None = None) -> Iterator[Copy]:
        """Find one probe of each name among known signal.

        Args:
            index: the known signal.
            ranks: places of names; where given, only what stands before the probe's counts.
        """
        if not len(index.means) or not len(self._times):
            return
        steps = (
            np.array([self._courses[owner].step for owner in self._owner.tolist()]) + index.step
        )
        telling = self._spread > np.maximum(steps / 2.0, 1e-7)
        tolerance = _TOLERANCE * self._spread + steps / 4.0 + 1e-7
        first = self._means[:, 0]
        low = np.stack(
            [np.searchsorted(index.sorted[a], first[:, a] - tolerance[:, a]) for a in range(6)],
            axis=1,
        )
        high = np.stack(
            [np.searchsorted(index.sorted[a], first[:, a] + tolerance[:, a]) for a in range(6)],
            axis=1,
        )
        axis = np.argmin(high - low, axis=1)
        rank = np.array(
            [ranks[course.signal.name] for course in index.courses] if ranks else []
        )
        done: set[str] = set()
        for probe in np.flatnonzero(telling.sum(axis=1) >= _FEWEST_AXES).tolist():
            if self._courses[self._owner[probe]].signal.name in done:
                continue
            best = axis[probe]
            places = index.order[best][low[probe, best] : high[probe, best]]
            if ranks:
                own = ranks[self._courses[self._owner[probe]].signal.name]
                places = places[rank[index.owner[places]] < own]
            places = self._agreeing(probe, places, index, tolerance[probe])
            for place in self._nearest(probe, places, index, tolerance[probe]):
                known = index.courses[index.owner[place]]
                mine = self._courses[self._owner[probe]]
                if _alike(mine, self._times[probe], known, index.times[place], telling[probe]):
                    done.add(mine.signal.name)
                    yield Copy(mine.signal.name, known.signal.name, float(self._times[probe]))
                    break

    def _agreeing(
        self, probe: int, places: NDArray[np.intp], index: _Index, tolerance: _Array
    ) -> NDArray[np.intp]:
        """Keep the places from which all means agree."""
        means = self._means[probe]
        for mean in (0, 7, 4, 2, 6, 1, 5, 3):
            for axis in range(6):
                if not len(places):
                    return places
                there = index.means[places + mean * _STEP, axis]
                places = places[np.abs(there - means[mean, axis]) <= tolerance[axis]]
        return places

    def _nearest(
        self, probe: int, places: NDArray[np.intp], index: _Index, tolerance: _Array
    ) -> NDArray[np.intp]:
        """Choose the places whose means are nearest."""
        if len(places) <= _MOST:
            return places
        places = places[:: -(-len(places) // 2000)]
        there = index.means[places[:, None] + np.arange(_MEANS) * _STEP]
        off = np.abs((there - self._means[probe]) / tolerance).mean(axis=(1, 2))
        return places[np.argsort(off)[:_MOST]]


def _alike(
    mine: _Course, begin: float, known: _Course, place: float, telling: NDArray[np.bool_]
) -> bool:
    """Compare two stretches closely, at lags of less than a step of the grid."""
    return _difference(mine, begin, known, place, telling) <= _ALIKE


def _difference(
    mine: _Course, begin: float, known: _Course, place: float, telling: NDArray[np.bool_]
) -> float:
    """Return how much two stretches differ, as a share of their spread."""
    times = np.arange(0.0, SPAN - _FINE_BOX + 1e-9, 0.04)
    own = mine.means(begin + times, _FINE_BOX)
    spread = own.std(axis=0)[telling]
    least = np.inf
    for lag in _LAGS:
        if not 0.0 <= place + lag <= known.seconds - SPAN:
            continue
        other = known.means(place + lag + times, _FINE_BOX)
        rest = np.sqrt(np.square(own - other).mean(axis=0))[telling]
        least = min(least, float(np.mean(rest / spread)))
    return least
