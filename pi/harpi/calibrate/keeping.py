"""The results, kept in the folder of the state: a new part beside the old ones, or none."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from harpi.documents import write_document
from harpi.errors import CalibrationError
from harpi.imu.calibration import (
    FILE_NAME,
    AccelCalibration,
    Calibration,
    GyroCalibration,
    read_calibration,
)


def check_writable(folder: Path) -> None:
    """Refuse to begin where the result could not be kept.

    Raises:
        CalibrationError: the folder, or the one that it would be made in, cannot be written.
    """
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(there, os.W_OK):
        raise CalibrationError(
            "this user may not write there",
            where=str(folder),
            remedy="Use sudo, or be the user that harpi runs as",
        )


def keep(folder: Path, chip: str, part: GyroCalibration | AccelCalibration) -> None:
    """Replace one part of the calibration; the other stays if it is the same chip's.

    Args:
        folder: of the state.
        chip: fingerprint of the chip.
        part: what was measured.

    Raises:
        CalibrationError: the file cannot be written.
    """
    path = folder / FILE_NAME
    try:
        before = read_calibration(path)
    except CalibrationError:  # damaged: nothing in it is worth keeping
        before = None
    if before is None or before.chip != chip:
        before = Calibration(chip=chip)
    if isinstance(part, GyroCalibration):
        after = msgspec.structs.replace(before, gyro=part)
    else:
        after = msgspec.structs.replace(before, accel=part)
    write_document(path, after)
