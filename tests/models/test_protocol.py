from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harpi.signal.features import features
from harpi.types import FloatArray
from harpi_models.datasets.catalogue import CORE, MOTIONSENSE, SPAR, WISDM
from harpi_models.examples import Examples, read_examples
from harpi_models.protocol import (
    CONDITIONS,
    GAP,
    Learner,
    courses,
    discriminant_learner,
    generic_scores,
    group,
    neighbours_learner,
    personal_scores,
    summary,
    turned,
    unknown_score,
    unturned_learner,
)
from tests.models.synthetic import write


def embed(windows: FloatArray) -> FloatArray:
    return features(windows, 25.0)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    folder = tmp_path_factory.mktemp("sets")
    write(folder, SPAR, ("a", "b", "c", "d"), subjects=(1, 2), seconds=90)
    return read_examples(folder, [SPAR], hop=64, length=64)


def test_what_is_asked_comes_after_what_is_learnt_and_a_gap(examples: Examples) -> None:
    found = list(courses(examples))
    assert {(c.person, c.place) for c in found} == {
        (f"spar_seglearn/{s}", f"spar_seglearn/{p}")
        for s in (1, 2)
        for p in ("left_leg", "wrist")
    }
    course = found[0]
    assert [len(part) for part in course.learnt] == [20] * 4
    mine = examples.where(
        (examples.person == 0) & (examples.position == 0) & (examples.own == 0)
    )
    np.testing.assert_array_equal(course.learnt[0], mine.values[:20])
    np.testing.assert_array_equal(course.asked[course.truth == 0], mine.values[20 + GAP :])


@pytest.mark.parametrize("learner", [discriminant_learner, neighbours_learner])
def test_paces_are_learnt_from_few_windows(examples: Examples, learner: Learner) -> None:
    course = next(iter(courses(examples)))
    found = personal_scores(course, embed, {"all": slice(None)}, {"x": ("all", learner)})["x"]
    assert set(found) == {c.name for c in CONDITIONS}
    assert found["n=10"] > 0.9
    assert found["n=10"] >= found["n=1"]


def test_turned_copies_make_up_for_a_turned_strap(examples: Examples) -> None:
    course = next(iter(courses(examples)))
    learners = {
        "with": ("all", discriminant_learner),
        "without": ("all", unturned_learner),
        "few": ("some", discriminant_learner),
    }
    columns = {"all": slice(None), "some": slice(3)}
    told = personal_scores(course, embed, columns, learners, copies=6, degrees=20.0)
    none = personal_scores(course, embed, columns, learners)
    assert told["without"] == none["with"] == none["without"]
    assert told["with"]["n=10, turned 45"] > told["without"]["n=10, turned 45"]
    assert told["few"] != told["with"]


def test_unknown_movements_are_further_away(examples: Examples) -> None:
    course = next(iter(courses(examples)))
    assert unknown_score(course, embed) > 0.9


def test_turning_is_alike_for_a_person_at_a_place(examples: Examples) -> None:
    values = turned(examples, np.random.default_rng(0))
    for person in (0, 1):
        mine = (examples.person == person) & (examples.position == 0)
        before = examples.values[mine].reshape(-1, 6)[:, :3]
        after = values[mine].reshape(-1, 6)[:, :3]
        rotation = np.linalg.lstsq(before, after, rcond=None)[0]
        np.testing.assert_allclose(before @ rotation, after, atol=1e-3)
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-3)


def test_either_direction_of_stairs_is_right(tmp_path: Path) -> None:
    write(tmp_path, WISDM, ("walking", "stairs", "typing"), subjects=(1600,))
    found = read_examples(tmp_path, [WISDM], hop=64, length=64)

    def climbing(windows: FloatArray) -> FloatArray:
        return np.eye(len(CORE), dtype=np.float32)[
            np.where(
                np.arange(len(windows)) % 2, CORE.index("stairs_up"), CORE.index("stairs_down")
            )
        ]

    scores = generic_scores(found, climbing)["wisdm_watch/wrist"]
    f1_of_stairs = 2 * 4 / (4 + 8)
    assert scores["wisdm_watch/1600"] == pytest.approx((f1_of_stairs + 0) / 2)


def test_a_perfect_model_is_perfect(tmp_path: Path) -> None:
    write(tmp_path, MOTIONSENSE, ("walking", "jogging"))
    found = read_examples(tmp_path, [MOTIONSENSE], hop=64, length=64)
    scores = generic_scores(found, lambda windows: found.core.astype(np.float32))
    figures = summary(scores)
    assert {name: f.mean for name, f in figures.items()} == {
        "legs": 1.0,
        "motionsense/wrist": 1.0,
    }
    assert figures["legs"].people == 3


def test_arms_and_legs_are_shown_together() -> None:
    assert group("dsads/right_arm") == group("dsads/left_arm") == "arms"
    assert group("dsads/left_leg") == "legs"
    assert group("hapt/waist_phone") == "hapt/waist_phone"
