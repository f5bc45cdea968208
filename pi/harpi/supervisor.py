"""Threads that do not die unseen.

Every thread that lives as long as the daemon is started by a `Supervisor`. Whatever a thread
raises is logged with its trace, counted, and told in words for as long as it matters; then
the thread does its work anew, after a pause that doubles. A thread without which the daemon
is of no use ends the process where that does not help, so that systemd restarts it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from harpi.errors import ThreadFailed

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 10.0
"""Seconds before a thread that failed begins anew; doubled at each failure in a row."""

STEADY_SECONDS: Final = 60.0
"""Who has worked for so long without a failure begins to count failures in a row anew."""

MOST_IN_A_ROW: Final = 8
"""Failures in a row after which a vital thread is given up, half a minute after the first."""

SPAN_SECONDS: Final = 300.0
"""How long a fault that does not come again is held against a device."""

QUIET_SECONDS: Final = 60.0
"""Faults of one thread are logged at most once in this time; all of them are counted."""

log = logging.getLogger(__name__)


class Supervisor:
    """Starts threads, and takes note of what goes wrong in them.

    Args:
        on_given_up: called once, on the thread that is given up, when the process has to end.
        clock: gives monotonic seconds.

    Attributes:
        given_up: why the process has to end; None while it has not.
    """

    def __init__(
        self,
        on_given_up: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_given_up = on_given_up
        self._clock = clock
        self._lock = threading.Lock()
        self._faults: dict[str, _Faults] = {}
        self._hook: Callable[[threading.ExceptHookArgs], object] | None = None
        self.given_up: ThreadFailed | None = None

    def thread(
        self,
        work: Callable[[], None],
        name: str,
        *,
        vital: bool = False,
        once: bool = False,
    ) -> SupervisedThread:
        """Make a thread that does `work` until that returns; whoever asks for it starts it.

        Args:
            work: what to do; called anew when it raised, so it must not rely on what it had
                begun. After its owner said that it shall end, it returns at once.
            name: of the thread, for the log and for people.
            vital: the process ends when the thread fails again and again.
            once: when it failed, it is not called again.
        """
        return SupervisedThread(self, work, name, vital=vital, once=once)

    def report(self, name: str, error: BaseException) -> None:
        """Take note of what a thread has survived, or not.

        Args:
            name: of the thread, or of the part of it.
            error: with its traceback.
        """
        now = self._clock()
        with self._lock:
            faults = self._faults.setdefault(name, _Faults())
            faults.count += 1
            faults.last = now
            faults.summary = _summary(error)
            loud = now >= faults.told + QUIET_SECONDS
            if loud:
                faults.told = now
        if loud:
            log.error("%s: a fault in harpi: %s", name, faults.summary, exc_info=error)

    def give_up(self, name: str, error: BaseException) -> None:
        """End the process, as a thread that it cannot do without does not work."""
        with self._lock:
            if self.given_up is not None:
                return
            self.given_up = ThreadFailed(
                f"the thread {name} fails again and again ({_summary(error)})",
                remedy="See the log: 'journalctl -u harpi'. A service is restarted by systemd",
            )
        log.critical("%s harpi ends.", self.given_up)
        self._on_given_up()

    def counts(self) -> dict[str, int]:
        """Give the faults since the start, by thread; one without any is left out."""
        with self._lock:
            return {name: faults.count for name, faults in self._faults.items()}

    def problems(self) -> tuple[str, ...]:
        """Say which threads failed lately; sentences."""
        now = self._clock()
        with self._lock:
            return tuple(
                f"The thread {name} failed {_times(faults.count)} ({faults.summary}), the last "
                f"time {now - faults.last:.0f} s ago. The log says why: `journalctl -u harpi`."
                for name, faults in self._faults.items()
                if now < faults.last + SPAN_SECONDS
            )

    def __enter__(self) -> Self:
        """Take note of threads of libraries, too, that end by an exception."""
        self._hook, threading.excepthook = threading.excepthook, self._note_foreign
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._hook is not None:
            threading.excepthook = self._hook

    def _note_foreign(self, fault: threading.ExceptHookArgs) -> None:
        if fault.exc_value is not None and fault.exc_type is not SystemExit:
            self.report(fault.thread.name if fault.thread else "a thread", fault.exc_value)


class SupervisedThread(threading.Thread):
    """A thread that does its work anew when that failed; made by `Supervisor.thread`."""

    def __init__(
        self,
        supervisor: Supervisor,
        work: Callable[[], None],
        name: str,
        *,
        vital: bool,
        once: bool,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._supervisor = supervisor
        self._work = work
        self._vital = vital
        self._once = once
        self._awaited = threading.Event()

    def run(self) -> None:
        """Work until that comes to its end."""
        pause, in_a_row = FIRST_PAUSE, 0
        while True:
            begun = time.monotonic()
            try:
                self._work()
            except BaseException as error:  # noqa: BLE001 - a thread must not die unseen
                if time.monotonic() - begun > STEADY_SECONDS:
                    pause, in_a_row = FIRST_PAUSE, 0
                in_a_row += 1
                if not self._goes_on(error, in_a_row):
                    return
            else:
                return
            if self._awaited.wait(pause):
                return
            pause = min(2 * pause, LONGEST_PAUSE)

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end; who waits wants it to end, so it does not begin anew."""
        self._awaited.set()
        super().join(timeout)

    def _goes_on(self, error: BaseException, in_a_row: int) -> bool:
        try:
            self._supervisor.report(self.name, error)
            if self._vital and in_a_row >= MOST_IN_A_ROW:
                self._supervisor.give_up(self.name, error)
                return False
        except Exception as another:  # noqa: BLE001 - no memory to tell of it; work goes first
            del another
        return not self._once


class _Faults:
    """What went wrong in one thread: how often, when last, and what."""

    __slots__ = ("count", "last", "summary", "told")

    def __init__(self) -> None:
        self.count = 0
        self.last = self.told = float("-inf")
        self.summary = ""


def _summary(error: BaseException) -> str:
    text = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
