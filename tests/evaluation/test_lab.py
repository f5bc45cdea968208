"""The lessons by which harpi's answer is measured can be taught."""

from __future__ import annotations

from harpi.names import ANSWER
from tests.labs.answer import ask
from tests.labs.wearers import Wearer
from tests.support.recorded import RATE, motion


def test_who_teaches_half_is_understood_in_that_half_alone() -> None:
    kinds = ["still", "slow", "tilted", "fast"]
    wearer = Wearer("someone", RATE, {kind: motion(kind, 120) for kind in kinds})
    asked = ask(wearer, kinds, None, count=5, taught=2)
    assert set(asked.truth) == {0, 1, 2, 3}
    assert asked.score(ANSWER) > 0.9
    assert asked.unknown(ANSWER, taught=False) > asked.unknown(ANSWER, taught=True)
