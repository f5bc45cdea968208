"""What happened in the last minutes, by counters that count since the start."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

from msgspec import structs

from harpi.imu.health import SensorHealth
from harpi.publish.condition import RecentFigures
from harpi.publish.messages import RecognitionFigures

SPAN_SECONDS: Final = 300.0
"""How far back a fault is held against a device that does well again."""

_STEP_SECONDS: Final = 10.0


def totals_of(sensor: SensorHealth, recognition: RecognitionFigures) -> RecentFigures:
    """Give the counters since the start that tell how a device does."""
    return RecentFigures(
        samples=sensor.samples,
        lost=sensor.lost,
        gaps=sensor.gaps,
        blocks_failed=sensor.callback_errors,
        windows_failed=recognition.failed,
        skipped=recognition.skipped,
    )


class Recent:
    """Remembers how the counters stood, for as long as a fault matters.

    Args:
        now: monotonic seconds of the start, when all counters stood at zero.
    """

    def __init__(self, now: float) -> None:
        self._lock = threading.Lock()
        self._marks = deque([(now, RecentFigures())])

    def note(self, now: float, totals: RecentFigures) -> RecentFigures:
        """Take note of the counters, and tell what they counted in the last minutes.

        Args:
            now: monotonic seconds; may be called as often as one likes, from any thread.
            totals: the counters since the start.
        """
        with self._lock:
            if now >= self._marks[-1][0] + _STEP_SECONDS:
                self._marks.append((now, totals))
            while len(self._marks) > 1 and self._marks[1][0] <= now - SPAN_SECONDS:
                self._marks.popleft()
            then = structs.asdict(self._marks[0][1])
        return RecentFigures(
            **{name: count - then[name] for name, count in structs.asdict(totals).items()}
        )
