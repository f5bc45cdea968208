"""How the sensor sits on the limb: stand still, then walk."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import numpy as np

from harpi.calibrate.bench import Bench
from harpi.calibrate.guide import Guide
from harpi.errors import CalibrationError
from harpi.signal.gait import gait_of, is_still, is_walk, rotation_since
from harpi.signal.mounting_file import Place
from harpi.types import FloatArray

STILL_SECONDS: Final = 3.0
WALK_SECONDS: Final = 10.0
"""Ten steps take five to six seconds, and the first two are unlike the others."""

PATIENCE_SECONDS: Final = 60.0
"""How long standing, and walking, is waited for."""

_START_SECONDS: Final = 1.0
"""The first steps, which are not used."""


def calibrate_mounting(bench: Bench, guide: Guide, before: Place | None) -> Place:
    """Let the wearer stand and walk; compare the walk with the first one.

    Args:
        bench: the sensor, as it is worn.
        guide: leads the wearer.
        before: what is known of this place; None to begin with this walk as the first.

    Raises:
        CalibrationError: the wearer did not stand or walk, or it cannot be told how the strap
            is turned; or the sensor fails.
    """
    still, walk = _stand_and_walk(bench, guide)
    now, rate = datetime.now(UTC), bench.chip.rate
    if before is None:
        first = Place(first=gait_of(still, walk, rate), first_made=now)
        return first.turned_by(np.eye(3), now)
    return before.turned_by(rotation_since(before.first, still, walk, rate).rotation, now)


def _stand_and_walk(bench: Bench, guide: Guide) -> tuple[FloatArray, FloatArray]:
    """Lead a wearer through it; give ``[n, 6]`` of standing and ``[m, 6]`` of walking.

    Raises:
        CalibrationError: the wearer did not stand still, or did not walk, for a minute.
    """
    guide.say("Stand still, arms hanging.")
    guide.show("hold")
    still = _stretch(bench, is_still, STILL_SECONDS, "standing still")
    guide.show("taken")
    guide.say("Now walk straight on, ten steps at least, until this says that it is enough.")
    guide.show("move")
    walk = _stretch(bench, is_walk, _START_SECONDS + WALK_SECONDS, "walking")
    guide.show("taken")
    guide.say("That is enough.")
    return still, walk[-round(WALK_SECONDS * bench.chip.rate) :]


def _stretch(
    bench: Bench, wanted: Callable[[FloatArray], bool], seconds: float, what: str
) -> FloatArray:
    """Wait for a stretch of which every second is as wanted.

    Raises:
        CalibrationError: there is none.
    """
    second = round(bench.chip.rate)
    values = np.empty((0, 6), np.float32)
    needed = round(seconds * bench.chip.rate)
    for block in bench.samples(PATIENCE_SECONDS):
        values = block.values if block.gap else np.concatenate([values, block.values])
        if len(values) >= second and not wanted(values[-second:]):
            values = values[:0]
        if len(values) >= needed:
            return values[-needed:]
    raise CalibrationError(
        f"{PATIENCE_SECONDS:.0f} s went by without {seconds:.0f} s of {what}",
        remedy="Begin again, with the strap tight; what was calibrated before is as it was",
    )
