from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harpi_models.datasets.catalogue import CORE, HAPT
from harpi_models.examples import Examples, read_examples
from harpi_models.unknown import FALSE_UNKNOWN, WRONG_AND_SURE, Outcomes, calibrate, even
from tests.models.synthetic import write


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    folder: Path = tmp_path_factory.mktemp("sets")
    write(folder, HAPT, ("walking",), subjects=(1, 2), seconds=600)
    return read_examples(folder, [HAPT], hop=64, length=64)


def said(examples: Examples, right: np.ndarray, confidence: np.ndarray) -> Outcomes:
    """Answers of a base: *walking* where it is right, else *running*."""
    answer = np.where(right, CORE.index("walking"), CORE.index("running"))
    found = np.repeat((1 - confidence)[:, None] / (len(CORE) - 1), len(CORE), axis=1)
    found[np.arange(len(examples)), answer] = confidence
    return Outcomes(examples, found.astype(np.float32))


def spread(examples: Examples, low: float, high: float) -> np.ndarray:
    return np.random.default_rng(0).permutation(np.linspace(low, high, len(examples)))


def test_places_and_people_count_alike() -> None:
    weight = even(np.array([0, 0, 0, 0, 1]), np.array([0, 0, 0, 1, 0]))
    np.testing.assert_allclose(weight, [1 / 12, 1 / 12, 1 / 12, 1 / 4, 1 / 2])


def test_nonsense_is_held_down_where_that_costs_little(examples: Examples) -> None:
    everywhere = np.ones(len(examples), bool)
    familiar = said(examples, everywhere, spread(examples, 0.8, 1.0))
    foreign = said(examples, np.arange(len(examples)) % 2 == 0, spread(examples, 0.3, 0.7))
    limit = calibrate([familiar], [foreign])
    assert limit is not None
    assert limit.foreign_wrong == pytest.approx(WRONG_AND_SURE, abs=0.02)
    assert limit.lost == 0
    assert limit.below < 0.7


def test_right_answers_are_kept_where_the_two_contradict(examples: Examples) -> None:
    everywhere = np.ones(len(examples), bool)
    familiar = said(examples, everywhere, spread(examples, 0.3, 1.0))
    foreign = said(examples, ~everywhere, spread(examples, 0.9, 1.0))
    limit = calibrate([familiar], [foreign])
    assert limit is not None
    assert limit.lost == pytest.approx(FALSE_UNKNOWN, abs=0.02)
    assert limit.foreign_wrong > WRONG_AND_SURE


def test_a_base_that_is_never_wrong_needs_no_limit(examples: Examples) -> None:
    right = said(examples, np.ones(len(examples), bool), spread(examples, 0.3, 1.0))
    limit = calibrate([right], [replace(right)])
    assert limit is not None
    assert limit.below == 0


def test_nothing_to_find_it_on() -> None:
    assert calibrate([], []) is None
