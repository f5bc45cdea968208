from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from harpi.errors import ModelError
from harpi.learning.fitting import GradientFit
from harpi.recognition.head_trainer import HeadState, HeadTrainer
from harpi.recognition.interpreter import Interpreter
from harpi.recognition.model_file import ModelFile
from harpi.types import FloatArray
from tests.support.models import tiny_base, tiny_mlp
from tests.support.motions import MOTIONS, windows_of_motion

bases = pytest.mark.parametrize("model", [tiny_base, tiny_mlp], ids=["softmax", "mlp"])
COUNT = 20
TARGETS = np.repeat(np.arange(3), COUNT)


def features_of(model: ModelFile, seed: int = 0) -> FloatArray:
    windows = np.concatenate([windows_of_motion(m, COUNT, seed) for m in MOTIONS])
    return Interpreter(model).run("bottleneck", {"window": windows})["features"]


def fit_of(
    model: ModelFile, start: HeadState | None = None, learning_rate: float = 0.02
) -> GradientFit:
    features = features_of(model)
    return GradientFit(
        HeadTrainer(model),
        MOTIONS,
        features,
        features[:, None] + np.float32(0.01),
        TARGETS,
        batch_size=16,
        learning_rate=learning_rate,
        seed=1,
        start=start,
    )


@bases
def test_it_learns_and_its_result_judges_features_as_they_come(
    model: Callable[[], ModelFile],
) -> None:
    fit = fit_of(model())
    losses = [fit.epoch() for _ in range(100)]
    fresh = features_of(model(), seed=7)

    judged = HeadTrainer(model()).probabilities(fit.result(), fresh)

    assert losses[-1] < 0.7 * losses[0]
    assert np.mean(judged.argmax(axis=1) == TARGETS) > 0.6
    np.testing.assert_allclose(np.exp(fit.logits(fresh)), judged, atol=1e-4)


@bases
def test_going_on_starts_where_the_head_stands(model: Callable[[], ModelFile]) -> None:
    first = fit_of(model())
    for _ in range(20):
        first.epoch()
    result = first.result()

    second = fit_of(model(), start=result)

    fresh = features_of(model(), seed=7)
    np.testing.assert_allclose(second.logits(fresh), first.logits(fresh), atol=1e-2)
    second.epoch()
    assert second.result().step == result.step + 4


def test_a_label_more_goes_on_from_what_is_known() -> None:
    features = features_of(tiny_base())
    known = GradientFit(
        HeadTrainer(tiny_base()),
        MOTIONS[:2],
        features[: 2 * COUNT],
        features[: 2 * COUNT, None],
        TARGETS[: 2 * COUNT],
        batch_size=16,
        learning_rate=0.02,
        seed=1,
    )
    for _ in range(20):
        known.epoch()

    grown = fit_of(tiny_base(), start=known.result())

    old = grown.logits(features[: 2 * COUNT])[:, :2]
    assert np.mean(old.argmax(axis=1) == TARGETS[: 2 * COUNT]) > 0.9


def test_what_diverges_is_said() -> None:
    fit = fit_of(tiny_base(), learning_rate=1e38)

    def train() -> None:
        for _ in range(20):
            fit.epoch()

    with pytest.raises(ModelError):
        train()
