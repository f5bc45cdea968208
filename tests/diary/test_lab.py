"""The days by which the diary is measured can be lived."""

from __future__ import annotations

from tests.labs.diary import figures, live, raw_bouts
from tests.labs.wearers import Wearer
from tests.support.recorded import RATE, motion


def test_a_short_day_is_taught_lived_and_held_against_its_truth() -> None:
    kinds = ("still", "tilted", "slow", "fast")
    wearer = Wearer("someone", RATE, {kind: motion(kind, 120) for kind in kinds})
    day = live(wearer, None, broken=False, hours=0.1)
    assert set(day.taught) <= set(kinds)
    right = figures(day, raw_bouts(day, "personal"))
    broken = figures(
        (worse := live(wearer, None, broken=True, hours=0.1)), raw_bouts(worse, "personal")
    )
    assert right.wrong < 0.2 < broken.wrong
