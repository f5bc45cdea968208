from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harpi.errors import ModelError
from harpi.recognition.knn_memory import KnnReference
from harpi.signal.features import features
from tests.support.models import tiny_reference
from tests.support.motions import RATE, windows_of_motion


def test_a_reference_survives_its_file(tmp_path: Path) -> None:
    reference = tiny_reference()
    reference.write(tmp_path / "reference")
    again = KnnReference.read(tmp_path / "reference")
    for name in ("labels", "rate", "length", "data"):
        assert getattr(again, name) == getattr(reference, name)
    for name in ("centroids", "owners", "mean", "scale", "familiar"):
        assert np.array_equal(getattr(again, name), getattr(reference, name))


def test_the_threshold_lets_the_stated_share_of_familiar_windows_through() -> None:
    reference = tiny_reference()
    for rate in (0.05, 0.5):
        beyond = [
            reference.distances(features(windows_of_motion(label, 300, seed=11), RATE))
            > reference.threshold(rate)
            for label in reference.labels
        ]
        assert np.mean(beyond) == pytest.approx(rate, abs=0.12)
    assert reference.threshold(0) == reference.familiar.max()


def test_unfamiliar_windows_are_far_away() -> None:
    strange = features(windows_of_motion("strange", 10), RATE)
    assert tiny_reference().distances(strange).min() > tiny_reference().threshold(0)


@pytest.mark.parametrize(
    "changes",
    [
        {"centroids": np.zeros((16, 5), np.float32)},
        {"centroids": np.zeros((3, 122), np.float32)},
        {"owners": np.full(16, 2)},
        {"owners": np.full(16, -1)},
        {"owners": np.empty(0, np.int64), "centroids": np.empty((0, 122), np.float32)},
        {"scale": np.zeros(122, np.float32)},
        {"mean": np.full(122, np.nan, np.float32)},
        {"familiar": np.empty(0, np.float32)},
    ],
)
def test_numbers_that_cannot_be_are_refused(
    tmp_path: Path, changes: dict[str, np.ndarray]
) -> None:
    replace(tiny_reference(), **changes).write(tmp_path / "reference")
    with pytest.raises(ModelError, match=r"unexpected format|out of range"):
        KnnReference.read(tmp_path / "reference")


def test_a_reference_for_other_features_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_reference().write(tmp_path / "reference")
    monkeypatch.setattr("harpi.recognition.knn_memory.FEATURES_VERSION", 99)
    with pytest.raises(ModelError, match=r"features 1.*computes 99"):
        KnnReference.read(tmp_path / "reference")
