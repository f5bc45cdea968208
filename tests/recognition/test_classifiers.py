"""What every recogniser promises; each is held to all of it, trained and untrained."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from harpi.errors import ModelError
from harpi.names import MODELS
from harpi.recognition.classifiers import Classifier, GenericClassifier, PersonalClassifier
from harpi.recognition.knn import KnnClassifier
from tests.support.models import tiny_base, tiny_head, tiny_mlp, tiny_reference
from tests.support.motions import LENGTH, MOTIONS, RATE, windows_of_motion


def taught_knn(**settings: object) -> KnnClassifier:
    knn = KnnClassifier(rate=RATE, length=LENGTH, **settings)  # type: ignore[arg-type]
    for motion in ("still", "fast"):
        knn.add(windows_of_motion(motion, 30, seed=1), motion)
    return knn


TRAINED: dict[str, Callable[[], Classifier]] = {
    "generic": lambda: GenericClassifier(tiny_base()),
    "personal": lambda: PersonalClassifier(tiny_base(), tiny_head()),
    "knn from the reference": lambda: KnnClassifier(
        rate=RATE, length=LENGTH, reference=tiny_reference()
    ),
    "knn from both": lambda: taught_knn(reference=tiny_reference()),
    "knn from the wearer": taught_knn,
    "knn, euclidean": lambda: taught_knn(metric="euclidean"),
    "knn, cosine": lambda: taught_knn(metric="cosine"),
}
UNTRAINED: dict[str, Callable[[], Classifier]] = {
    "personal": lambda: PersonalClassifier(tiny_base()),
    "personal on another base": lambda: PersonalClassifier(tiny_mlp()),
    "knn": lambda: KnnClassifier(rate=RATE, length=LENGTH),
}
BATCH = np.concatenate([windows_of_motion(m, 4, seed=3) for m in (*MOTIONS, "strange")])

each_trained = pytest.mark.parametrize("make", TRAINED.values(), ids=TRAINED)
BY_DISTANCE = {name: make for name, make in TRAINED.items() if name != "generic"}
each_by_distance = pytest.mark.parametrize("make", BY_DISTANCE.values(), ids=BY_DISTANCE)
each_untrained = pytest.mark.parametrize("make", UNTRAINED.values(), ids=UNTRAINED)
each = pytest.mark.parametrize(
    "make", [*TRAINED.values(), *UNTRAINED.values()], ids=[*TRAINED, *UNTRAINED]
)


@each
def test_its_name_is_one_of_the_models(make: Callable[[], Classifier]) -> None:
    recogniser = make()
    assert recogniser.name in MODELS
    assert {p.model for p in recogniser.predict(BATCH)} == {recogniser.name}


@each
def test_there_is_one_prediction_for_each_window(make: Callable[[], Classifier]) -> None:
    recogniser = make()
    assert len(recogniser.predict(BATCH)) == len(BATCH)
    assert recogniser.predict(BATCH[:0]) == []


@each_trained
def test_probabilities_stand_for_its_labels_and_sum_to_one(
    make: Callable[[], Classifier],
) -> None:
    recogniser = make()
    assert recogniser.labels
    for prediction in recogniser.predict(BATCH):
        assert prediction.labels == recogniser.labels
        assert prediction.probabilities.dtype == np.float32
        assert prediction.probabilities.shape == (len(recogniser.labels),)
        assert (prediction.probabilities >= 0).all()
        assert prediction.probabilities.sum() == pytest.approx(1, abs=1e-5)


@each_trained
def test_it_tells_what_it_learnt_apart(make: Callable[[], Classifier]) -> None:
    recogniser = make()
    for label in recogniser.labels:
        answers = [p.best for p in recogniser.predict(windows_of_motion(label, 20, seed=8))]
        assert answers.count(label) >= 18


@each_trained
def test_a_window_alone_is_judged_as_in_a_batch(make: Callable[[], Classifier]) -> None:
    recogniser = make()
    for window, together in zip(BATCH, recogniser.predict(BATCH), strict=True):
        [alone] = recogniser.predict(window[None])
        assert np.allclose(alone.probabilities, together.probabilities, atol=1e-6)
        assert alone.unknown == together.unknown


@each_trained
def test_judging_changes_nothing(make: Callable[[], Classifier]) -> None:
    recogniser = make()
    windows = BATCH.copy()
    first = recogniser.predict(windows)
    second = recogniser.predict(windows)
    assert np.array_equal(windows, BATCH)
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.probabilities, other.probabilities)


@each_by_distance
def test_what_is_unlike_all_it_learnt_is_unknown(make: Callable[[], Classifier]) -> None:
    recogniser = make()
    strange = recogniser.predict(windows_of_motion("strange", 20))
    assert all(p.unknown and p.answer is None for p in strange)
    familiar = [
        p
        for label in recogniser.labels
        for p in recogniser.predict(windows_of_motion(label, 50, seed=9))
    ]
    assert sum(p.unknown for p in familiar) <= 0.2 * len(familiar)


@each_untrained
def test_untrained_it_says_so_and_does_not_guess(make: Callable[[], Classifier]) -> None:
    recogniser = make()
    assert recogniser.labels == ()
    for prediction in recogniser.predict(BATCH):
        assert not prediction.trained
        assert prediction.answer is None
        assert prediction.confidence == 0


@each
@pytest.mark.parametrize("shape", [(1, 63, 6), (1, 64, 5), (64, 6), (0,)])
def test_windows_of_another_shape_are_refused(
    make: Callable[[], Classifier], shape: tuple[int, ...]
) -> None:
    with pytest.raises(ModelError, match="shape"):
        make().predict(np.zeros(shape, np.float32))


@each
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(
    make: Callable[[], Classifier], value: float
) -> None:
    windows = BATCH.copy()
    windows[1, 2, 3] = value
    with pytest.raises(ModelError, match="finite"):
        make().predict(windows)


@each_trained
@pytest.mark.parametrize("value", [0.0, 16.0, -2000.0, 1e-38])
def test_any_finite_window_is_judged(make: Callable[[], Classifier], value: float) -> None:
    [prediction] = make().predict(np.full((1, LENGTH, 6), value, np.float32))
    assert np.isfinite(prediction.probabilities).all()
