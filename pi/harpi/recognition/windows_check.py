"""What every recogniser refuses before it looks any closer."""

from __future__ import annotations

import numpy as np

from harpi.errors import ModelError
from harpi.types import AXES, FloatArray


def check_windows(windows: FloatArray, length: int, where: str) -> None:
    """Make sure that windows can be judged.

    Args:
        windows: must be ``[n, length, 6]`` and finite.
        length: samples that a window must have.
        where: the recogniser, for the message.

    Raises:
        ModelError: they cannot.
    """
    if windows.ndim != 3 or windows.shape[1:] != (length, len(AXES)):
        raise ModelError(
            f"windows have the shape {list(windows.shape)}, must be [n, {length}, {len(AXES)}]",
            where=where,
            remedy="Set `signal.length` and `signal.rate` to those of the model",
        )
    if not np.isfinite(windows).all():
        raise ModelError(
            "windows hold values that are not finite",
            where=where,
            remedy="Look at the sensor: `harpi watch` shows its health",
        )
