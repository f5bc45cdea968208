"""Heads by their layers' configuration; needs no TensorFlow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harpi_models.errors import HeadRefused
from harpi_models.heads import Penalty
from harpi_models.keras_heads import Layer, head_from_layers


def dense(units: int, activation: str = "linear", **config: Any) -> Layer:
    return Layer("Dense", {"name": "d", "units": units, "activation": activation, **config})


SOFTMAX = Layer("Softmax", {"name": "s"})
RELU = Layer("ReLU", {"name": "r"})


def dropout(rate: float) -> Layer:
    return Layer("Dropout", {"name": "drop", "rate": rate})


def test_takes_over_dense_relu_dropout_and_softmax() -> None:
    found = head_from_layers(
        [
            Layer("InputLayer", {}),
            dense(8, "relu"),
            dropout(0.3),
            dense(4),
            RELU,
            dense(3),
            SOFTMAX,
        ]
    )
    assert found.classes == 3
    assert [(x.units, x.relu, x.dropout) for x in found.head.layers] == [
        (8, False, 0.0),
        (4, True, 0.3),
        (None, True, 0.0),
    ]


def test_takes_over_penalties_and_hidden_weights() -> None:
    kernel = np.ones((5, 2), np.float32)
    hidden = Layer(
        "Dense",
        {
            "name": "d",
            "units": 2,
            "activation": "relu",
            "kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.1, "l2": 0.2}},
            "bias_regularizer": {"class_name": "L2", "config": {"l2": 0.3}},
        },
        (kernel, np.zeros(2, np.float32)),
    )
    found = head_from_layers([hidden, dense(3, "softmax")])
    first = found.head.layers[0]
    assert first.kernel_penalty == Penalty(0.1, 0.2)
    assert first.bias_penalty == Penalty(0.0, 0.3)
    np.testing.assert_array_equal(found.head.start(5)["w0"], kernel)
    with pytest.raises(HeadRefused, match="takes 5 features"):
        found.head.parameters(6)


def test_dropout_may_come_first() -> None:
    found = head_from_layers([dropout(0.5), dense(3, "softmax")])
    assert found.head.dropout == (0.5,)


@pytest.mark.parametrize(
    ("layers", "named", "problem"),
    [
        ([Layer("LSTM", {"name": "memory"}), SOFTMAX], "memory", "is a LSTM"),
        ([dense(3, "tanh"), SOFTMAX], "'d'", "activation 'tanh'"),
        ([dense(3, "softmax"), dropout(0.1)], "drop", "after the softmax"),
        ([dropout(0.1), dropout(0.1), dense(3, "softmax")], "drop", "another Dropout"),
        ([dense(3), Layer("ReLU", {"name": "r6", "max_value": 6.0})], "r6", "plain ReLU"),
        ([dense(3), RELU, SOFTMAX], "d", "does not end with"),
        ([], "head", "does not end with"),
        ([dense(3, kernel_constraint={"class_name": "NonNeg"}), SOFTMAX], "'d'", "constraint"),
        ([dense(3, activity_regularizer={"class_name": "L2"}), SOFTMAX], "'d'", "activity"),
        (
            [dense(3, kernel_regularizer={"class_name": "Orthogonal", "config": {}}), SOFTMAX],
            "'d'",
            "Orthogonal",
        ),
    ],
)
def test_refuses_by_the_name_of_the_layer(
    layers: list[Layer], named: str, problem: str
) -> None:
    with pytest.raises(HeadRefused, match=problem) as refused:
        head_from_layers(layers)
    assert named in str(refused.value)


def test_a_missing_softmax_is_added_and_told() -> None:
    """What the converter of 2019 took as `--head_model_dir`."""
    found = head_from_layers([dense(8, "relu"), dense(3)])
    assert found.logits
    assert found.head.hidden == (8,)
    assert not head_from_layers([dense(3, "softmax")]).logits


def test_leading_layers_without_weights_become_the_tail() -> None:
    flatten = Layer("Flatten", {"name": "f"}, call=lambda value: value.reshape(len(value), -1))
    found = head_from_layers([flatten, dropout(0.2), dense(3, "softmax")], shape=(7, 7, 1280))
    assert found.tail is not None
    assert (found.tail.shape, found.tail.layers) == ((7, 7, 1280), "Flatten")
    assert found.tail.function(np.zeros((2, 7, 7, 1280))).shape == (2, 62720)
    assert found.head.layers[0].dropout == 0.2


def test_dropout_may_only_swap_with_flatten() -> None:
    pool = Layer("GlobalAveragePooling2D", {"name": "pool"}, call=lambda value: value)
    with pytest.raises(HeadRefused, match="comes after a Dropout"):
        head_from_layers([dropout(0.2), pool, dense(3, "softmax")])
