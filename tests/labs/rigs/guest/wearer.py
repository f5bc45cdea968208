"""Somebody who wears the sensor and does what the program says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harpi.imu.emulator.motion import Playback, Rotation
from harpi.recording import Recording
from harpi.timebase import Timebase
from harpi.types import FloatArray, TimeArray


class Wearer:
    """A `Motion` that plays the longest stretch of one activity after the other.

    Args:
        recording: where the activities are taken from.
        timebase: the time in which they are done.
        rotation: how the strap is put on.
    """

    def __init__(
        self, recording: Recording, timebase: Timebase, rotation: Rotation | None = None
    ) -> None:
        self._recording = recording
        self._timebase = timebase
        self._rotation = rotation
        self.revision = 0
        self.does(recording.labels[0])

    def does(self, label: str) -> None:
        """Do another activity from now on."""
        self._playback = Playback(
            self._longest(label),
            start=self._timebase.monotonic(),
            rotation=self._rotation,
        )
        self.revision += 1

    def values(self, times: TimeArray) -> FloatArray:
        """Give the motion at monotonic times; see `harpi.imu.emulator.motion.Motion`."""
        return self._playback.values(times)

    def _longest(self, label: str) -> Recording:
        is_it = self._recording.label == self._recording.labels.index(label)
        edges = np.flatnonzero(np.diff(is_it, prepend=False, append=False)).reshape(-1, 2)
        begin, end = edges[np.argmax(edges[:, 1] - edges[:, 0])]
        return replace(
            self._recording,
            values=self._recording.values[begin:end],
            label=self._recording.label[begin:end],
            segment=np.zeros(end - begin, np.int32),
        )
