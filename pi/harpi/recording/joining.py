"""One recording of two files: an accelerometer's and a gyroscope's, each with its own times."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from harpi.recording.raw import Raw, refuse

_NEAR: Final = 4.0
"""Sampling periods within which a sample of the gyroscope must lie."""


def joined(acc: Raw, gyro: Raw, where: str) -> Raw:
    """Bring a gyroscope to the times of an accelerometer, by interpolation.

    Args:
        acc: its times only grow; everything but the gyroscope is taken from here.
        gyro: its `acc` holds the angular rates, in the same unit of time.
        where: the file, for the message.

    Raises:
        RecordingError: they share no time.
    """
    own, its = acc.stamps(where), gyro.stamps(where)
    if (np.diff(own) < 0).any() or (np.diff(its) < 0).any() or len(its) < 2:
        raise refuse("its times go back", where, "Export the recording again")
    places = np.searchsorted(its, own).clip(1, len(gyro) - 1)
    distance = np.minimum(np.abs(its[places] - own), np.abs(own - its[places - 1]))
    steps = np.diff(its)
    period = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    near = distance <= _NEAR * period
    if np.count_nonzero(near) < 2:
        raise refuse(
            "its accelerometer and its gyroscope were not recorded at the same time",
            where,
            "Export the recording again",
        )
    rates = np.column_stack([np.interp(own[near], its, column) for column in gyro.acc.T])
    left_out = len(acc) - int(np.count_nonzero(near))
    notes = list(acc.notes)
    if left_out:
        notes.append(f"left out {left_out} samples for which there is no gyroscope")
    columns = dict(acc.columns)
    columns |= {
        "g" + axis[1]: f"gyroscope {name}"
        for axis, name in gyro.columns.items()
        if axis[0] == "a"
    }
    return replace(
        acc,
        acc=acc.acc[near],
        gyro=rates.astype(np.float32),
        times=own[near],
        gyro_unit=gyro.acc_unit,
        label=None if acc.label is None else acc.label[near],
        lines=None if acc.lines is None else acc.lines[near],
        other_times=None,
        columns=columns,
        notes=notes,
    )
