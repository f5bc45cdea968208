"""What a head learns from: the windows of takes as features, beside slightly turned copies.

The features are those of the base, then those of the signal; a head takes all of them, or
those of the base alone.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Container, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np

from harpi.learning.closed_form import Indices
from harpi.recognition.answer import TakeEvidence
from harpi.recognition.classifiers import imu_input
from harpi.recognition.head import SIGNAL_FEATURES, join
from harpi.recognition.interpreter import Interpreter
from harpi.recognition.model_file import ModelFile
from harpi.signal.orientation import random_rotations, turn
from harpi.signal.windows import WindowMaker
from harpi.store.takes import Split, Take
from harpi.types import AXES, FloatArray, Samples

MOST_WINDOWS: Final = 200
"""Windows of one label that are learnt; of more, the newest. It bounds time and memory."""

MOST_JUDGED: Final = 64
"""Windows of a take, evenly spread, by which it is told how far generic can be trusted."""

_BATCH: Final = 256
"""Windows that the base sees at once."""


class Sparse:
    """Keeps some of many, evenly spread, without knowing beforehand how many there will be.

    Args:
        most: how many are kept; from half of them on once there were so many.
    """

    def __init__(self, most: int) -> None:
        self.items: list[FloatArray] = []
        self._most = most
        self._stride = 1
        self._seen = 0

    def add(self, batch: Iterable[FloatArray]) -> None:
        """Take the next of them."""
        for item in batch:
            if self._seen % self._stride == 0:
                self.items.append(item)
                if len(self.items) > self._most:
                    self.items = self.items[::2]
                    self._stride *= 2
            self._seen += 1


class TakeSource(Protocol):
    """Where takes come from; `harpi.store.store.Store` is one."""

    def take(self, number: int) -> Take:
        """Tell what is known of a take, also of a deleted one.

        Raises:
            TakeNotFound: there is none of that number.
        """
        ...

    def newest(
        self,
        *,
        label: str | None = None,
        position: str | None = None,
        split: Split | None = None,
    ) -> Iterator[Take]:
        """Give the takes that count and meet all conditions, the newest first."""
        ...

    def amounts(self, split: Split) -> dict[str, tuple[int, float]]:
        """Tell of each label how many takes count, and how many seconds of them are used."""
        ...

    def stream(self, number: int) -> Iterable[Samples]:
        """Read the used part of a take in blocks; those behind a gap say so.

        Raises:
            StoreError: the take is gone or damaged; where it is damaged, maybe after the last
                block.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class TakeFeatures:
    """The windows of one take as features, F of them.

    Attributes:
        take: the take.
        features: float32 ``[n, F]``, in the order of time.
        turned: float32 ``[n, K, F]``, the same of turned copies.
    """

    take: Take
    features: FloatArray
    turned: FloatArray

    def newest(self, count: int) -> TakeFeatures:
        """Give its last windows only."""
        keep = slice(max(0, len(self.features) - count), None)
        return TakeFeatures(self.take, self.features[keep], self.turned[keep])


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """Everything that one training learns from; n windows, C labels.

    Attributes:
        labels: C names.
        takes: what the windows are from.
        features: float32 ``[n, F]``, the windows of a take together and in order.
        turned: float32 ``[n, K, F]``.
        targets: ``[n]``, label of each window.
        sources: ``[n]``, index into `takes`.
    """

    labels: tuple[str, ...]
    takes: tuple[Take, ...]
    features: FloatArray
    turned: FloatArray
    targets: Indices
    sources: Indices

    @classmethod
    def of(cls, parts: Iterable[TakeFeatures]) -> TrainingSet:
        """Join takes; of each label the newest `MOST_WINDOWS` windows.

        Args:
            parts: at least one of them with a window, in the order of recording.
        """
        left: dict[str, int] = {}
        kept = []
        for part in reversed(list(parts)):
            room = left.setdefault(part.take.label, MOST_WINDOWS)
            part = part.newest(room)
            if len(part.features) and room:
                left[part.take.label] = room - len(part.features)
                kept.append(part)
        kept.reverse()
        labels = tuple(dict.fromkeys(part.take.label for part in kept))
        counts = [len(part.features) for part in kept]
        owners = [labels.index(part.take.label) for part in kept]
        return cls(
            labels,
            tuple(part.take for part in kept),
            np.concatenate([part.features for part in kept]),
            np.concatenate([part.turned for part in kept]),
            np.repeat(np.array(owners, np.int64), counts),
            np.repeat(np.arange(len(kept)), counts),
        )

    def __len__(self) -> int:
        return len(self.targets)

    def of_base(self, length: int) -> TrainingSet:
        """Give the same with the features of the base alone, the first `length`."""
        return replace(
            self, features=self.features[:, :length], turned=self.turned[..., :length]
        )

    @property
    def counts(self) -> dict[str, int]:
        """Windows of each label."""
        counts = np.bincount(self.targets, minlength=len(self.labels))
        return dict(zip(self.labels, counts.tolist(), strict=True))


class Preparation:
    """Cuts takes into windows and makes their features; belongs to one thread.

    Args:
        base: the model whose features come first.
        hop: samples from one window to the next, at the model's rate.
        copies: turned copies of each window.
        degrees: standard deviation of the turns.
        seed: of the turns; a take has the same copies each time.

    Raises:
        ModelError: the base is no model of IMU windows, or the runtime refuses it.
    """

    def __init__(
        self, base: ModelFile, *, hop: int, copies: int, degrees: float, seed: int
    ) -> None:
        self._input = imu_input(base)
        self._interpreter = Interpreter(base)
        self._labels = base.metadata.labels
        self._length = base.metadata.features + SIGNAL_FEATURES
        self._hop = hop
        self._copies = copies
        self._degrees = degrees
        self._seed = seed

    @property
    def gap(self) -> int:
        """Windows between two that share no signal, not counting them."""
        return -(-self._input.length // self._hop) - 1

    @property
    def seconds_per_window(self) -> float:
        """How much longer a take must be for one window more."""
        return self._hop / self._input.rate

    def windows(self, take: Take, runs: Iterable[Samples]) -> FloatArray:
        """Cut a take into windows ``[n, T, 6]``; none spans a gap."""
        empty = np.empty((0, self._input.length, len(AXES)), np.float32)
        return np.concatenate([empty, *(cut for run in runs for cut in self.cut(take, [run]))])

    def cut(self, take: Take, blocks: Iterable[Samples]) -> Iterator[FloatArray]:
        """Cut a take into windows as its signal comes, exactly as `WindowMaker` does it live.

        Yields:
            float32 ``[k, T, 6]``, the next windows; k from 1 to about `_BATCH`.
        """
        maker = WindowMaker(take.rate, self._input.rate, self._input.length, self._hop)
        waiting: list[FloatArray] = []
        for block in blocks:
            waiting += [window.values for window in maker.push(block)]
            if len(waiting) >= _BATCH:
                yield np.stack(waiting)
                waiting = []
        if waiting:
            yield np.stack(waiting)

    def evidence(self, take: Take, windows: Iterable[FloatArray]) -> TakeEvidence | None:
        """Measure on the windows ``[k, T, 6]`` of a take how far generic can be trusted.

        Args:
            take: that they are of.
            windows: all of them, batch by batch; None comes of none.
        """
        some = Sparse(2 * MOST_JUDGED)
        total, count = np.zeros(3), 0
        for batch in windows:
            some.add(batch)
            total += batch[:, :, :3].mean(axis=1, dtype=np.float64).sum(axis=0)
            count += len(batch)
        if not count:
            return None
        labels = self._labels
        judged = some.items[:: -(-len(some.items) // MOST_JUDGED)]
        said = self._interpreter.run("generic", {"window": np.stack(judged)})["probabilities"]
        right = None
        if take.label in labels:
            right = float(np.mean(said.argmax(axis=1) == labels.index(take.label)))
        return TakeEvidence(
            take.label,
            1 + (count - 1) * min(1.0, self._hop / self._input.length),
            right,
            total / count,
            labels,
            said.mean(axis=0),
        )

    def features(self, take: Take, windows: FloatArray) -> TakeFeatures:
        """Make the features of the windows of a take, and of turned copies of them.

        Of more windows than a label may have, only of the newest.
        """
        windows = windows[-MOST_WINDOWS:]
        rng = np.random.default_rng([self._seed, take.id])
        turns = random_rotations(len(windows) * self._copies, self._degrees, rng)
        turned = [np.empty((0, self._length), np.float32)]
        for begin in range(0, len(turns), _BATCH):
            some = turns[begin : begin + _BATCH]
            originals = np.arange(begin, begin + len(some)) // self._copies
            turned.append(self._describe(turn(windows[originals], some)))
        return TakeFeatures(
            take,
            self._describe(windows),
            np.concatenate(turned).reshape(len(windows), self._copies, self._length),
        )

    def _describe(self, windows: FloatArray) -> FloatArray:
        """Make the features ``[n, F]`` of windows."""
        parts = [np.empty((0, self._length), np.float32)]
        for begin in range(0, len(windows), _BATCH):
            batch = windows[begin : begin + _BATCH]
            features = self._interpreter.run("bottleneck", {"window": batch})["features"]
            parts.append(join(features, batch, self._input.rate))
        return np.concatenate(parts)


MOST_PREPARED: Final = 1600
"""Windows whose features are kept in memory; beyond, those of the takes made first go."""

Version = tuple[str, float, float | None]
"""What of a take decides what is learnt of it: label, begin and end of the used part."""


def version_of(take: Take) -> Version:
    """Tell two states of a take apart, where what is learnt of it differs."""
    return take.label, take.keep_from, take.keep_to


class FeatureCache:
    """Makes the features of takes, and keeps them; belongs to one thread.

    Args:
        preparation: makes them.
    """

    def __init__(self, preparation: Preparation) -> None:
        self._preparation = preparation
        self._kept: dict[int, tuple[Version, TakeFeatures]] = {}

    def evidence(self, take: Take, windows: Iterable[FloatArray]) -> TakeEvidence | None:
        """Measure how far generic can be trusted; see `Preparation.evidence`."""
        return self._preparation.evidence(take, windows)

    def windows(self, source: TakeSource, take: Take) -> Iterator[FloatArray]:
        """Cut a take into windows ``[k, T, 6]``, batch by batch, and keep nothing.

        Raises:
            StoreError: the take cannot be read.
        """
        return self._preparation.cut(take, source.stream(take.id))

    def features(self, source: TakeSource, take: Take) -> TakeFeatures:
        """Give the features of a take, from the last time if it is as it was then.

        Raises:
            StoreError: the take cannot be read.
        """
        if take.id not in self._kept or self._kept[take.id][0] != version_of(take):
            self._prepare(source, take)
        return self._kept[take.id][1]

    def _prepare(self, source: TakeSource, take: Take) -> None:
        newest = deque[FloatArray]()
        for batch in self.windows(source, take):
            newest.append(batch)
            while sum(map(len, newest)) - len(newest[0]) >= MOST_WINDOWS:
                newest.popleft()
        windows = self._preparation.windows(take, []) if not newest else np.concatenate(newest)
        features = self._preparation.features(take, windows)
        self._kept.pop(take.id, None)
        self._kept[take.id] = version_of(take), features
        total = sum(len(part.features) for _, part in self._kept.values())
        while total > MOST_PREPARED and len(self._kept) > 1:
            _, dropped = self._kept.pop(next(iter(self._kept)))
            total -= len(dropped.features)

    def keep_only(self, numbers: Container[int]) -> None:
        """Drop what is kept of all other takes."""
        self._kept = {n: kept for n, kept in self._kept.items() if n in numbers}


NICE = 5
"""Of the thread that learns; prediction and sampling come first."""


class Cancelled(Exception):
    """The work was broken off on request."""


class CancelToken:
    """The switch between whoever asks for a rest or an end and the thread that works."""

    def __init__(self) -> None:
        self._going = threading.Event()
        self._going.set()
        self._cancelled = False

    def pause(self) -> None:
        """Let the work rest at its next checkpoint."""
        self._going.clear()

    def resume(self) -> None:
        """Let it go on."""
        self._going.set()

    def cancel(self) -> None:
        """Break it off at its next checkpoint, also while it rests."""
        self._cancelled = True
        self._going.set()

    def checkpoint(self) -> None:
        """Rest while paused; called by the thread that works.

        Raises:
            Cancelled: the work is to end.
        """
        self._going.wait()
        if self._cancelled:
            raise Cancelled


def yield_to_others() -> None:
    """Give the calling thread a low priority, where the system lets it.

    Linux keeps niceness and scheduling policy per thread; SCHED_BATCH tells the scheduler
    that nobody waits for this thread.
    """
    thread = threading.get_native_id()
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, thread, NICE)
    with suppress(OSError, AttributeError):
        os.sched_setscheduler(thread, os.SCHED_BATCH, os.sched_param(0))
