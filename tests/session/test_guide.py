"""The first run asks for what is missing, whoever records it, and ends with a plain verdict."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from harpi.commands import Evaluated, GuideStep, LabelCount, Score
from harpi.session.guide import SECONDS, Guide


def counts(
    takes: Mapping[str, int], tests: Mapping[str, int] | None = None, **needed: int
) -> list[LabelCount]:
    tests = tests or {}
    return [
        LabelCount(
            label=label,
            takes=takes.get(label, 0),
            tests=tests.get(label, 0),
            needed=needed.get(label, 0),
        )
        for label in dict.fromkeys((*takes, *tests))
    ]


def guided(*labels: str, there: Mapping[str, int] | None = None) -> Guide:
    guide = Guide()
    guide.begin(labels, counts(there or {}))
    return guide


def evaluated(**accuracy: float) -> Evaluated:
    scores = {name: score(share) for name, share in accuracy.items()}
    return Evaluated(
        run=1, time=datetime.now(UTC), takes=2, windows=20, scores=scores, findings=()
    )


def score(share: float) -> Score:
    return Score(accuracy=share, macro_f1=share)


def where(step: GuideStep | None) -> tuple[str, str | None, int]:
    assert step is not None
    return step.step, step.label, step.number


def test_nobody_is_guided_unasked() -> None:
    guide = Guide()
    assert guide.step(counts({"walking": 3})) is None
    guide.begin(["walking", "sitting"], [])
    guide.end()
    assert guide.step([]) is None


def test_each_activity_is_asked_for_twice_one_after_the_other() -> None:
    guide = guided("walking", "sitting")
    assert where(guide.step([])) == ("record", "walking", 1)
    assert where(guide.step(counts({"walking": 1}))) == ("record", "sitting", 1)
    assert where(guide.step(counts({"walking": 1, "sitting": 1}))) == ("record", "walking", 2)
    assert where(guide.step(counts({"walking": 2, "sitting": 1}))) == ("record", "sitting", 2)
    step = guide.step(counts({"walking": 2, "sitting": 1}))
    assert step is not None
    assert (step.of, step.seconds) == (2, SECONDS)
    assert where(guide.step(counts({"walking": 2, "sitting": 2}))) == ("train", None, 1)


def test_only_new_takes_count_and_one_that_is_taken_back_is_asked_for_again() -> None:
    guide = guided("walking", "sitting", there={"walking": 5, "rowing": 2})
    assert where(guide.step(counts({"walking": 5}))) == ("record", "walking", 1)
    assert where(guide.step(counts({"walking": 6}))) == ("record", "sitting", 1)
    assert where(guide.step(counts({"walking": 5}))) == ("record", "walking", 1)


def test_too_short_takes_are_made_up_for() -> None:
    guide = guided("walking", "sitting")
    there = counts({"walking": 2, "sitting": 2}, sitting=3)
    assert where(guide.step(there)) == ("record", "sitting", 3)


def test_after_training_comes_the_test_and_then_the_verdict() -> None:
    guide = guided("walking", "sitting")
    takes = {"walking": 2, "sitting": 2}
    guide.trained()
    assert where(guide.step(counts(takes))) == ("test", "walking", 1)
    assert where(guide.step(counts(takes, {"walking": 1}))) == ("test", "sitting", 1)
    both = counts(takes, {"walking": 1, "sitting": 1})
    assert where(guide.step(both)) == ("evaluate", None, 1)
    guide.evaluated(evaluated(knn=0.8, generic=0.41, personal=0.97))
    step = guide.step(both)
    assert where(step) == ("done", None, 1)
    assert step is not None
    assert "personal model is right 97%" in step.message
    assert "generic one 41%" in step.message


@pytest.mark.parametrize(
    ("accuracy", "says"),
    [
        ({"generic": 0.4, "personal": 0.9}, "harpi knows you now"),
        ({"generic": 0.8, "personal": 0.6}, "Generic does better so far. Record each"),
        ({"generic": 0.5, "knn": 0.9, "personal": 0.6}, "kNN does better so far"),
        ({"personal": 1.0}, "right 100% of the time."),
        ({"generic": 0.5}, "No head is trained yet"),
    ],
)
def test_the_verdict_is_plain(accuracy: dict[str, float], says: str) -> None:
    guide = guided("walking", "sitting")
    guide.trained()
    guide.evaluated(evaluated(**accuracy))
    takes = {"walking": 2, "sitting": 2}
    step = guide.step(counts(takes, {"walking": 1, "sitting": 1}))
    assert step is not None
    assert says in step.message
