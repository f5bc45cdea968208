"""Scripts of 2019: the six configurations and the shapes of its tests, by its names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models.support import DIGIT_CLASSES, TENSORFLOW, Runner, digits

if TENSORFLOW:
    import keras

    from tests.models.support import digit_model
    from tfltransfer import bases, heads, optimizers
    from tfltransfer.tflite_transfer_converter import TFLiteTransferConverter

pytestmark = pytest.mark.models

BATCH_SIZE = 20


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits' network up to its embedding, in place of MobileNetV2."""
    folder = tmp_path_factory.mktemp("base") / "digits"
    model = digit_model()
    keras.Model(model.inputs, model.get_layer("embedding").output).export(folder, verbose=False)
    return folder


def learns(base: Any, head: Any, optimizer: Any, tmp_path: Path) -> float:
    """Share of unseen digits that are right after 30 epochs."""
    from harpi.recognition.model_file import ModelFile
    from harpi.recognition.trainable import TrainableModel

    TFLiteTransferConverter(DIGIT_CLASSES, base, head, optimizer, BATCH_SIZE).convert_and_save(
        tmp_path
    )
    images, target = digits()
    new = np.flatnonzero(target < DIGIT_CLASSES)
    with TrainableModel(ModelFile.read(tmp_path / "model.tflite")) as model:
        for i in new[:240]:
            model.add_sample(images[i], str(target[i]))
        model.train(30)
        answers = [model.predict(images[i])[0][0] for i in new[240:400]]
    return float(np.mean(np.array(answers) == target[new[240:400]].astype(str)))


@pytest.mark.parametrize("quantize", [False, True])
def test_saved_model_and_softmax_classifier(
    saved: Path, quantize: bool, tmp_path: Path
) -> None:
    base = bases.SavedModelBase(saved, quantize=quantize)
    head = heads.SoftmaxClassifierHead(BATCH_SIZE, base.bottleneck_shape(), DIGIT_CLASSES)
    assert learns(base, head, optimizers.SGD(0.01), tmp_path) > 0.80


@pytest.mark.parametrize(
    ("l2", "quantize", "adam"),
    [(None, False, False), (0.1, False, False), (None, True, False), (None, False, True)],
)
def test_mobilenet_v2_base_and_softmax_classifier(
    l2: float | None, quantize: bool, adam: bool, tmp_path: Path
) -> None:
    """Random weights see colours and textures only: dark digits and light ones."""
    from harpi.recognition.model_file import ModelFile

    base = bases.MobileNetV2Base(image_size=32, alpha=0.35, quantize=quantize, weights=None)
    head = heads.SoftmaxClassifierHead(
        BATCH_SIZE, base.bottleneck_shape(), DIGIT_CLASSES, l2_reg=l2
    )
    optimizer = optimizers.Adam() if adam else optimizers.SGD(0.001)
    converter = TFLiteTransferConverter(DIGIT_CLASSES, base, head, optimizer, BATCH_SIZE)
    converter.convert_and_save(tmp_path)
    metadata = ModelFile.read(tmp_path / "model.tflite").metadata
    assert metadata.features == 1280
    assert metadata.quantization == ("dynamic" if quantize else "none")
    assert metadata.head.optimizer == ("adam" if adam else "sgd")
    assert metadata.head.batch_size == BATCH_SIZE


def test_keras_model_with_logits_on_vectors(tmp_path: Path) -> None:
    """64 values, two layers with L2 on weights and bias: the shapes of 2019."""
    layers, l2 = keras.layers, keras.regularizers.L2(0.01)
    keras.Sequential([keras.Input((64,)), layers.Dense(64)]).export(
        tmp_path / "base", verbose=False
    )
    head = keras.Sequential(
        [
            keras.Input((64,)),
            layers.Dense(32, activation="relu", kernel_regularizer=l2, bias_regularizer=l2),
            layers.Dense(5, kernel_regularizer=l2, bias_regularizer=l2),
        ]
    )
    converted = TFLiteTransferConverter(
        5, bases.SavedModelBase(tmp_path / "base"), heads.KerasModelHead(head),
        optimizers.SGD(0.001), 128,
    ).convert()  # fmt: skip
    run = Runner(converted.content)
    assert run.shape("bottleneck", "window") == (-1, 64)
    shapes = {t.name: t.shape for t in converted.metadata.head.parameters}
    assert shapes == {"w0": (64, 32), "b0": (32,), "w1": (32, -1), "b1": (-1,)}
    assert run.shape("train", "labels") == (-1, -1)


def test_softmax_classifier_on_a_map_is_flattened() -> None:
    base = bases.MobileNetV2Base(image_size=64, alpha=0.35, weights=None)
    assert base.bottleneck_shape() == (2, 2, 1280)
    assert bases.MobileNetV2Base().bottleneck_shape() == (7, 7, 1280)
    head, tail = heads.SoftmaxClassifierHead(128, base.bottleneck_shape(), 5).made()
    assert base.made(tail).features == 2 * 2 * 1280
    assert head.parameters(5120)[0].shape == (5120, -1)


def test_the_command_of_2019(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tfltransfer.tflite_transfer_convert import main

    layers = keras.layers
    model = keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 255)])
    model.add(layers.Conv2D(8, 3, strides=4))
    model.export(tmp_path / "base", verbose=False)
    words = "--train_batch_size 16 --num_classes 5 --base_model_dir BASE --base_quantize"
    words += " --head_softmax --head_l2_reg 0.01 --optimizer sgd --sgd_learning_rate 0.001"
    words = f"{words} --out_model_dir {tmp_path / 'out'}".replace(
        "BASE", str(tmp_path / "base")
    )
    monkeypatch.setattr("sys.argv", ["tflite-transfer-convert", *words.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert (tmp_path / "out" / "model.tflite").exists()
