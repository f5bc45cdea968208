"""A take while it lasts: from the sampler's thread to the store, and judged at its end."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from harpi.commands import LONGEST_TAKE
from harpi.config.schema import SignalSection
from harpi.errors import StoreError
from harpi.learning.agreement import Agreement, agreement
from harpi.learning.runs import joined
from harpi.learning.take import Flag, Take
from harpi.session.inventory import count_windows
from harpi.session.ports import Writer
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
    """

    take: Take | None
    windows: int
    agreement: Agreement
    failure: StoreError | None = None


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
        writer: Writer,
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
        self._blocks += waiting
        try:
            for block in waiting:
                self._writer.append(block)
        except StoreError as error:
            self._failure = error
            raise

    def finish(self, at: float | None = None) -> Finished:
        """End the take, judge it and keep it.

        Args:
            at: monotonic time of the press that ended it, next to which nothing is used;
                None where it ended by itself.

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
        take = self._writer.finish(flags=tuple(flags), keep_from=keep_from, keep_to=keep_to)
        return Finished(take, windows, judged, self._failure)


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
