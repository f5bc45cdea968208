from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harpi_models.datasets.catalogue import CORE, HAPT, UMAFALL, body_part
from harpi_models.examples import Examples, balance, read_examples
from harpi_models.mixture import MOST, POSTURES, STAIRS, WALKING, Mixture, only
from tests.models.synthetic import write

NEUTRAL = Mixture(stairs=1.0, postures=0.0, virtual=0.0)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    folder = tmp_path_factory.mktemp("sets")
    write(
        folder,
        HAPT,
        ("walking", "upstairs", "sitting", "standing", "stand_to_sit"),
        positions=("waist_phone",),
    )
    write(folder, UMAFALL, ("walking", "jogging", "stairs_up"), positions=("ankle", "wrist"))
    found = read_examples(folder, [HAPT, UMAFALL], hop=32, length=64)
    rare = found.core[:, CORE.index("stairs_up")] & (np.arange(len(found)) % 2 == 1)
    return found.where(~rare)


def share(examples: Examples, mixture: Mixture, classes: list[int], part: str = "") -> float:
    mine = only(examples, classes)
    if part:
        parts = np.array([body_part(place) for place in examples.places])[examples.position]
        mine &= parts == part
    return float(mixture.chances(examples)[mine].sum())


def test_nothing_is_raised_where_nothing_is_asked_for(examples: Examples) -> None:
    np.testing.assert_allclose(NEUTRAL.chances(examples), balance(examples))


def test_stairs_are_drawn_as_often_as_walking_on_each_part_of_the_body(
    examples: Examples,
) -> None:
    one_of_two = examples.where(
        ~(only(examples, STAIRS) & (examples.data_set == 1)) | (examples.person % 3 == 0)
    )
    mixture = replace(NEUTRAL, stairs=10.0)
    for part in ("leg", "arm", "trunk"):
        assert share(one_of_two, mixture, STAIRS, part) == pytest.approx(
            share(one_of_two, mixture, [WALKING], part)
        )


def test_stairs_are_raised_no_further_than_asked(examples: Examples) -> None:
    few = examples.where(~only(examples, STAIRS) | (np.arange(len(examples)) % 5 == 0))
    before = share(few, NEUTRAL, STAIRS, "leg") / share(few, NEUTRAL, [WALKING], "leg")
    mixture = replace(NEUTRAL, stairs=1.2)
    after = share(few, mixture, STAIRS, "leg") / share(few, mixture, [WALKING], "leg")
    assert after / before == pytest.approx(min(1.2, 1 / before))


def test_each_posture_keeps_its_share(examples: Examples) -> None:
    known = examples.core.any(axis=1)
    sitting = [CORE.index("sitting")]
    mixture = replace(NEUTRAL, postures=0.3)
    weights = mixture.chances(examples) / NEUTRAL.chances(examples)
    moving = known & ~only(examples, POSTURES)
    level = float(np.median(weights[moving]))
    before = NEUTRAL.chances(examples)
    wanted = 0.3 / 0.7 * before[moving].sum() / 3 / before[only(examples, sitting)].sum()
    assert weights[only(examples, sitting)] / level == pytest.approx(np.clip(wanted, 1, MOST))
    most = replace(NEUTRAL, postures=0.99).chances(examples) / before
    assert most[only(examples, sitting)] / np.median(most[moving]) == pytest.approx(MOST)


def test_virtual_walkers_are_a_share_of_stairs(examples: Examples) -> None:
    mixture = replace(NEUTRAL, virtual=0.5)
    chances = mixture.chances(examples)
    virtual = mixture.virtual_share(examples, chances)
    real = (1 - virtual) * chances[only(examples, STAIRS)].sum()
    assert virtual / real == pytest.approx(0.5)
    assert NEUTRAL.virtual_share(examples, chances) == 0
