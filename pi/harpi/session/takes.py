"""The session's hand on the takes: begins, ends, takes back, and counts what is left."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final, TypeAlias

from harpi.commands import (
    LONGEST_TAKE,
    MOST_CORRECTED,
    Delete,
    Import,
    LabelCount,
    Record,
    Relabel,
    Restore,
    Trim,
)
from harpi.config.schema import Config
from harpi.errors import CommandRefused, HarpiError, StoreError
from harpi.imu.plausibility import REMEDY as IMPLAUSIBLE
from harpi.imu.plausibility import SignalWatch
from harpi.learning.checks import OrientationDrift
from harpi.session.ports import Learner
from harpi.session.recorder import Finished, Inventory, TakeRecorder
from harpi.signal.ring import BYTES_PER_SAMPLE, Ring
from harpi.store.queries import Action
from harpi.store.store import Store
from harpi.store.takes import Take
from harpi.timebase import Timebase, to_utc
from harpi.types import Samples

Change: TypeAlias = Relabel | Trim | Import | Delete | Restore
"""Commands that change takes which are in the store."""

_MOST_KEPT: Final = 8_000_000
"""Bytes of signal that are kept in memory for corrections."""

_PIECE_SECONDS: Final = 10.0
"""Of signal that went by, handed to the store at a time."""

_REMEMBERED: Final = 16
"""Takes that may still be found doubtful after they ended: those of the last check's time."""


class Takes:
    """What is recorded, and what has been.

    Args:
        config: labels, margins, rates, device.
        store: the takes; or why there is no store, which is then raised by whatever needs it.
        learner: is told whenever the takes have changed.
        timebase: the clock that the times of samples are of.

    Attributes:
        lately: the signal of the last seconds or minutes, for corrections; the sampler adds to
            it.
        recorder: of the take that is being recorded, None between takes.
        request: what was asked for that take; likewise.
        since: UTC time at which it began; likewise.
        session: number of this mounting of the strap; None before the first take.
        position: where on the body the sensor is.
        counts: what there is of each label.
        notices: what a person should know of the store, and of how the strap is on.
        to_undo: the action that `undo` would take back; None for none.
        to_redo: the action that `redo` would do again; None for none.
        watch: judges what the sensor shows; None where nobody does.
    """

    def __init__(
        self,
        config: Config,
        store: Store | StoreError,
        learner: Learner,
        timebase: Timebase,
    ) -> None:
        self._config = config
        self._store = store
        self._learner = learner
        self._timebase = timebase
        self._inventory = Inventory(
            config.learning.labels, config.learning.minimum_windows, config.signal
        )
        self.lately = Ring(_kept_seconds(config), config.sensor.rate)
        self._last_end = -math.inf
        self.recorder: TakeRecorder | None = None
        self.request: Record | None = None
        self.since: datetime | None = None
        self.session: int | None = None
        self.position = config.device.position
        self.counts: tuple[LabelCount, ...] = ()
        self.notices: tuple[str, ...] = ()
        self.to_undo: Action | None = None
        self.to_redo: Action | None = None
        self._straps: OrientationDrift | None = None
        self._room = self._strap = ""
        self._told_of_strap: int | None = None
        self.watch: SignalWatch | None = None
        self._ended: deque[tuple[int, float, float]] = deque(maxlen=_REMEMBERED)
        self._count()

    @property
    def store(self) -> Store:
        """The store.

        Raises:
            StoreError: why there is none.
        """
        if isinstance(self._store, StoreError):
            raise self._store
        return self._store

    def warnings(self) -> list[str]:
        """Say what to think of before going on; of a turned strap once in each session.

        Whoever records everything once more, as is then advised, need not hear it each time.
        """
        told = [self._room] if self._room else []
        if self._strap and self._told_of_strap != self.session:
            self._told_of_strap = self.session
            told.append(self._strap)
        return told

    def look_again(self) -> None:
        """Look at the disk, and at how the strap is on beside what the head has learnt."""
        self._count()

    def mount(self, position: str | None) -> int:
        """Begin a session, at another position where one is given; return its number."""
        self.session = self.store.new_session()
        self.position = position or self.position
        self._count()
        return self.session

    def begin(self, request: Record, at: float) -> None:
        """Begin to record a take at a monotonic time; another position is another session.

        Raises:
            CommandRefused: the sensor shows what cannot be true.
            StoreError: the store cannot be written.
        """
        wrong = self.watch.current if self.watch is not None else ()
        if wrong:
            raise CommandRefused(
                f"nothing is recorded, because {wrong[0].problem}", remedy=IMPLAUSIBLE
            )
        moved = request.position not in (None, self.position)
        position = request.position or self.position
        since = to_utc(at, self._timebase)
        writer = self.store.begin(
            Take(
                label=request.label,
                session=self.session or 0,
                split="test" if request.test else "train",
                position=position,
                start=since,
                rate=float(self._config.sensor.rate),
                device=self._config.device.id or "",
            ),
            mount=moved or self.session is None,
        )
        # Only now: where the store refuses, all stays as it was.
        self.session, self.position = writer.take.session, position
        self.request, self.since = request, since
        self.recorder = TakeRecorder(
            writer,
            start=at,
            seconds=request.seconds,
            margin=self._config.learning.margin_seconds,
            signal=self._config.signal,
        )

    def end(self, at: float | None) -> Finished:
        """End the take that is being recorded; afterwards there is none, whatever comes of it.

        Args:
            at: monotonic time of the press that ended it; None where it ended by itself.
        """
        self._last_end = self._timebase.monotonic() if at is None else at
        recorder, self.recorder = self.recorder, None
        self.request = self.since = None
        assert recorder is not None  # noqa: S101 - the state of the session says so
        finished = recorder.finish(at, self.watch)
        if finished.take is not None:
            self._ended.append((finished.take.id, *recorder.span))
        if finished.take is not None and finished.failure is None:
            self._inventory.add(finished.take, finished.windows)
        self._changed()
        return finished

    def correct(self, label: str, seconds: float, at: float) -> Finished | None:
        """Keep the last seconds as a take of what they were, as if it had been recorded.

        Args:
            label: what the wearer has been doing.
            seconds: for how long.
            at: monotonic time of the press.

        Returns:
            The take; None where no window has come since the take before.
        """
        signal = self._config.signal
        begin = max(at - seconds, self._last_end)
        blocks = self.lately.latest(math.ceil(MOST_CORRECTED * self._config.sensor.rate))
        margins = 2 * self._config.learning.margin_seconds
        if at - begin < margins + signal.length / signal.rate or not any(
            begin <= time < at for block in blocks for time in block.times[[0, -1]]
        ):
            return None
        self.begin(Record(label=label, seconds=at - begin), begin)
        assert self.recorder is not None  # noqa: S101 - begun
        for block in blocks:
            self.recorder.feed(block)
        return self.end(at)

    def keep(self, label: str, begin: float, end: float) -> Finished | None:
        """Keep signal that went by as a take; of much of it the last `LONGEST_TAKE` seconds.

        Args:
            label: what the wearer did.
            begin: monotonic time.
            end: likewise.

        Returns:
            The take; None where the signal is not here any more, is too short, or is in a take
            already.
        """
        blocks = self.lately.latest(self.lately.capacity)
        oldest = blocks[0].times[0] if blocks else math.inf
        begin = max(begin, float(oldest), end - LONGEST_TAKE)
        signal, margins = self._config.signal, 2 * self._config.learning.margin_seconds
        if end - begin < margins + signal.length / signal.rate:
            return None
        if any(since < end and until > begin for _, since, until in self._ended):
            return None
        last = self._last_end
        self.begin(Record(label=label, seconds=end - begin, new=True), begin)
        assert self.recorder is not None  # noqa: S101 - begun
        piece = math.ceil(_PIECE_SECONDS * self._config.sensor.rate)
        for block in blocks:
            for first in range(0, len(block), piece):
                part = slice(first, first + piece)
                gap = block.gap and first == 0
                self.recorder.feed(Samples(block.values[part], block.times[part], gap))
                with suppress(StoreError):  # `end` tells
                    self.recorder.write()
        finished = self.end(end)
        self._last_end = last
        return finished

    def doubt(self, begin: float, end: float) -> list[Take]:
        """Flag the takes of this time; those that were flagged now are returned.

        Raises:
            StoreError: the store cannot be written.
        """
        flagged = []
        for number, since, until in self._ended:
            if since < end and until > begin and self.store.take(number).believable:
                flagged.append(self.store.flag(number, "implausible"))
        if flagged:
            self._changed()
        return flagged

    def drop(self, at: float) -> Take | None:
        """End the take and put it away; None where it was still empty."""
        take = self.end(at).take
        if take is not None:
            # Its adding is taken back, not followed by a deletion that the next undo undoes.
            self.store.undo()
            self._changed()
        return take

    def undo(self, *, whole: bool) -> tuple[Action, list[Take]] | None:
        """Take back what was done last, or delete the last take; None for nothing to undo.

        Returns:
            What was taken back or done, and the takes that it is about as they are now.
        """
        action = self.store.undo(whole=whole)
        if action is None:
            return None
        self._changed()
        return action, [self.store.take(number) for number in action.takes]

    def redo(self) -> Action | None:
        """Do again what was undone last; None for nothing to do."""
        action = self.store.redo()
        if action is not None:
            self._changed()
        return action

    def change(self, command: Change) -> Action:
        """Change takes that are there; tell which are otherwise by that."""
        match command:
            case Relabel(takes=takes, label=label, position=position):
                action = self.store.relabel(takes, label, position)
            case Trim(take=take, start=start, end=end):
                action = self.store.trim(take, start, end)
            case Import(takes=takes):
                action = self.store.keep_staged(takes)
            case Delete(takes=takes):
                action = self.store.delete(takes)
            case Restore(takes=takes):
                action = self.store.restore(takes)
        self._changed()
        return action

    def purge(self, takes: Sequence[int]) -> tuple[int, ...]:
        """Remove deleted takes for good; tell which."""
        return self.store.purge(takes)

    def of(self, label: str | None) -> list[int]:
        """Number the takes of a label, or all."""
        return [take.id for take in self.store.takes() if label in (None, take.label)]

    def forget(self, label: str | None) -> int:
        """Put the takes of a label away, or all, and what was learnt of them.

        Returns:
            How many takes there were.
        """
        numbers = self.of(label)
        if numbers:
            self.store.delete(numbers)
        try:
            self._learner.forget(label)
        except HarpiError:
            if numbers:
                self.store.undo()
            raise
        finally:
            self._changed()
        return len(numbers)

    def _changed(self) -> None:
        self._count()
        self._learner.takes_changed()

    def _count(self) -> None:
        try:
            self.counts = self._inventory.count(self.store.newest(), self.store)
            self.to_undo, self.to_redo = self.store.next_undo(), self.store.next_redo()
            self._room = self.store.room().warning() or ""
            self._strap = self._strap_turned()
        except StoreError as error:
            self._room, self._strap = str(error), ""
        self.notices = tuple(notice for notice in (self._room, self._strap) if notice)

    def _strap_turned(self) -> str:
        """Say so if the strap is on otherwise than in all that the head in use has learnt."""
        if self.session is None or not (learnt := self._learner.learnt()):
            return ""
        if self._straps is None:
            self._straps = OrientationDrift(self.store)
        found = self._straps.turn(self.session, self.position, learnt)
        return f"{found.sentence}." if found is not None and found.turned else ""


def _kept_seconds(config: Config) -> float:
    """Return for how long signal is kept for corrections."""
    wanted = 60 * config.diary.signal_minutes if config.diary.enabled else 0.0
    return max(MOST_CORRECTED, min(wanted, _MOST_KEPT / BYTES_PER_SAMPLE / config.sensor.rate))
