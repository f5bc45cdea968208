from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harpi.errors import ModelError
from harpi.recognition.model_file import ModelFile
from harpi_models.errors import ConversionRefused, HeadRefused, OutputFailed
from harpi_models.heads import Dense, Head, mlp_head, softmax_head
from harpi_models.optimizers import Adam, Momentum, Optimizer, Sgd
from tests.models.support import DIGIT_CLASSES, TENSORFLOW, Runner, digits, row

if TENSORFLOW:
    from harpi_models.bases import Base, keras_base
    from harpi_models.converter import Converted, convert_model
    from harpi_models.saved_models import base_from_path
    from tests.models.support import digit_base, digit_model

pytestmark = pytest.mark.models

SIGNATURES = {"bottleneck", "generic", "initialize", "train", "infer", "infer_window"}

CONFIGURATIONS_OF_2019: dict[str, tuple[str, Head, Optimizer, str]] = {
    "SavedModel, softmax, SGD": ("saved", softmax_head(), Sgd(0.01), "none"),
    "SavedModel quantised, softmax, SGD": ("saved", softmax_head(), Sgd(0.01), "dynamic"),
    "Keras, softmax, SGD": ("keras", softmax_head(), Sgd(0.01), "none"),
    "Keras, softmax with L2, SGD": ("keras", softmax_head(l2=0.1), Sgd(0.01), "none"),
    "Keras quantised, softmax, SGD": ("keras", softmax_head(), Sgd(0.01), "dynamic"),
    "Keras, softmax, Adam": ("keras", softmax_head(), Adam(0.01), "none"),
}
"""Those of its `model_correctness_test.py`; the rates are larger, for so few images."""

FURTHER: dict[str, tuple[str, Head, Optimizer, str]] = {
    "hidden layer, SGD, int8": ("keras", mlp_head([32]), Sgd(0.01), "int8"),
    "softmax, momentum, float16": ("saved", softmax_head(), Momentum(0.001), "float16"),
    "hidden layers, dropout and L2": (
        "keras",
        mlp_head([32, 16], dropout=0.2, l2=1e-4),
        Adam(0.01),
        "none",
    ),
}


@pytest.fixture(scope="module")
def plain() -> Converted:
    return convert_model(digit_base(), mlp_head([8], dropout=0.3), Adam())


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Base]:
    folder = tmp_path_factory.mktemp("exported") / "digits"
    digit_model().export(folder, verbose=False)
    return {"keras": digit_base(), "saved": base_from_path(folder)}


@pytest.mark.parametrize("name", CONFIGURATIONS_OF_2019 | FURTHER)
def test_learns_digits_that_the_base_never_saw(name: str, bases: dict[str, Base]) -> None:
    """Above 0.80 in 30 epochs, as the converter of 2019 asked of itself."""
    base, head, optimizer, quantization = (CONFIGURATIONS_OF_2019 | FURTHER)[name]
    images, target = digits()
    converted = convert_model(
        bases[base],
        head,
        optimizer,
        quantization=quantization,  # type: ignore[arg-type]
        representative=images[target >= 5][:200],
    )
    run = Runner(converted.content)
    new = np.flatnonzero(target < DIGIT_CLASSES)
    learnt, asked = new[:240], new[240:]
    features = run("bottleneck", window=images[learnt])["features"]
    labels = np.eye(DIGIT_CLASSES, dtype=np.float32)[target[learnt]]
    state = run("initialize", classes=np.array([DIGIT_CLASSES], np.int32))
    rng = np.random.default_rng(1)
    rates = converted.metadata.head.dropout
    widths = (converted.metadata.features, *head.hidden)
    step = 0
    for _ in range(30):
        for batch in np.split(rng.permutation(len(learnt)), len(learnt) // 20):
            step += 1
            masks = {
                f"mask{i}": ((rng.random((20, widths[i])) > rate) / (1 - rate)).astype(
                    np.float32
                )
                for i, rate in enumerate(rates)
                if rate > 0
            }
            state = run(
                "train",
                features=features[batch],
                labels=labels[batch],
                weights=np.ones(20, np.float32),
                learning_rate=row(converted.metadata.head.learning_rate),
                step=row(step),
                **state,
                **masks,
            )
            assert np.isfinite(state.pop("loss")[0])
    parameters = {t.name: state[t.name] for t in converted.metadata.head.parameters}
    got = run("infer_window", window=images[asked], **parameters)["probabilities"]
    np.testing.assert_allclose(got.sum(axis=1), 1, atol=1e-5)
    assert np.mean(np.argmax(got, axis=1) == target[asked]) > 0.80


def test_has_the_signatures_with_open_batch_and_classes(plain: Converted) -> None:
    run = Runner(plain.content)
    assert set(run.signatures) == SIGNATURES
    assert run.shape("bottleneck", "window") == (-1, 32, 32, 3)
    assert run.shape("initialize", "classes") == (1,)
    assert {name: run.shape("train", name) for name in run.signatures["train"]["inputs"]} == {
        "features": (-1, 32),
        "labels": (-1, -1),
        "weights": (-1,),
        "learning_rate": (1,),
        "step": (1,),
        "mask1": (-1, 8),
        "w0": (32, 8),
        "b0": (8,),
        "w1": (8, -1),
        "b1": (-1,),
        "m_w0": (32, 8),
        "m_b0": (8,),
        "m_w1": (8, -1),
        "m_b1": (-1,),
        "v_w0": (32, 8),
        "v_b0": (8,),
        "v_w1": (8, -1),
        "v_b1": (-1,),
    }


@pytest.mark.parametrize("classes", [2, 3, 40])
@pytest.mark.parametrize("batch", [1, 7, 100])
def test_takes_any_batch_and_number_of_classes(
    plain: Converted, classes: int, batch: int
) -> None:
    run = Runner(plain.content)
    parameters = run("initialize", classes=np.array([classes], np.int32))
    learnt = {name: v for name, v in parameters.items() if name[1] != "_"}
    features = np.ones((batch, 32), np.float32)
    probabilities = run("infer", features=features, **learnt)["probabilities"]
    np.testing.assert_allclose(probabilities, 1 / classes, rtol=1e-5)
    labels = np.eye(classes, dtype=np.float32)[np.zeros(batch, int)]
    result = run(
        "train",
        features=features,
        labels=labels,
        weights=np.ones(batch, np.float32),
        learning_rate=row(0.1),
        step=row(1),
        mask1=np.ones((batch, 8), np.float32),
        **parameters,
    )
    assert result["loss"] == pytest.approx(np.log(classes), rel=1e-5)
    assert result["w1"].shape == (8, classes)


def test_infer_window_is_infer_after_bottleneck(plain: Converted) -> None:
    run = Runner(plain.content)
    rng = np.random.default_rng(0)
    windows = rng.uniform(0, 255, (3, 32, 32, 3)).astype(np.float32)
    parameters = {
        t.name: rng.normal(size=[4 if n < 0 else n for n in t.shape]).astype(np.float32)
        for t in plain.metadata.head.parameters
    }
    features = run("bottleneck", window=windows)["features"]
    np.testing.assert_allclose(
        run("infer_window", window=windows, **parameters)["probabilities"],
        run("infer", features=features, **parameters)["probabilities"],
        atol=1e-6,
    )


def test_generic_is_the_keras_model(plain: Converted) -> None:
    images, _ = digits()
    np.testing.assert_allclose(
        Runner(plain.content)("generic", window=images[:50])["probabilities"],
        digit_model().predict(images[:50], verbose=0),
        atol=1e-5,
    )


def test_a_sample_of_no_weight_teaches_nothing(plain: Converted) -> None:
    run = Runner(plain.content)
    start = run("initialize", classes=np.array([2], np.int32))
    given = {
        "features": np.ones((3, 32), np.float32),
        "labels": np.eye(2, dtype=np.float32)[[0, 1, 0]],
        "learning_rate": row(0.1),
        "step": row(1),
        "mask1": np.ones((3, 8), np.float32),
    }
    result = run("train", weights=np.zeros(3, np.float32), **given, **start)
    assert result.pop("loss")[0] == 0
    np.testing.assert_array_equal(result["w1"], start["w1"])


def test_activations_of_today_s_networks_become_builtin_operators() -> None:
    """Swish, of the EfficientNets, has a gradient of its own that cannot be saved."""
    import keras

    layers = keras.layers
    names = ("swish", "gelu", "hard_swish", "relu6", "elu", "sigmoid", "mish")
    dense = [layers.Dense(8, activation=name) for name in names]
    model = keras.Sequential([keras.Input((64, 6)), layers.GlobalAveragePooling1D(), *dense])
    base = keras_base(model, cut=dense[-1].name)
    assert base.features == 8
    assert convert_model(base, softmax_head(), Sgd()).findings.difference < 1e-5


def test_the_same_parts_give_the_same_file(plain: Converted) -> None:
    again = convert_model(digit_base(), mlp_head([8], dropout=0.3), Adam())
    assert again.metadata.digest == plain.metadata.digest


def test_the_device_reads_what_was_converted(plain: Converted) -> None:
    file = ModelFile.parse(plain.content, "model.tflite")
    assert file.metadata == plain.metadata
    assert file.metadata.labels == tuple("56789")
    with pytest.raises(ModelError):
        ModelFile.parse(plain.content[:-1] + b"?", "model.tflite")


def test_a_head_for_other_features_is_refused() -> None:
    with pytest.raises(HeadRefused, match="takes 99 features, the base gives 32"):
        convert_model(digit_base(), Head((Dense(None),), inputs=99), Sgd())


def test_int8_wants_windows_of_the_right_shape() -> None:
    with pytest.raises(ConversionRefused, match="needs representative"):
        convert_model(digit_base(), softmax_head(), Sgd(), quantization="int8")
    with pytest.raises(ConversionRefused, match=r"are \[5, 8, 8, 3\]"):
        convert_model(
            digit_base(),
            softmax_head(),
            Sgd(),
            quantization="int8",
            representative=np.zeros((5, 8, 8, 3), np.float32),
        )


def test_a_full_disk_leaves_nothing_behind(
    plain: Converted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno
    import os

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    target = tmp_path / "out" / "model.tflite"
    target.parent.mkdir()
    target.write_bytes(b"the old one")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputFailed, match="No space left on device"):
        plain.write(target)
    assert target.read_bytes() == b"the old one"
    assert [p.name for p in target.parent.iterdir()] == ["model.tflite"]
