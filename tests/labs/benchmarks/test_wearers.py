from __future__ import annotations

import numpy as np

from tests.labs.benchmarks.effort import Effort
from tests.labs.benchmarks.wearers import ASKED, LEARNT, shipped_wearer, wearers


def test_the_shipped_recording_has_wearers() -> None:
    (people,) = wearers(Effort()).values()
    assert len(people) == 2


def test_each_activity_is_taught_for_as_long_as_any_other() -> None:
    wearer = shipped_wearer()
    assert set(np.bincount(wearer.learnt_classes)) == {LEARNT}
    assert max(np.bincount(wearer.asked_classes)) <= ASKED
    assert set(wearer.asked_classes) == set(wearer.learnt_classes)


def test_what_is_asked_was_not_taught() -> None:
    wearer = shipped_wearer()
    taught = {window.tobytes() for window in wearer.learnt}
    assert not taught & {window.tobytes() for window in wearer.asked}
