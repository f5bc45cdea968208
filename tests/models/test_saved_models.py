from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harpi_models.errors import BaseRefused, HeadRefused
from harpi_models.heads import Penalty, softmax_head
from tests.models.support import TENSORFLOW, Runner

if TENSORFLOW:
    import keras
    import tensorflow as tf

    from harpi_models.bases import keras_base
    from harpi_models.converter import convert_model
    from harpi_models.keras_heads import head_from_keras
    from harpi_models.optimizers import Adam, Sgd
    from harpi_models.saved_models import base_from_path, head_from_path
    from tests.models.support import digit_model, digits

pytestmark = pytest.mark.models

LABELS = tuple("56789")
DATA = Path(__file__).parent.parent / "data"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The digit model as a SavedModel and as a Keras archive."""
    folder = tmp_path_factory.mktemp("exported")
    digit_model().export(folder / "saved", verbose=False)
    digit_model().save(folder / "digits.keras")
    return {"saved": folder / "saved", "keras": folder / "digits.keras"}


@pytest.fixture(scope="module")
def two_layers() -> Any:
    """A head of two layers with L2, as the old converter could not take."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((32,)),
            layers.Dense(16, activation="relu", kernel_regularizer="l2"),
            layers.Dropout(0.1),
            layers.Dense(4, kernel_regularizer=keras.regularizers.L1L2(1e-4, 1e-3)),
            layers.Softmax(),
        ]
    )


@pytest.mark.parametrize("kind", ["saved", "keras"])
def test_a_base_from_a_file_is_the_model(exported: dict[str, Path], kind: str) -> None:
    images, _ = digits()
    base = base_from_path(exported[kind], labels=LABELS)
    assert base.features == 32, "what goes into the last dense layer"
    converted = convert_model(base, softmax_head(), Sgd())
    np.testing.assert_allclose(
        Runner(converted.content)("generic", window=images[:9])["probabilities"],
        digit_model().predict(images[:9], verbose=0),
        atol=1e-5,
    )
    assert (
        "generic"
        not in Runner(
            convert_model(base_from_path(exported[kind]), softmax_head(), Sgd()).content
        ).signatures
    )


@pytest.mark.parametrize(("kind", "cut"), [("saved", "second"), ("keras", "second")])
def test_a_base_can_be_cut_at_a_layer(exported: dict[str, Path], kind: str, cut: str) -> None:
    base = base_from_path(exported[kind], cut=cut)
    assert base.features == 32, "32 channels, averaged over their places"
    got = base.run(np.full((2, 32, 32, 3), 99, np.float32))["features"]
    inner = keras.Model(digit_model().inputs, digit_model().get_layer("second").output)
    wanted = inner.predict(np.full((2, 32, 32, 3), 99, np.float32), verbose=0).mean(axis=(1, 2))
    np.testing.assert_allclose(got, wanted, atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "options", "told"),
    [
        ("saved", {"cut": "nowhere"}, "no layer or operation 'nowhere'"),
        ("keras", {"cut": "nowhere"}, "no layer 'nowhere'.*answer"),
        ("saved", {"labels": ("a", "b")}, "2 labels for 5 outputs"),
        ("keras", {"labels": ("a", "b")}, "2 labels for 5 outputs"),
        ("keras", {"labels": ("a", "a", "b", "c", "d")}, "appears twice"),
    ],
)
def test_what_does_not_fit_the_base_is_told(
    exported: dict[str, Path], kind: str, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(BaseRefused, match=told):
        base_from_path(exported[kind], **options)


def test_bases_of_other_shapes_are_refused() -> None:
    layers = keras.layers
    oblong = keras.Sequential([keras.Input((32, 16, 3)), layers.Flatten(), layers.Dense(2)])
    with pytest.raises(BaseRefused, match=r"\[None, S, S, 3\]"):
        keras_base(oblong)
    logits = keras.Sequential([keras.Input((64, 6)), layers.Flatten(), layers.Dense(2)])
    with pytest.raises(BaseRefused, match="no softmax"):
        keras_base(logits, labels=("a", "b"))


def test_a_head_of_two_layers_learns(two_layers: Any, exported: dict[str, Path]) -> None:
    found = head_from_keras(two_layers)
    assert found.classes == 4
    converted = convert_model(base_from_path(exported["saved"]), found.head, Adam(0.01))
    start = Runner(converted.content)("initialize", classes=np.array([3], np.int32))
    np.testing.assert_array_equal(start["w0"], two_layers.layers[0].get_weights()[0])
    assert not start["w1"].any()


def test_a_head_from_a_file(two_layers: Any, tmp_path: Path) -> None:
    two_layers.save(tmp_path / "head.keras")
    two_layers.export(tmp_path / "head", verbose=False)
    archived, saved = (head_from_path(tmp_path / n) for n in ("head.keras", "head"))
    wanted = head_from_keras(two_layers)
    for found in (archived, saved):
        assert found.classes == 4
        assert found.head.hidden == (16,)
        assert found.head.inputs == 32
        np.testing.assert_array_equal(found.head.start(32)["w0"], wanted.head.start(32)["w0"])
    assert archived.head.dropout == (0.0, 0.1)
    assert archived.head.layers[0].kernel_penalty == wanted.head.layers[0].kernel_penalty
    assert saved.head.dropout == (), "an exported computation has no dropout"
    assert saved.bare
    assert not archived.bare


def test_a_head_that_keras_2_saved_brings_its_penalties() -> None:
    found = head_from_path(DATA / "keras_2_head")
    first, last = found.head.layers
    assert (found.classes, found.head.inputs, found.bare) == (4, 24, False)
    assert found.head.dropout == (0.0, 0.2)
    assert first.units == 8
    assert first.kernel_penalty == Penalty(l2=pytest.approx(1e-3))
    assert last.relu
    assert last.kernel_penalty == Penalty(l2=pytest.approx(1e-2))
    assert last.bias_penalty == Penalty(l1=pytest.approx(1e-2))
    start = found.head.start(24)
    assert start["w0"].std() > 0.1
    assert not start["b0"].any()


def test_heads_that_cannot_be_trained_are_refused(tmp_path: Path) -> None:
    layers = keras.layers
    branched = keras.Sequential(
        [keras.Input((8,)), layers.LayerNormalization(), layers.Dense(2)]
    )
    branched.export(tmp_path / "normalised", verbose=False)
    with pytest.raises(HeadRefused):
        head_from_path(tmp_path / "normalised")
    inputs = keras.Input((8,))
    twice = layers.Concatenate()([layers.Dense(2)(inputs), layers.Dense(2)(inputs)])
    with pytest.raises(HeadRefused, match="branch or join at"):
        head_from_keras(keras.Model(inputs, layers.Dense(2)(twice)))


def test_functional_heads_are_read(two_layers: Any) -> None:
    inputs = keras.Input((32,))
    value = inputs
    for layer in two_layers.layers:
        value = layer(value)
    found = head_from_keras(keras.Model(inputs, value))
    assert found.head.hidden == (16,)
    assert found.head.dropout == (0.0, 0.1)


@pytest.mark.parametrize("form", ["keras", "saved"])
@pytest.mark.parametrize("first", ["Flatten", "GlobalAveragePooling2D"])
def test_a_head_that_begins_with_a_map(form: str, first: str, tmp_path: Path) -> None:
    """The unpooled map is then what the base is cut at; the head's own pooling follows."""
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, strides=8, name="map"),
            layers.GlobalAveragePooling2D(),
        ]
    )
    head = keras.Sequential(
        [
            keras.Input((4, 4, 4)),
            getattr(layers, first)(),
            layers.Dense(6, activation="relu"),
            layers.Dense(3),
        ]
    )
    if form == "keras":
        head.save(tmp_path / "head.keras")
        found = head_from_path(tmp_path / "head.keras")
    else:
        head.export(tmp_path / "head", verbose=False)
        found = head_from_path(tmp_path / "head")
    assert found.logits
    base = keras_base(network, tail=found.tail)
    assert base.features == (64 if first == "Flatten" else 4)
    images = digits()[0][:5]
    between = keras.Model(network.inputs, network.get_layer("map").output)
    wanted = getattr(layers, first)()(between(images))
    np.testing.assert_allclose(base.run(images)["features"], wanted, atol=1e-4)
    converted = convert_model(base, found.head, Sgd())
    state = Runner(converted.content)("initialize", classes=np.array([3], np.int32))
    np.testing.assert_array_equal(state["w0"], head.layers[1].get_weights()[0])


def test_a_head_for_another_map_is_told_both_shapes() -> None:
    head = keras.Sequential(
        [keras.Input((7, 7, 1280)), keras.layers.Flatten(), keras.layers.Dense(4)]
    )
    with pytest.raises(BaseRefused, match=r"takes \[7, 7, 1280\], the base gives \[32\]"):
        keras_base(digit_model(), tail=head_from_keras(head).tail)


def test_a_lambda_layer_is_refused_for_what_it_is(tmp_path: Path) -> None:
    model = keras.Sequential(
        [keras.Input((64, 6)), keras.layers.Lambda(lambda x: x * 2), keras.layers.Dense(2)]
    )
    for name in ("model.keras", "model.h5"):
        model.save(tmp_path / name)
        with pytest.raises(BaseRefused, match="a Lambda layer, which is Python code"):
            base_from_path(tmp_path / name)


@pytest.mark.parametrize("read", ["base", "head"])
def test_files_that_are_no_models_are_told(tmp_path: Path, read: str) -> None:
    function = base_from_path if read == "base" else head_from_path
    (tmp_path / "broken.keras").write_bytes(b"PK but nothing else")
    for path in (tmp_path, tmp_path / "none", tmp_path / "broken.keras", tmp_path / "no.keras"):
        with pytest.raises((BaseRefused, HeadRefused)) as refused:
            function(path)
        assert str(path) in str(refused.value)
    tf.saved_model.save(tf.Module(), tmp_path / "empty")
    with pytest.raises((BaseRefused, HeadRefused), match="no signature"):
        function(tmp_path / "empty")
