"""The wearer of an emulated sensor: does what is recorded, else what the recording shows."""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from typing import Final

import numpy as np

from harpi.commands import Event
from harpi.imu.emulator.motion import Playback
from harpi.recording import Recording
from harpi.timebase import Timebase

EDGE_SECONDS: Final = 0.5
"""Left out at both ends of a stretch: there the person in the recording changes activity."""

SHORTEST_SECONDS: Final = 3.0
"""Of a stretch: the shipped base looks at 2.56 s."""

log = logging.getLogger(__name__)

Stretch = tuple[float, float]
"""Seconds from the beginning of a recording: begin and end."""


class Wearer:
    """Moves an emulated sensor as a person would who follows what is recorded.

    While a take of an activity is recorded, the sensor feels that activity; between takes the
    recording goes on. What a test take feels is never felt in a take to learn from.

    Args:
        playback: the motion of the emulated chip.
        timebase: the clock of the daemon.
    """

    def __init__(self, playback: Playback, timebase: Timebase) -> None:
        self._playback = playback
        self._time = timebase
        self._stretches = stretches_of(playback.recording)
        self._done: Counter[tuple[str, str]] = Counter()
        self._doing: tuple[str, str] | None = None

    def hear(self, event: Event) -> None:
        """Begin or end an activity, as the session says; a listener of the session."""
        now, situation = self._time.monotonic(), event.situation
        recorded = None
        if situation.state in ("recording", "testing") and situation.label:
            recorded = (situation.label, situation.state)
        if recorded == self._doing:
            return
        self._doing = recorded
        if recorded is None:
            self._playback.resume(now)
            return
        label, state = recorded
        if label not in self._stretches:
            log.warning(
                "the recording that is played has no %r: the sensor goes on as recorded", label
            )
            return
        to_learn, to_test = self._stretches[label]
        stretches = to_test if state == "testing" else to_learn
        begin, end = stretches[self._done[recorded] % len(stretches)]
        self._done[recorded] += 1
        self._playback.repeat(begin, end, now)


def stretches_of(recording: Recording) -> dict[str, tuple[list[Stretch], list[Stretch]]]:
    """Find where a recording shows each activity: stretches to learn, and others to test.

    Args:
        recording: with labels.

    Returns:
        By label, first those to learn from; no moment is in both. A label that is shown for
        less than twice `SHORTEST_SECONDS` is left out.
    """
    codes = recording.label.astype(np.int64) + recording.segment.astype(np.int64) * 65536
    cuts = np.flatnonzero(np.diff(codes)) + 1
    edges = [0, *cuts.tolist(), len(codes)]
    found: dict[str, list[Stretch]] = {}
    for first, last in itertools.pairwise(edges):
        code = int(recording.label[first])
        begin, end = first / recording.rate + EDGE_SECONDS, last / recording.rate - EDGE_SECONDS
        if code >= 0 and end - begin >= SHORTEST_SECONDS:
            found.setdefault(recording.labels[code], []).append((begin, end))
    return {label: halves for label, some in found.items() if (halves := _halves(some))}


def _halves(stretches: list[Stretch]) -> tuple[list[Stretch], list[Stretch]] | None:
    if len(stretches) > 1:
        middle = (len(stretches) + 1) // 2
        return stretches[:middle], stretches[middle:]
    ((begin, end),) = stretches
    if end - begin < 2 * SHORTEST_SECONDS:
        return None
    middle_second = (begin + end) / 2
    return [(begin, middle_second)], [(middle_second, end)]
