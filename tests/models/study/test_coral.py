from __future__ import annotations

import numpy as np

from harpi_models.study.coral import directions, imprinted, softmax_regression


def clouds(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Three clouds in three directions."""
    rng = np.random.default_rng(seed)
    classes = np.repeat([0, 1, 2], 20)
    return (np.eye(3)[classes] + rng.normal(0, 0.2, (60, 3))).astype(np.float32), classes


def test_softmax_regression_learns_and_is_the_same_for_the_same_seed() -> None:
    features, classes = clouds(0)
    asked, truth = clouds(1)
    weights, bias = softmax_regression(features, classes)
    assert weights.shape == (3, 3)
    assert np.mean(np.argmax(asked @ weights + bias, axis=1) == truth) > 0.9
    np.testing.assert_array_equal(weights, softmax_regression(features, classes)[0])
    assert np.any(weights != softmax_regression(features, classes, seed=2)[0])


def test_its_steps_go_down_the_log_loss() -> None:
    """Against the gradient by finite differences, by what one long run settles on."""
    features, classes = clouds(0)
    weights, bias = softmax_regression(features, classes)

    def loss(bias: np.ndarray) -> float:
        logits = features @ weights + bias
        logits = logits - logits.max(axis=1, keepdims=True)
        logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return float(-np.mean(logs[np.arange(60), classes]))

    untrained = np.log(3)
    assert loss(bias) < untrained / 2


def test_imprinted_weights_are_the_mean_directions() -> None:
    features, classes = clouds(0)
    weights = imprinted(features, classes)
    np.testing.assert_allclose(np.linalg.norm(weights, axis=0), 1, atol=1e-6)
    mean = directions(features[classes == 1]).mean(axis=0)
    np.testing.assert_allclose(weights[:, 1], mean / np.linalg.norm(mean), atol=1e-6)


def test_imprinting_does_not_care_for_length() -> None:
    features, classes = clouds(0)
    scaled = features * np.linspace(0.1, 10, 60)[:, None].astype(np.float32)
    np.testing.assert_allclose(
        imprinted(scaled, classes), imprinted(features, classes), atol=1e-5
    )


def test_one_window_of_each_class_is_enough() -> None:
    features, classes = clouds(0)
    one = [0, 20, 40]
    weights = imprinted(features[one], classes[one])
    asked, truth = clouds(1)
    assert np.mean(np.argmax(directions(asked) @ weights, axis=1) == truth) > 0.8
