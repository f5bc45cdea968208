from __future__ import annotations

import numpy as np
import pytest

from harpi.recognition.model_file import CLASSES
from harpi_models.errors import HeadRefused
from harpi_models.heads import Dense, Head, Penalty, forward, gradients, mlp_head, softmax_head

HEADS = {
    "softmax": softmax_head(),
    "softmax with L2": softmax_head(l2=0.1),
    "softmax with L1 and L2": softmax_head(l1=0.03, l2=0.1),
    "hidden layers": mlp_head([7, 5]),
    "hidden layers, dropout, L1, L2": mlp_head([7, 5], dropout=0.4, l1=0.02, l2=0.1),
    "everything": Head(
        (
            Dense(
                6,
                relu=True,
                dropout=0.2,
                kernel_penalty=Penalty(0.01, 0.02),
                bias_penalty=Penalty(0.03, 0.04),
            ),
            Dense(5, use_bias=False),
            Dense(None, dropout=0.5, bias_penalty=Penalty(0.0, 0.3)),
        )
    ),
}


def test_a_softmax_head_has_a_row_for_each_feature_and_a_column_for_each_class() -> None:
    tensors = {t.name: t.shape for t in softmax_head().parameters(10)}
    assert tensors == {"w0": (10, CLASSES), "b0": (CLASSES,)}


def test_hidden_layers_come_first() -> None:
    head = mlp_head([7, 5], dropout=0.4)
    tensors = {t.name: t.shape for t in head.parameters(10)}
    assert tensors["w0"] == (10, 7)
    assert tensors["w1"] == (7, 5)
    assert tensors["w2"] == (5, CLASSES)
    assert head.kind == "mlp"
    assert head.hidden == (7, 5)
    assert head.dropout == (0.0, 0.4, 0.4)
    assert [(m.name, m.shape) for m in head.masks(10)] == [("mask1", (7,)), ("mask2", (5,))]


def test_a_head_starts_the_same_each_time_and_without_a_preference() -> None:
    first, second = mlp_head([7]).start(10), mlp_head([7]).start(10)
    assert set(first) == {"w0", "b0"}, "the last layer is left to be zeros"
    np.testing.assert_array_equal(first["w0"], second["w0"])
    assert np.abs(first["w0"]).max() <= np.sqrt(6 / 17)
    assert np.std(first["w0"]) > 0.1


def test_a_head_for_other_features_is_refused() -> None:
    head = Head((Dense(None),), inputs=12)
    with pytest.raises(HeadRefused, match="12 features, the base gives 10"):
        head.parameters(10)


def test_only_the_last_layer_has_the_classes() -> None:
    with pytest.raises(HeadRefused, match="last layer"):
        Head((Dense(None), Dense(3)))


@pytest.mark.models
@pytest.mark.parametrize("name", HEADS)
def test_gradients_equal_numerical_ones(name: str) -> None:
    import tensorflow as tf

    head, classes, features, count = HEADS[name], 4, 6, 9
    rng = np.random.default_rng(3)
    inputs = tf.constant(rng.normal(size=(count, features)))
    labels = tf.constant(rng.dirichlet(np.ones(classes), count))
    weights = tf.constant(rng.uniform(0.2, 2.0, count))
    masks = {
        m.name: tf.constant(rng.choice([0.0, 1.6], (count, *m.shape)))
        for m in head.masks(features)
    }
    values = {
        t.name: rng.normal(size=[classes if n == CLASSES else n for n in t.shape])
        for t in head.parameters(features)
    }

    def loss(changed: dict[str, np.ndarray]) -> float:
        tensors = {n: tf.constant(v) for n, v in changed.items()}
        return float(gradients(head, inputs, labels, weights, tensors, masks)[0][0])

    tensors = {n: tf.constant(v) for n, v in values.items()}
    _, found = gradients(head, inputs, labels, weights, tensors, masks)
    step = 1e-6
    for tensor, value in values.items():
        numerical = np.empty_like(value)
        for place in np.ndindex(value.shape):
            sides = []
            for sign in (1, -1):
                moved = value.copy()
                moved[place] += sign * step
                sides.append(loss(values | {tensor: moved}))
            numerical[place] = (sides[0] - sides[1]) / (2 * step)
        np.testing.assert_allclose(found[tensor], numerical, atol=1e-8, err_msg=tensor)


@pytest.mark.models
def test_forward_without_masks_drops_nothing() -> None:
    import tensorflow as tf

    head = mlp_head([3], dropout=0.5)
    start = head.start(2)
    parameters = {**start, "w1": np.ones((3, 2), np.float32), "b1": np.zeros(2, np.float32)}
    inputs = np.array([[1.0, -2.0]], np.float32)
    hidden = np.maximum(inputs @ start["w0"], 0)
    got = forward(head, tf.constant(inputs), parameters, {})
    np.testing.assert_allclose(got, np.repeat(hidden.sum(1, keepdims=True), 2, 1), rtol=1e-6)
