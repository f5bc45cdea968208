"""A take while it lasts, judged at its end; and what there is to learn from."""

from __future__ import annotations

import contextlib
import math
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Final

import numpy as np

from harpi.commands import LONGEST_TAKE, LabelCount
from harpi.config.schema import SignalSection
from harpi.errors import StoreError
from harpi.imu.plausibility import NO_DOUBTS, Doubts, SignalWatch
from harpi.learning.checks import Agreement, agreement
from harpi.signal.windows import Resampler
from harpi.store.queries import joined
from harpi.store.store import Store
from harpi.store.takes import Flag, Take
from harpi.store.writer import TakeWriter
from harpi.types import Samples

BACKLOG_SECONDS: Final = 30.0
"""Signal that may wait for a slow disk; what comes then is left out and becomes a gap."""

STALLED_SECONDS: Final = 2.0
"""Without samples for so long after its time, a take ends without them."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A take that has ended.

    Attributes:
        take: as it is kept; None where no sample came.
        windows: that can be learnt, or measured with.
        agreement: of its motion with itself; times in seconds of the take.
        failure: why a part of it could not be written; None where all is on the disk.
        doubts: what is doubtful about the sensor meanwhile.
    """

    take: Take | None
    windows: int
    agreement: Agreement
    failure: StoreError | None = None
    doubts: Doubts = NO_DOUBTS


class TakeRecorder:
    """Collects the samples of one take.

    `feed` may be called by one thread while another calls the rest.

    Args:
        writer: where the samples go.
        start: monotonic time of the press that began the take.
        seconds: after this time it ends by itself; None for `LONGEST_TAKE`.
        margin: seconds next to a press that are not used.
        signal: how windows are cut.
    """

    def __init__(
        self,
        writer: TakeWriter,
        *,
        start: float,
        seconds: float | None,
        margin: float,
        signal: SignalSection,
    ) -> None:
        self._writer = writer
        self._start = start
        self._end = start + (LONGEST_TAKE if seconds is None else seconds)
        self._margin = margin
        self._signal = signal
        self._rate = writer.take.rate
        self._lock = threading.Lock()
        self._waiting: list[Samples] = []
        self._waiting_samples = 0
        self._left_out = False
        self._latest = float("-inf")
        self._blocks: list[Samples] = []
        self._failure: StoreError | None = None

    def feed(self, samples: Samples) -> bool:
        """Take note of consecutive samples; what lies outside of the take is left out.

        Returns:
            Whether the take has come to its end.
        """
        if not len(samples):
            return False
        begin, end = np.searchsorted(samples.times, (self._start, self._end))
        with self._lock:
            self._latest = float(samples.times[-1])
            if begin < end:
                full = self._waiting_samples + (end - begin) > BACKLOG_SECONDS * self._rate
                gap = self._left_out or samples.gap
                self._left_out = full
                if not full:
                    self._waiting.append(
                        Samples(samples.values[begin:end], samples.times[begin:end], gap=gap)
                    )
                    self._waiting_samples += int(end - begin)
            return self._latest >= self._end

    def over(self, now: float) -> bool:
        """Tell whether the take has come to its end, or no more samples come for it."""
        return self._latest >= self._end or now >= self._end + STALLED_SECONDS

    def write(self) -> None:
        """Hand to the store what has come in.

        Raises:
            StoreError: the store cannot be written; `finish` keeps what it has.
        """
        with self._lock:
            waiting, self._waiting, self._waiting_samples = self._waiting, [], 0
        done = 0
        try:
            for block in waiting:
                self._writer.append(block)
                done += 1
        except StoreError as error:
            self._failure = error
            done = len(waiting)
            raise
        finally:
            self._blocks += waiting[:done]
            if done < len(waiting):  # a fault in harpi; the next look tries again
                self._put_back(waiting[done:])

    def _put_back(self, blocks: list[Samples]) -> None:
        with self._lock:
            self._waiting = [*blocks, *self._waiting]
            self._waiting_samples += sum(map(len, blocks))

    def finish(self, at: float | None = None, watch: SignalWatch | None = None) -> Finished:
        """End the take, judge it and keep it.

        Args:
            at: monotonic time of the press that ended it, next to which nothing is used;
                None where it ended by itself.
            watch: knows which samples are not to be believed.

        Raises:
            StoreError: the store cannot keep it.
        """
        with contextlib.suppress(StoreError):
            self.write()
        if not self._blocks:
            return Finished(self._writer.finish(), 0, Agreement(0.0, 0.0, 0.0), self._failure)
        first = float(self._blocks[0].times[0])
        keep_from = max(0.0, self._start + self._margin - first)
        keep_to = None
        if at is not None:
            # At least one sample, so that the store has a part to use.
            keep_to = max(at - self._margin - first, keep_from + 1 / self._rate)
        used = joined(_between(self._blocks, first, keep_from, keep_to))
        windows = sum(count_windows(len(run), self._rate, self._signal) for run in used)
        judged = agreement(used, self._rate)
        judged = replace(judged, start=judged.start - first, end=judged.end - first)
        flags: list[Flag] = []
        if windows == 0:
            flags.append("too_short")
        if judged.doubtful:
            flags.append("inconsistent")
        doubts = NO_DOUBTS if watch is None else watch.during(*self.span)
        if doubts.reasons:
            flags.append("implausible")
            windows = 0
        if sum(doubts.saturated):
            flags.append("saturated")
        take = self._writer.finish(flags=tuple(flags), keep_from=keep_from, keep_to=keep_to)
        return Finished(take, windows, judged, self._failure, doubts)

    @property
    def span(self) -> tuple[float, float]:
        """Times of the first and the last sample; both of the press where there is none."""
        if not self._blocks:
            return self._start, self._start
        return float(self._blocks[0].times[0]), float(self._blocks[-1].times[-1])


def _between(
    blocks: Sequence[Samples], first: float, keep_from: float, keep_to: float | None
) -> list[Samples]:
    """Cut blocks to the part of a take that is used, as the store does."""
    end = np.inf if keep_to is None else keep_to
    parts = []
    gap = False
    for block in blocks:
        seconds = block.times - first
        inside = (seconds >= keep_from) & (seconds < end)
        gap = gap or block.gap
        if inside.any():
            parts.append(Samples(block.values[inside], block.times[inside], gap=gap))
            gap = False
    return parts


def count_windows(samples: int, rate: float, signal: SignalSection) -> int:
    """Count the windows in a stretch without gaps, without making them.

    Equal to the length of `harpi.signal.windows.windows_of` for as many samples.

    Args:
        samples: number of samples.
        rate: samples per second of them.
        signal: rate, length and hop of the windows.
    """
    held_back, ratio = _resampling(rate, signal.rate)
    resampled = max(0, math.ceil((samples - held_back) * ratio))
    return max(0, (resampled - signal.length) // signal.hop + 1)


@lru_cache(maxsize=64)
def _resampling(rate: float, to: float) -> tuple[int, Fraction]:
    """Give how many samples the filter holds back, and the ratio of the rates."""
    ratio = (Fraction(to) / Fraction(rate)).limit_denominator(1000)
    return round(2 * Resampler(rate, to).delay * rate), ratio


class Inventory:
    """Counts the windows of the takes, each take once.

    Args:
        labels: those of the configuration; they are counted even where there is no take.
        minimum: windows of a label that training asks for.
        signal: how windows are cut.
    """

    def __init__(self, labels: tuple[str, ...], minimum: int, signal: SignalSection) -> None:
        self._labels = labels
        self._minimum = minimum
        self._signal = signal
        self._windows: dict[tuple[int, float, float | None], int] = {}

    def add(self, take: Take, windows: int) -> None:
        """Note the windows of a take that were counted when it ended."""
        if take.gaps:
            self._windows[self._key(take)] = windows

    def count(self, takes: Iterable[Take], store: Store) -> tuple[LabelCount, ...]:
        """Count what there is, the configured labels first, in their order.

        Args:
            takes: all that there are; none is kept.
            store: where their samples are.

        Raises:
            StoreError: the store cannot be read.
        """
        learnt, tests, windows = Counter[str](), Counter[str](), Counter[str]()
        for take in takes:
            if take.split == "train":
                learnt[take.label] += 1
                windows[take.label] += self._windows_of(take, store) if take.believable else 0
            else:
                tests[take.label] += 1
        labels = dict.fromkeys((*self._labels, *sorted({*learnt, *tests})))
        return tuple(
            LabelCount(
                label=label,
                takes=learnt[label],
                windows=windows[label],
                needed=max(0, self._minimum - windows[label]),
                tests=tests[label],
            )
            for label in labels
        )

    def _windows_of(self, take: Take, store: Store) -> int:
        if not take.gaps:
            return count_windows(round(take.used_seconds * take.rate), take.rate, self._signal)
        key = self._key(take)
        if key not in self._windows:
            self._windows[key] = sum(
                count_windows(length, take.rate, self._signal)
                for length in _lengths(store.stream(take.id))
            )
        return self._windows[key]

    @staticmethod
    def _key(take: Take) -> tuple[int, float, float | None]:
        return take.id, take.keep_from, take.keep_to


def _lengths(blocks: Iterable[Samples]) -> list[int]:
    """Samples of each run without a gap."""
    lengths = [0]
    for block in blocks:
        if block.gap:
            lengths.append(0)
        lengths[-1] += len(block)
    return lengths
