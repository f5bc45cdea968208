from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harpi.errors import HeadMismatch, ModelError
from harpi.recognition.classifiers import PersonalClassifier
from harpi.recognition.head import SIGNAL_FEATURES, Head, join, probabilities, softmax
from harpi.recognition.interpreter import Interpreter
from harpi.recognition.rejection import Rejection
from harpi.signal.features import FEATURES_VERSION, features
from tests.support.models import tiny_base, tiny_mlp
from tests.support.motions import MOTIONS, RATE, windows_of_motion

WIDTH = tiny_base().metadata.features + SIGNAL_FEATURES


def joined_head() -> Head:
    """Nearest means of joined features, and a rejection that knows them all."""
    windows = np.concatenate([windows_of_motion(motion, 20) for motion in MOTIONS])
    of_base = Interpreter(tiny_base()).run("bottleneck", {"window": windows})["features"]
    rows = join(of_base, windows, RATE) / np.float32(10)
    targets = np.repeat(np.arange(3), 20)
    means = np.stack([rows[targets == label].mean(axis=0) for label in range(3)])
    return Head.for_base(
        tiny_base(),
        labels=MOTIONS,
        parameters={
            "w0": np.ascontiguousarray(means.T / 10),
            "b0": -0.5 * np.square(means).sum(axis=1),
        },
        joined=FEATURES_VERSION,
        rejection=Rejection.fit(rows * 10, targets).calibrated(np.full(99, 9, np.float32), 0.1),
    )


def test_the_features_of_the_signal_stand_after_those_of_the_base() -> None:
    windows = windows_of_motion("slow", 3)
    of_base = np.ones((3, 2), np.float32)

    rows = join(of_base, windows, RATE)

    np.testing.assert_array_equal(rows[:, :2], of_base)
    np.testing.assert_array_equal(rows[:, 2:], features(windows, RATE))


def test_softmax_of_large_logits_is_finite() -> None:
    shares = softmax(np.array([[1000, 0], [-1000, -1000]], np.float32))

    np.testing.assert_allclose(shares, np.array([[1, 0], [0.5, 0.5]]))


def test_it_is_the_layer_that_the_model_file_runs() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(4, tiny_base().metadata.features)).astype(np.float32)
    parameters = {
        "w0": rng.normal(size=(rows.shape[1], 3)).astype(np.float32),
        "b0": rng.normal(size=3).astype(np.float32),
    }

    by_model = Interpreter(tiny_base()).run("infer", {"features": rows, **parameters})

    np.testing.assert_allclose(
        probabilities(rows, parameters), by_model["probabilities"], atol=1e-5
    )


def test_a_joined_head_judges_one_window_as_many_and_says_unknown(tmp_path: Path) -> None:
    path = tmp_path / "head.safetensors"
    joined_head().write(path)
    personal = PersonalClassifier(tiny_base(), Head.read(path))
    windows = np.concatenate([windows_of_motion(motion, 4, seed=3) for motion in MOTIONS])

    many = personal.predict(windows)
    one = [personal.predict(windows[row : row + 1])[0] for row in range(len(windows))]

    assert [prediction.best for prediction in many] == [m for m in MOTIONS for _ in range(4)]
    for left, right in zip(many, one, strict=True):
        np.testing.assert_allclose(left.probabilities, right.probabilities, atol=1e-5)
    assert personal.predict(windows_of_motion("strange", 1))[0].unknown


def test_a_head_of_other_signal_features_is_refused_in_words() -> None:
    head = replace(joined_head(), joined=FEATURES_VERSION + 1)

    with pytest.raises(HeadMismatch, match="version of the signal's features 2 instead of 1"):
        head.check(tiny_base())


def test_a_joined_head_must_have_one_layer_of_the_right_width() -> None:
    head = joined_head()
    narrow = {**head.parameters, "w0": head.parameters["w0"][:-1]}

    with pytest.raises(HeadMismatch, match=rf"the base takes \[{WIDTH}, 3\]"):
        replace(head, parameters=narrow).check(tiny_base())
    with pytest.raises(HeadMismatch, match="kind with features joined mlp instead of softmax"):
        replace(head, kind="mlp").check(tiny_mlp())


def test_a_rejection_of_another_width_is_refused(tmp_path: Path) -> None:
    head = joined_head()
    assert head.rejection is not None
    path = tmp_path / "head.safetensors"
    narrow = replace(
        head.rejection,
        means=head.rejection.means[:, 1:],
        scales=head.rejection.scales[:, 1:],
    )
    replace(head, rejection=narrow).write(path)

    with pytest.raises(ModelError, match=f"do not go with {WIDTH} features"):
        Head.read(path)
