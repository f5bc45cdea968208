from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harpi_models.datasets.catalogue import (
    CATALOGUE,
    CORE,
    HAPT,
    TRAINED_ON,
    UMAFALL,
    WISDM,
    body_part,
)
from harpi_models.examples import Examples, core_table, read_examples
from harpi_models.folds import ALL, FOLDS, PEOPLE_RUNS, PLACE_RUNS, SET_RUNS, fold_of
from tests.models.synthetic import write


@pytest.fixture
def examples(tmp_path: Path) -> Examples:
    write(tmp_path, HAPT, ("walking", "laying", "unlabelled"), subjects=(1, 2, 24, 25, 26))
    write(tmp_path, WISDM, ("walking", "stairs", "typing"), subjects=(1600, 1601, 1602))
    return read_examples(tmp_path, [HAPT, WISDM], hop=64, length=64)


def test_every_label_of_the_catalogue_means_one_of_the_core() -> None:
    for data_set in CATALOGUE.values():
        assert set(data_set.core.values()) <= set(CORE)
        assert all(set(either) <= set(CORE) for either in data_set.either.values())


def test_people_of_the_shipped_recording_never_train(examples: Examples) -> None:
    assert HAPT.never == {25, 26}
    assert [p for p in examples.people if p.startswith("hapt")] == [
        "hapt/1",
        "hapt/2",
        "hapt/24",
    ]
    assert len(np.unique(examples.person)) == 6


def test_labels_of_all_sets_mean_the_same(examples: Examples) -> None:
    walking = examples.own == examples.own_labels.index("hapt/walking")
    assert np.all(examples.core[walking, CORE.index("walking")])
    assert np.all(examples.core[walking].sum(axis=1) == 1)
    typing = examples.own == examples.own_labels.index("wisdm_watch/typing")
    assert not examples.core[typing].any()


def test_stairs_without_a_direction_may_be_either() -> None:
    table = core_table(WISDM, ["stairs", "walking"])
    assert set(np.array(CORE)[table[0]]) == {"stairs_up", "stairs_down"}
    assert table[1].sum() == 1


def test_own_labels_belong_to_their_set(examples: Examples) -> None:
    owned = examples.own_of()
    assert owned.sum(axis=0).tolist() == [1] * len(examples.own_labels)
    assert owned[examples.data_set, examples.own].all()


def test_folds_share_no_person_and_miss_none(examples: Examples) -> None:
    fold = fold_of(examples)
    for person in range(len(examples.people)):
        assert len(np.unique(fold[examples.person == person])) == 1
    judged = [run.judged_on(examples) for run in PEOPLE_RUNS]
    assert np.all(np.sum(judged, axis=0) == 1)
    for run, mine in zip(PEOPLE_RUNS, judged, strict=True):
        assert not np.any(run.trained_on(examples) & mine)
        assert np.all(run.trained_on(examples) | mine)
    assert len(PEOPLE_RUNS) == FOLDS


def test_a_base_without_a_place_sees_neither_the_place_nor_the_strangers(
    examples: Examples,
) -> None:
    run = PLACE_RUNS[0]
    places = np.array(examples.places)[examples.position]
    legs = np.array([body_part(place) == "leg" for place in places])
    trained, judged = run.trained_on(examples), run.judged_on(examples)
    assert trained.any()
    assert judged.any()
    assert not np.any(trained & legs)
    assert np.all(legs[judged])
    assert not set(examples.person[trained]) & set(examples.person[judged])


def test_a_base_without_a_set_sees_all_of_the_others(tmp_path: Path) -> None:
    write(tmp_path, HAPT, ("walking", "laying"), positions=("waist_phone",))
    write(tmp_path, UMAFALL, ("walking",), positions=("ankle", "waist"))
    found = read_examples(tmp_path, [HAPT, UMAFALL], hop=64, length=64)
    (run,) = (run for run in SET_RUNS if run.data_set == "umafall")
    trained, judged = run.trained_on(found), run.judged_on(found)
    assert np.all(trained == (found.data_set == 0))
    assert np.all(judged == (found.data_set == 1))
    assert {run.data_set for run in SET_RUNS} == {d.name for d in TRAINED_ON}


def test_virtual_legs_are_not_for_a_base_that_must_not_see_legs() -> None:
    no_leg, no_arm = PLACE_RUNS
    assert not no_leg.virtual
    assert no_arm.virtual
    assert ALL.virtual


def test_every_place_of_a_set_is_on_some_part_of_the_body() -> None:
    assert body_part("umafall/ankle") == body_part("dsads/left_leg") == "leg"
    assert body_part("wisdm_watch/wrist_watch") == body_part("dsads/right_arm") == "arm"
    assert body_part("new/elbow") == "elbow"


def test_the_sets_that_train_are_in_the_catalogue() -> None:
    assert {d.name for d in TRAINED_ON} == set(CATALOGUE) - {"spar_seglearn"}
