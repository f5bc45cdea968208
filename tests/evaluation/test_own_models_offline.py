from __future__ import annotations

import numpy as np
import pytest

from harpi.config.loading import build
from harpi.errors import UsageError
from harpi.evaluation.own_models import Lesson, OfflineTrainer
from harpi.recognition.classifiers import PersonalClassifier
from harpi.recognition.knn import KnnClassifier
from harpi.signal.windows import windows_of
from tests.support.models import tiny_base, tiny_reference
from tests.support.recorded import Recorded, motion


def lessons(*labels: str, seconds: float = 12.0) -> list[Lesson]:
    recorded = Recorded()
    for label in labels:
        recorded.add(label, seconds)
    return [Lesson(take, recorded.samples(take.id)) for take in recorded.takes()]


@pytest.fixture
def teacher() -> OfflineTrainer:
    return OfflineTrainer(build({}), tiny_base())


def test_the_knn_knows_what_it_was_taught(teacher: OfflineTrainer) -> None:
    knn = KnnClassifier(rate=25, length=64, reference=tiny_reference())
    taught: list[int] = []
    teacher.teach_knn(knn, lessons("fast", "tilted"), lambda take: taught.append(take.id))
    assert taught == [1, 2]
    windows = windows_of(motion("tilted", 8, seed=9), 25, rate=25, length=64, hop=16)
    assert {prediction.answer for prediction in knn.predict(windows)} == {"tilted"}


def test_a_take_without_a_window_teaches_nothing(teacher: OfflineTrainer) -> None:
    knn = KnnClassifier(rate=25, length=64, reference=tiny_reference())
    teacher.teach_knn(knn, lessons("fast", seconds=1.0))
    assert knn.labels == ("still", "slow")


def test_a_head_learns_as_it_does_in_the_daemon(teacher: OfflineTrainer) -> None:
    personal = PersonalClassifier(tiny_base())
    personal.use(teacher.train(lessons("fast", "tilted", "fast", "tilted")).head)
    windows = windows_of(motion("fast", 8, seed=9), 25, rate=25, length=64, hop=16)
    best = [prediction.best for prediction in personal.predict(windows)]
    assert np.mean([label == "fast" for label in best]) > 0.8


def test_one_label_is_not_enough_for_a_head(teacher: OfflineTrainer) -> None:
    with pytest.raises(UsageError, match="2 labels"):
        teacher.train(lessons("fast", "fast"))
