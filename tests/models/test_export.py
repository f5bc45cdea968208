"""A way out: plain files that answer as the device does."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from harpi import shipped
from harpi_models.errors import ExportRefused, MissingLibrary
from tests.models.support import TENSORFLOW, Runner, digits

if TENSORFLOW:
    import keras

    from harpi.recognition.head import Head
    from harpi.recognition.model_file import ModelFile
    from harpi.recognition.trainable import TrainableModel
    from harpi_models.bases import keras_base
    from harpi_models.cli import main
    from harpi_models.converter import convert_model
    from harpi_models.export import TOLERANCE, Answering, export, plain_tflite
    from harpi_models.heads import mlp_head
    from harpi_models.k210 import export_kmodel
    from harpi_models.merge import read
    from harpi_models.optimizers import Adam
    from tests.models.support import digit_model

GENERIC = "models/generic.tflite"


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A stranger's network with a head of two layers that learnt three digits."""
    folder = tmp_path_factory.mktemp("taught")
    digit_model().save(folder / "stranger.h5")
    stranger = keras.models.load_model(folder / "stranger.h5", compile=False)
    converted = convert_model(
        keras_base(stranger, labels=tuple("56789")), mlp_head([8]), Adam()
    )
    converted.write(folder / "model.tflite")
    images, target = digits()
    with TrainableModel(ModelFile.read(folder / "model.tflite")) as model:
        for i in np.flatnonzero(target < 3)[:90]:
            model.add_sample(images[i], str(target[i]))
        model.train(5)
        model.save(folder / "head.safetensors")
    return folder / "model.tflite", folder / "head.safetensors"


@pytest.mark.models
def test_a_stranger_s_network_answers_as_keras_does(taught: tuple[Path, Path]) -> None:
    """Through convert, device and export."""
    images = digits()[0][:20]
    answering = Answering.read(taught[0], None)
    wanted = digit_model().predict(images, verbose=0)
    np.testing.assert_allclose(answering.on_device(images), wanted, atol=TOLERANCE)
    plain = Runner(plain_tflite(answering))("serving_default", window=images)["probabilities"]
    np.testing.assert_allclose(plain, wanted, atol=TOLERANCE)


@pytest.mark.models
def test_the_taught_head_is_baked_in_and_every_tensor_named(
    taught: tuple[Path, Path], tmp_path: Path
) -> None:
    answering = Answering.read(*taught)
    found = export(answering, "tflite", tmp_path / "out.tflite", tell=lambda line: None)
    assert found.difference <= TOLERANCE
    assert (tmp_path / "out.labels.txt").read_text() == "0\n1\n2\n"
    (graph,) = read((tmp_path / "out.tflite").read_bytes()).subgraphs
    names = [tensor.name for tensor in graph.tensors]
    assert all(names)
    assert len(set(names)) == len(names)
    assert len(graph.inputs) == len(graph.outputs) == 1


@pytest.mark.models
def test_what_cannot_answer_is_refused(taught: tuple[Path, Path], tmp_path: Path) -> None:
    bare = convert_model(keras_base(digit_model()), mlp_head([8]), Adam())
    bare.write(tmp_path / "bare.tflite")
    with pytest.raises(ExportRefused, match="no classifier of its own"):
        Answering.read(tmp_path / "bare.tflite", None)
    base = ModelFile.read(shipped.path(GENERIC))
    features = base.metadata.features
    from harpi.recognition.head import SIGNAL_FEATURES
    from harpi.signal.features import FEATURES_VERSION

    wide = features + SIGNAL_FEATURES
    Head.for_base(
        base,
        labels=("a", "b"),
        parameters={"w0": np.zeros((wide, 2), np.float32), "b0": np.zeros(2, np.float32)},
        joined=FEATURES_VERSION,
    ).write(tmp_path / "joined.safetensors")
    with pytest.raises(ExportRefused, match="signal features"):
        Answering.read(shipped.path(GENERIC), tmp_path / "joined.safetensors")


@pytest.mark.models
@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--to tosca --out x", "--to tosca is not known"),
        ("--to kmodel --out x", "--to kmodel needs --representative"),
        ("--to onnx --out x --representative y", "only used for --to kmodel"),
        ("--to kmodel --out x --representative y --k210_python none", "there is no none"),
    ],
)
def test_bad_words_are_one_sentence(
    words: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["export", str(shipped.path(GENERIC)), *words.split()])
    assert ended.value.code == 2
    assert told in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.models
def test_a_python_for_the_k210_that_is_missing_is_told(
    taught: tuple[Path, Path], tmp_path: Path
) -> None:
    with pytest.raises(MissingLibrary, match=r"needs a Python 3.10 of its own"):
        export_kmodel(
            Answering.read(*taught), tmp_path / "x.kmodel", tmp_path, tmp_path / "python",
            tell=lambda line: None,
        )  # fmt: skip


@pytest.mark.export
@pytest.mark.parametrize("which", ["shipped", "image"])
def test_onnx_runtime_agrees_with_the_device(
    which: str, taught: tuple[Path, Path], tmp_path: Path
) -> None:
    given = (shipped.path(GENERIC), None) if which == "shipped" else taught
    found = export(
        Answering.read(*given), "onnx", tmp_path / "model.onnx", tell=lambda line: None
    )
    assert found.difference <= TOLERANCE
    assert found.agreeing == found.probes


@pytest.mark.export
def test_the_k210_agrees_with_the_device(taught: tuple[Path, Path], tmp_path: Path) -> None:
    python = Path(os.environ.get("HARPI_K210_PYTHON", ".venv-k210/bin/python"))
    if not python.exists():
        pytest.skip("nncase 1.9 needs a Python 3.10: make .venv-k210")
    images, target = digits()
    np.save(tmp_path / "some.npy", images[target < 3][100:140])
    found = export_kmodel(
        Answering.read(*taught), tmp_path / "digits.kmodel", tmp_path / "some.npy", python,
        tell=lambda line: None,
    )  # fmt: skip
    assert found.agreeing >= 0.9 * found.probes
    assert '"/sd/digits.kmodel"' in (tmp_path / "detect.py").read_text()
