from __future__ import annotations

import pytest

from harpi_models.protocol import Condition
from harpi_models.study.summary import (
    best_of,
    between,
    contestants_of,
    difference,
    figure,
    people_scores,
    place_of,
    places_of,
)
from tests.models.study.found import found, measured

TEN = Condition(10)


def test_a_person_counts_once_at_however_many_places() -> None:
    mine = [
        measured("dsads/1", "dsads/right_arm", personal=0.6),
        measured("dsads/1", "dsads/left_leg", personal=0.8),
        measured("dsads/2", "dsads/left_leg", personal=1.0),
    ]
    assert people_scores(mine, "personal", TEN) == {
        "dsads/1": pytest.approx(0.7),
        "dsads/2": pytest.approx(1.0),
    }
    assert people_scores(mine, "personal", TEN, "arms") == {"dsads/1": pytest.approx(0.6)}
    result = figure(mine, "personal", TEN)
    assert result is not None
    assert (result.mean, result.people) == (pytest.approx(0.85), 2)


def test_where_nobody_was_examined_there_is_no_figure() -> None:
    mine = found().known
    assert figure(mine, "personal", TEN, "torso") is None
    assert figure(mine, "nobody", TEN) is None
    assert figure(mine, "personal", Condition(3)) is None
    assert difference(mine, "personal", "nobody", TEN) is None


def test_differences_are_of_the_same_people() -> None:
    mine = found().known
    result = difference(mine, "personal", "kNN", TEN)
    assert result is not None
    assert result.mean == pytest.approx(0.1)
    assert result.people == 12
    assert result.sure
    one = between({"a": 0.5, "b": 0.9}, {"b": 0.7, "c": 0.1})
    assert one is not None
    assert (one.mean, one.people, one.sure) == (pytest.approx(0.2), 1, False)


def test_places_have_names_and_an_order() -> None:
    mine = [
        measured("spar_seglearn/1", "spar_seglearn/right_wrist", new=True),
        measured("x/1", "x/ankle"),
        measured("wisdm_watch/1", "wisdm_watch/wrist_watch"),
        measured("dsads/1", "dsads/left_arm"),
    ]
    assert [place_of(one) for one in mine] == ["new exercises", "x/ankle", "wrist", "arms"]
    assert places_of(mine) == ("arms", "wrist", "new exercises", "x/ankle")


def test_the_best_is_the_one_with_the_highest_mean() -> None:
    mine = found().known
    assert best_of(mine, ("kNN", "RandomForest", "nobody"), TEN) == "RandomForest"
    assert contestants_of(mine)[:3] == ("kNN", "generic", "personal")
