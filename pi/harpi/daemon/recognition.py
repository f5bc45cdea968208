"""From samples to verdicts, on a thread that may be late without stopping the sampling."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from harpi.errors import HarpiError
from harpi.publish.messages import RecognitionFigures
from harpi.signal.ring import Ring
from harpi.signal.windows import WindowMaker
from harpi.supervisor import Supervisor
from harpi.types import Samples, Verdict, Window

BACKLOG_SECONDS: Final = 5.0
"""Signal that may wait besides that of a window; what is older is skipped."""

OVERDUE_SECONDS: Final = 10.0
"""How much more signal than that of a window may come without a verdict."""

_JOIN_SECONDS: Final = 1.0

log = logging.getLogger(__name__)

Judge = Callable[[Window], Verdict]
"""Gives a verdict on a window; may raise `HarpiError`."""


class Recognition:
    """Cuts the signal into windows, has them judged, and hands the verdicts on.

    The ring is the queue between the sampling and this thread: it is bounded, and when the
    recognition falls behind by more than `BACKLOG_SECONDS`, the oldest samples are skipped
    and counted, so that a verdict is never long out of date.

    Either `start` it on a thread of its own, or call `work` after every block of samples.

    Args:
        ring: where `feed` puts the samples; this is its one writer.
        maker: cuts windows; used by this alone.
        judge: gives the verdicts.
        tell: gets them, on the thread of the recognition.
        input_rate: samples per second that are fed.
        window_seconds: length of a window.
        supervisor: sees what goes wrong.
    """

    def __init__(
        self,
        ring: Ring,
        maker: WindowMaker,
        judge: Judge,
        tell: Callable[[Verdict], None],
        *,
        input_rate: float,
        window_seconds: float,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._ring = ring
        self._maker = maker
        self._judge = judge
        self._tell = tell
        self._supervisor = supervisor or Supervisor()
        self._rate = input_rate
        self._patience = window_seconds + OVERDUE_SECONDS
        self._owed = 0
        self._backlog = min(
            ring.capacity, round((BACKLOG_SECONDS + window_seconds) * input_rate)
        )
        self._position = 0
        self._news = threading.Event()
        self._ending = False
        self._thread: threading.Thread | None = None
        self._failing = self._working = self._broken_off = False
        self.windows = 0
        """Windows that were judged."""
        self.failed = 0
        """Windows that a recogniser refused."""
        self.skipped = 0
        """Samples that were given up to catch up."""

    def feed(self, samples: Samples) -> None:
        """Take samples; returns at once, whatever the recognition is at."""
        self._ring.append(samples)
        self._owed = len(samples) + (0 if samples.gap else self._owed)
        self._news.set()

    @property
    def overdue(self) -> bool:
        """Whether samples come for which there should long be a verdict."""
        return self._owed > self._patience * self._rate

    def figures(self) -> RecognitionFigures:
        """Give the counts for `/health`."""
        return RecognitionFigures(
            windows=self.windows, skipped=self.skipped, failed=self.failed
        )

    def work(self) -> None:
        """Judge every window that the samples fed so far complete."""
        for samples in self._unread():
            for window in self._maker.push(samples):
                self._consider(window)

    def start(self) -> None:
        """Work on a thread until `stop`."""
        self._thread = self._supervisor.thread(self._run, "recognition", vital=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; harmless when there is none."""
        self._ending = True
        self._news.set()
        if self._thread is not None:
            self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        if self._working:
            # It failed within a block of samples, which is lost: the next begins anew.
            self._broken_off = True
            self._news.set()
        self._working = True
        while self._news.wait() and not self._ending:
            self._news.clear()
            self.work()

    def _unread(self) -> list[Samples]:
        """Give what came since last time, as far back as may wait."""
        begin = max(self._position, self._ring.written - self._backlog)
        lapsed = begin - self._position
        blocks, end = self._ring.since(begin)
        lapsed += end - begin - sum(map(len, blocks))
        self._position = end
        if lapsed and blocks:
            self.skipped += lapsed
            blocks[0] = Samples(blocks[0].values, blocks[0].times, gap=True)
            log.warning("recognition is too slow: %d samples skipped to catch up", lapsed)
        if self._broken_off and blocks:
            blocks[0] = Samples(blocks[0].values, blocks[0].times, gap=True)
            self._broken_off = False
        return blocks

    def _consider(self, window: Window) -> None:
        try:
            verdict = self._judge(window)
        except HarpiError as error:
            self.failed += 1
            # Once for a run of failures: at every hop it would fill the journal.
            if not self._failing:
                log.error("%s", error)
            self._failing = True
            return
        except Exception as error:  # noqa: BLE001 - told; the next window may be judged
            self.failed += 1
            self._supervisor.report("recognition", error)
            return
        self._failing = False
        self._owed = 0
        self.windows += 1
        self._tell(verdict)
