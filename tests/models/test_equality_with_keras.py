"""A step on the device is a step of Keras, for every head and optimiser."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harpi_models.heads import Head, mlp_head, softmax_head
from harpi_models.optimizers import Adam, Momentum, Optimizer, Sgd
from tests.models.support import TENSORFLOW, Runner, row

if TENSORFLOW:
    import keras

    from harpi_models.converter import convert_model
    from harpi_models.file_base import FileBase
    from tests.models.support import digit_base

pytestmark = pytest.mark.models

FEATURES, CLASSES, BATCH, STEPS = 32, 5, 16, 100
HEADS = {
    "softmax": softmax_head(),
    "softmax-l2": softmax_head(l2=0.01),
    "softmax-l1-l2": softmax_head(l1=0.001, l2=0.01),
    "mlp": mlp_head([16]),
    "mlp-mlp-l2": mlp_head([16, 8], l2=0.01),
}
OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": Sgd(0.1),
    "momentum": Momentum(0.05, 0.8),
    "adam": Adam(0.01, 0.85, 0.99, 1e-6),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("head", HEADS)
def test_a_hundred_steps_equal_train_on_batch(head: str, optimizer: str) -> None:
    converted = convert_model(digit_base(), HEADS[head], OPTIMIZERS[optimizer])
    run = Runner(converted.content)
    model = _keras_model(HEADS[head])
    state = run("initialize", classes=np.array([CLASSES], np.int32))
    parameters = [t.name for t in converted.metadata.head.parameters]
    model.set_weights([state[name] for name in parameters])
    model.compile(_keras_optimizer(OPTIMIZERS[optimizer]), "categorical_crossentropy")

    rng = np.random.default_rng(5)
    centres = rng.normal(size=(CLASSES, FEATURES))
    for step in range(1, STEPS + 1):
        target = rng.integers(0, CLASSES, BATCH)
        noise = rng.normal(size=(BATCH, FEATURES))
        features = (centres[target] + noise).astype(np.float32)
        labels = np.eye(CLASSES, dtype=np.float32)[target]
        weights = rng.uniform(0.5, 1.5, BATCH).astype(np.float32)
        result = run(
            "train",
            features=features,
            labels=labels,
            weights=weights,
            learning_rate=row(OPTIMIZERS[optimizer].learning_rate),
            step=row(step),
            **state,
        )
        loss = result.pop("loss")
        state = result
        expected = model.train_on_batch(features, labels, sample_weight=weights)
        if step == 1:
            assert loss[0] == pytest.approx(float(np.ravel(expected)[0]), abs=1e-5)
    for name, value in zip(parameters, model.get_weights(), strict=True):
        np.testing.assert_allclose(state[name], value, atol=1e-6, err_msg=name)


def test_the_base_of_a_model_file_takes_another_head() -> None:
    first = convert_model(digit_base(), softmax_head(), Sgd())
    from harpi.recognition.model_file import ModelFile

    base = FileBase(ModelFile.parse(first.content, "first"), "first", "1")
    second = convert_model(base, mlp_head([8]), Adam())
    assert second.metadata.labels == first.metadata.labels
    assert second.metadata.head.hidden == (8,)
    assert len(second.content) < len(first.content) + 20_000, "weights are stored once"
    images = np.full((2, 32, 32, 3), 99, np.float32)
    for signature, output in (("bottleneck", "features"), ("generic", "probabilities")):
        np.testing.assert_array_equal(
            Runner(first.content)(signature, window=images)[output],
            Runner(second.content)(signature, window=images)[output],
        )


def _keras_model(head: Head) -> Any:
    penalty = head.layers[0].kernel_penalty
    options: dict[str, Any] = {
        "kernel_regularizer": keras.regularizers.L1L2(penalty.l1, penalty.l2)
    }
    hidden = [keras.layers.Dense(n, activation="relu", **options) for n in head.hidden]
    last = keras.layers.Dense(CLASSES, activation="softmax", **options)
    return keras.Sequential([keras.Input((FEATURES,)), *hidden, last])


def _keras_optimizer(optimizer: Optimizer) -> Any:
    if isinstance(optimizer, Adam):
        return keras.optimizers.Adam(
            optimizer.learning_rate, optimizer.beta_1, optimizer.beta_2, optimizer.epsilon
        )
    momentum = optimizer.momentum if isinstance(optimizer, Momentum) else 0.0
    return keras.optimizers.SGD(optimizer.learning_rate, momentum)
