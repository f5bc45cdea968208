"""Numbered messages that wait until the broker has them, also through a restart.

Every entry has a number, one more than that of the entry before. It is kept until the broker
has acknowledged it. What has waited for a while is written to a file, many at a time: an SD
card wears by writes. When the entries take more room than they may, the policy decides which
are given up; a `gap` then stands in their place, so that whoever listens knows. Numbers are
reserved in the file ahead of their use, which is why none is used twice even when the power
fails; what cannot be known after that is a `gap` again.

Where there is no file, or it cannot be used, entries wait in memory, and each start has a
`stream` of its own: the pair of stream and number is never used twice.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harpi.config.schema import HistorySection
from harpi.errors import OutboxError
from harpi.publish.history_file import HistoryFile, Row, Saved
from harpi.publish.messages import Reason
from harpi.supervisor import Supervisor

KEPT: Final = 2000
"""Entries that the broker has and that can still be repeated."""
REPEATED_SECONDS: Final = 5.0
"""A broker that dies may take with it what it acknowledged last; so much is said again."""
RESERVED: Final = 1000
"""Numbers that are reserved at a time."""

log = logging.getLogger(__name__)

Compose = Callable[[str, int], bytes]
"""Writes the message with this stream and number."""
ComposeGap = Callable[[str, int, int, Reason], bytes]
"""Writes the message that says that first to last will never come."""


@dataclass(slots=True, eq=False)
class Entry:
    """One message; a gap stands for all numbers from `first` to `number`."""

    first: int
    number: int
    payload: bytes
    gap: bool = False
    sent: bool = False
    acknowledged: float | None = None


class History:
    """The entries of one device, in the order of their numbers.

    Any thread may call; only `open`, `write`, `close` and the thread of `start` touch the
    disk. Either `start` that thread, or call `write` now and then.

    Args:
        section: how much may wait, and what is given up beyond that.
        path: the file; None for memory alone.
        compose_gap: writes the message of a gap.
    """

    def __init__(
        self,
        section: HistorySection,
        path: Path | None,
        compose_gap: ComposeGap,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._supervisor = supervisor or Supervisor()
        self._limit = section.limit_mb * 1_000_000
        self._drop_oldest = section.when_full == "drop_oldest"
        self._write_seconds = section.write_seconds
        self._path = path
        self._compose_gap = compose_gap
        self._file: HistoryFile | None = None
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._ending = False
        self._thread: threading.Thread | None = None

        self._stream = secrets.token_hex(4)
        self._next = 0
        self._reserved: int | None = None
        self._waiting: deque[Entry] = deque()
        self._again: deque[Entry] = deque()
        self._kept: deque[Entry] = deque(maxlen=KEPT)
        self._bytes = 0
        self._given_up = 0
        self._refused = False

        self._new: dict[int, Entry] = {}
        self._gone: set[int] = set()
        self._stored_to = -1
        self._seen_to = -1

    # --- for the daemon -----------------------------------------------------------------

    def open(self) -> None:
        """Read what waits from before; never fails."""
        if self._path is None:
            return
        try:
            self._file = HistoryFile(self._path)
            self._take_over(self._file.load())
            self.write(force=True)
        except OutboxError as error:
            self._do_without(error)

    def start(self) -> None:
        """Write what waits now and then, on a thread, until `close`."""
        if self._file is not None:
            self._thread = self._supervisor.thread(self._run, "mqtt-history")
            self._thread.start()

    def close(self) -> None:
        """Write what still waits, and end."""
        self._ending = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        try:
            self.write(force=True)
        except OutboxError as error:
            log.warning("%s", error)
        if self._file is not None:
            self._file.close()
            self._file = None

    def write(self, *, force: bool = False) -> None:
        """Write what has waited since the last time, and what must not be forgotten.

        Args:
            force: write also what has not waited yet.

        Raises:
            OutboxError: the disk refuses.
        """
        if self._file is None:
            return
        with self._lock:
            reserved = self._next if self._ending else self._next + RESERVED
            scarce = self._reserved is None or self._next > self._reserved - RESERVED // 2
            aged = bool(self._new) and next(iter(self._new)) <= self._seen_to
            self._seen_to = self._next - 1
            if not (force or scarce or aged or self._gone):
                return
            rows = [Row(e.number, e.first, e.payload) for e in self._new.values()]
            gone, self._gone = self._gone, set()
            self._new = {}
            self._stored_to = max([self._stored_to, *(row.number for row in rows)])
            known = self._next
        self._file.save(self._stream, reserved, known, rows, gone)
        with self._lock:
            self._reserved = reserved

    def add(self, compose: Compose) -> int:
        """Take a new message, which is written here since it holds its number; give that."""
        with self._lock:
            number = self._next
            self._next += 1
            payload = compose(self._stream, number)
            if self._bytes + len(payload) > self._limit and not self._drop_oldest:
                self._refuse(number)
                return number
            self._append(Entry(number, number, payload))
            while self._bytes > self._limit and len(self._waiting) > 1:
                self._drop_first()
            if self._reserved is not None and self._next > self._reserved - RESERVED // 2:
                self._wake.set()
            return number

    @property
    def stream(self) -> str:
        """Name of the numbering."""
        return self._stream

    @property
    def waiting(self) -> int:
        """Messages that the broker does not have yet."""
        return len(self._waiting)

    @property
    def given_up(self) -> int:
        """Messages that were dropped since the start, for want of room or by the broker."""
        return self._given_up

    # --- for the link -------------------------------------------------------------------

    def take(self) -> Entry | None:
        """Give what is to be sent next, in order; None where nothing is."""
        with self._lock:
            entry = self._due()
            if entry is not None:
                entry.sent = True
                if self._again and self._again[0] is entry:
                    self._again.popleft()
            return entry

    @property
    def due(self) -> bool:
        """Whether `take` has something to give."""
        with self._lock:
            return self._due() is not None

    def acknowledge(self, entry: Entry, *, refused: bool = False) -> None:
        """Note that the broker has it; or will not have it, then all wait for the next one."""
        with self._lock:
            if refused:
                self._refused = True
                entry.sent = False
                return
            entry.acknowledged = time.monotonic()
            while self._waiting and self._waiting[0].acknowledged is not None:
                self._kept.append(self._waiting[0])
                self._forget(self._waiting.popleft())

    def give_up(self, entry: Entry) -> None:
        """Let a gap stand for an entry that the broker will not have; a gap waits instead."""
        with self._lock:
            if entry.gap:
                self._refused = True
                entry.sent = False
            elif entry in self._waiting:
                place = self._waiting.index(entry)
                self._forget(entry)
                self._waiting[place] = gap = self._gap(entry.first, entry.number, "refused")
                self._note(gap)
                self._given_up += 1

    def rewind(self) -> None:
        """Begin a new connection: send all again of which it is not sure that it arrived."""
        with self._lock:
            self._refused = False
            self._again.clear()
            last = max((entry.acknowledged or 0.0 for entry in self._kept), default=0.0)
            self._again.extend(
                entry
                for entry in self._kept
                if (entry.acknowledged or 0.0) > last - REPEATED_SECONDS
            )
            for entry in self._waiting:
                entry.sent = entry.acknowledged is not None

    def repeat(self, first: int, last: int) -> int:
        """Send again what is kept of these numbers; give how many of them that is."""
        with self._lock:
            found = [
                entry for entry in self._kept if entry.number >= first and entry.first <= last
            ]
            queued = set(self._again)
            self._again.extend(entry for entry in found if entry not in queued)
            waiting = (e for e in self._waiting if e.number >= first and e.first <= last)
            return sum(
                min(entry.number, last) - max(entry.first, first) + 1
                for entry in (*found, *waiting)
            )

    def _due(self) -> Entry | None:
        if self._refused:
            return None
        if self._again:
            return self._again[0]
        entry = next((entry for entry in self._waiting if not entry.sent), None)
        if entry is None or (self._reserved is not None and entry.number >= self._reserved):
            return None
        return entry

    # --- room ---------------------------------------------------------------------------

    def _append(self, entry: Entry) -> None:
        self._waiting.append(entry)
        self._note(entry)

    def _note(self, entry: Entry) -> None:
        self._bytes += len(entry.payload)
        self._new[entry.number] = entry
        self._gone.discard(entry.number)

    def _forget(self, entry: Entry) -> None:
        self._bytes -= len(entry.payload)
        self._new.pop(entry.number, None)
        if entry.number <= self._stored_to:
            self._gone.add(entry.number)

    def _drop_first(self) -> None:
        """Let a gap take the place of the oldest message, and of the gap before it."""
        first = self._waiting.popleft()
        self._forget(first)
        last = first
        if first.gap and self._waiting:
            last = self._waiting.popleft()
            self._forget(last)
        gap = self._gap(first.first, last.number, "full")
        self._waiting.appendleft(gap)
        self._note(gap)
        self._given_up += 1

    def _refuse(self, number: int) -> None:
        """Let a gap at the end stand for a message that has no room."""
        first = number
        if self._waiting and self._waiting[-1].gap and not self._waiting[-1].sent:
            before = self._waiting.pop()
            self._forget(before)
            first = before.first
        self._append(self._gap(first, number, "full"))
        self._given_up += 1

    def _gap(self, first: int, last: int, reason: Reason) -> Entry:
        payload = self._compose_gap(self._stream, first, last, reason)
        return Entry(first, last, payload, gap=True)

    # --- the file -----------------------------------------------------------------------

    def _take_over(self, saved: Saved) -> None:
        """Go on where the last run ended."""
        with self._lock:
            self._stream = saved.stream or self._stream
            self._gone.update(row.number for row in saved.damaged)
            if saved.rows or saved.damaged:
                self._take_rows(saved)
            self._next = self._reserved = saved.reserved
            if saved.known < saved.reserved:
                self._append(self._gap(saved.known, saved.reserved - 1, "restart"))
            while self._bytes > self._limit and len(self._waiting) > 1:
                self._drop_first()

    def _take_rows(self, saved: Saved) -> None:
        """Take what waits; gaps stand for what can no longer be read.

        What waits are the numbers from the first row to the last that is known, without a
        hole: of a damaged row it does not matter which part is wrong.
        """
        begin = min(row.first for row in (*saved.rows[:1], *saved.damaged))
        for number, first, payload in saved.rows:
            self._announce(begin, first)
            self._waiting.append(Entry(first, number, payload, gap=first < number))
            self._bytes += len(payload)
            self._stored_to = number
            begin = number + 1
        self._announce(begin, saved.known)

    def _announce(self, begin: int, end: int) -> None:
        """Let a gap stand for what is missing from `begin` to before `end`."""
        if begin < end:
            self._append(self._gap(begin, end - 1, "damaged"))

    def _run(self) -> None:
        while not self._ending:
            self._wake.wait(self._write_seconds)
            self._wake.clear()
            try:
                self.write()
            except OutboxError as error:
                self._do_without(error)
                return

    def _do_without(self, error: OutboxError) -> None:
        log.warning("%s Verdicts wait in memory only.", error)
        if self._file is not None:
            self._file.close()
            self._file = None
        with self._lock:
            # Numbers that the file does not know of could be used again after a restart.
            self._stream = secrets.token_hex(4)
            self._reserved = None
