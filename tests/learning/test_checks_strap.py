from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from harpi.learning.checks import OrientationDrift
from harpi.signal.orientation import rotation_about
from tests.support.recorded import Recorded

FORWARD = np.array([[0.0, 1.0, 0.0]])
UP = np.array([[0.0, 0.0, 1.0]])


def turned_by(degrees: float, axis: NDArray[np.float64] = FORWARD) -> NDArray[np.float64]:
    rotation: NDArray[np.float64] = rotation_about(axis, np.radians([degrees]))[0]
    return rotation


@pytest.fixture
def recorded() -> Recorded:
    source = Recorded()
    for label in ("still", "slow", "tilted"):
        source.add(label, session=1)
    return source


def test_the_same_mounting_is_not_turned(recorded: Recorded) -> None:
    recorded.add("still", session=2)
    recorded.add("slow", session=2)

    found = OrientationDrift(recorded).turn(2, "unspecified")

    assert found is not None
    assert not found.turned
    assert found.degrees < 5


def test_a_turned_strap_is_noticed_and_said(recorded: Recorded) -> None:
    for label in ("still", "slow", "tilted"):
        recorded.add(label, session=2, rotation=turned_by(60))

    found = OrientationDrift(recorded).turn(2, "unspecified")

    assert found is not None
    assert found.turned
    assert found.degrees == pytest.approx(60, abs=3)
    assert found.sentence.startswith(
        "The strap is turned by about 60 degrees against session 1, as gravity shows in still"
    )


def test_one_activity_in_another_posture_is_no_turned_strap(recorded: Recorded) -> None:
    recorded.add("still", session=2, kind="tilted")
    recorded.add("slow", session=2)
    recorded.add("tilted", session=2)

    found = OrientationDrift(recorded).turn(2, "unspecified")

    assert found is not None
    assert not found.turned


def test_one_activity_alone_is_said_with_doubt(recorded: Recorded) -> None:
    recorded.add("still", session=2, rotation=turned_by(90))

    found = OrientationDrift(recorded).turn(2, "unspecified")

    assert found is not None
    assert found.sentence.startswith("The strap may be turned by about 90 degrees")


def test_a_turn_about_the_vertical_does_not_show(recorded: Recorded) -> None:
    recorded.add("still", session=2, rotation=turned_by(90, UP))

    found = OrientationDrift(recorded).turn(2, "unspecified")

    assert found is not None
    assert not found.turned


def test_it_looks_back_to_the_last_session_with_a_common_activity(recorded: Recorded) -> None:
    recorded.add("fast", session=2)
    recorded.add("still", session=3, rotation=turned_by(45))

    found = OrientationDrift(recorded).turn(3, "unspecified")

    assert found is not None
    assert found.session == 1


def test_there_is_nothing_to_compare_at_another_position_or_without_a_common_activity(
    recorded: Recorded,
) -> None:
    recorded.add("fast", session=2)

    assert OrientationDrift(recorded).turn(2, "unspecified") is None
    assert OrientationDrift(recorded).turn(2, "left_leg") is None
    assert OrientationDrift(recorded).turn(1, "unspecified") is None


def test_only_mountings_that_were_learnt_are_compared_with_where_that_is_asked(
    recorded: Recorded,
) -> None:
    recorded.add("still", session=2, rotation=turned_by(60))
    recorded.add("still", session=3, rotation=turned_by(60))
    watch = OrientationDrift(recorded)

    with_any = watch.turn(3, "unspecified")
    with_learnt = watch.turn(3, "unspecified", learnt=(1, 2))

    assert with_any is not None
    assert not with_any.turned
    assert with_learnt is not None
    assert (with_learnt.session, with_learnt.turned) == (1, True)
    assert watch.turn(3, "unspecified", learnt=()) is None
    assert watch.turn(3, "unspecified", learnt=(1, 5)) is None


def test_a_take_is_read_once(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded.add("still", session=2)
    watch = OrientationDrift(recorded)
    first = watch.turn(2, "unspecified")
    monkeypatch.setattr(recorded, "samples", None)
    assert watch.turn(2, "unspecified") == first
