"""Windows of made-up motions that any recogniser should tell apart."""

from __future__ import annotations

import numpy as np

from harpi.types import FloatArray

RATE = 25.0
LENGTH = 64
MOTIONS = ("still", "slow", "fast")
"""Lying on a table, swinging gently, shaking."""


def windows_of_motion(motion: str, count: int, seed: int = 0) -> FloatArray:
    """Windows ``[count, 64, 6]`` of one motion, by a sensor whose z axis points up.

    `strange`, besides the `MOTIONS`, is upside down and spins; nothing else is like it.
    """
    rng = np.random.default_rng([seed, *motion.encode()])
    times = np.arange(LENGTH) / RATE
    phase = rng.uniform(0, 2 * np.pi, (count, 1))
    windows = rng.normal(0, 0.01, (count, LENGTH, 6))
    windows[..., 3:] *= 50
    windows[..., 2] += 1
    if motion in ("slow", "fast"):
        hertz, swing = (1.0, 0.2) if motion == "slow" else (3.0, 1.0)
        hertz = hertz * rng.uniform(0.9, 1.1, (count, 1))
        wave = swing * np.sin(2 * np.pi * hertz * times + phase)
        windows[..., 0] += wave
        windows[..., 4] += 100 * wave
    elif motion == "strange":
        windows[..., 2] -= 2
        windows[..., 5] += 800
        windows[..., 1] += 2 * np.sin(2 * np.pi * 6.0 * times + phase)
    return windows.astype(np.float32)
