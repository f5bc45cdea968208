"""Pausing and breaking off work that goes on in another thread."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

NICE = 5
"""Of the thread that learns; prediction and sampling come first."""


class Cancelled(Exception):
    """The work was broken off on request."""


class Control:
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
