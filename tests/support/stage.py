"""A recorded stranger who does what the script says."""

from __future__ import annotations

import numpy as np

from harpi.imu.emulator.motion import Motion, Playback, Rotation, Still
from harpi.recording import Recording
from harpi.timebase import Timebase
from harpi.types import FloatArray, TimeArray
from tests.support.device import recording

ROUND = 1
"""Segment of the recording: the first person's second round. In the others the person sits on
the second occasion as if standing, by what a sensor at the waist can tell."""


class Stage:
    """The motion of a person who does what the script says."""

    def __init__(self, time: Timebase) -> None:
        self._time = time
        self._recording = recording()
        self._rotation: Rotation | None = None
        self.revision = 0
        self.perform("sitting", 0)

    def perform(self, label: str, occasion: int) -> None:
        """Do what the person did on the first or the second occasion."""
        whole = self._recording
        mine = (whole.segment == ROUND) & (whole.label == whole.labels.index(label))
        rows = np.flatnonzero(mine)
        runs = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
        values = whole.values[runs[occasion]]
        piece = Recording(
            values=values,
            rate=whole.rate,
            labels=(),
            label=np.full(len(values), -1, np.int16),
            segment=np.zeros(len(values), np.int32),
        )
        self._motion: Motion = Playback(piece, start=self._time.monotonic())
        self.turn(self._rotation)

    def turn(self, rotation: Rotation | None) -> None:
        """Wear the strap turned from now on; None for as the person wore it."""
        self._rotation = rotation
        if isinstance(self._motion, Playback):
            self._motion.turn(rotation)
        self.revision += 1

    def take_off(self) -> None:
        """Lay the sensor on a table."""
        self._motion = Still()
        self.revision += 1

    def values(self, times: TimeArray) -> FloatArray:
        return self._motion.values(times)
