from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harpi_models.cli import COMMANDS, main
from harpi_models.cli.progress import progress_bar
from tests.models.support import TENSORFLOW, digit_model


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return int(ended.value.code or 0)


def test_help_needs_no_tensorflow() -> None:
    program = (
        "import sys; sys.modules['tensorflow'] = None; sys.modules['keras'] = None;"
        "from harpi_models.cli import main; main(sys.argv[1:])"
    )
    for words in ([], *([command] for command in COMMANDS)):
        ended = subprocess.run(
            [sys.executable, "-c", program, *words, "--help"],
            check=True,
            capture_output=True,
            text=True,
        )
        assert "Usage: harpi-models" in ended.stdout


@pytest.mark.skipif(TENSORFLOW, reason="TensorFlow is here")
@pytest.mark.parametrize(
    "words",
    [
        ["convert", "--base_harpi", "--head_softmax", "--out_model_dir", "out"],
        ["train", "--data", "."],
        ["benchmark", "--data", "."],
        ["search", "--data", "."],
    ],
)
def test_says_that_tensorflow_is_missing(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == 2
    shown = capsys.readouterr().err
    assert "TensorFlow is not installed" in shown
    assert "pip install 'harpi[models]'" in shown


def test_a_wrong_combination_is_told_before_anything_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("convert", "--base_mobilenetv2", "--out_model_dir", "out") == 2
    assert "no head was chosen" in capsys.readouterr().err


@pytest.mark.models
def test_the_shipped_base_takes_another_head(tmp_path: Path) -> None:
    from harpi.recognition.model_file import ModelFile

    words = "convert --base_harpi --head_hidden 32,16 --head_dropout 0.2 --optimizer adam"
    assert run(*words.split(), "--out_model_dir", str(tmp_path)) == 0
    metadata = ModelFile.read(tmp_path / "model.tflite").metadata
    assert metadata.head.hidden == (32, 16)
    assert metadata.head.optimizer == "adam"


@pytest.mark.models
def test_a_head_of_two_layers_comes_as_a_saved_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exported, it is a computation only; its penalties are then options."""
    import keras

    from harpi.recognition.model_file import ModelFile

    layers = keras.layers
    head = keras.Sequential(
        [
            keras.Input((32,)),
            layers.Dense(16, activation="relu", kernel_regularizer="l2"),
            layers.Dense(4, activation="softmax", kernel_regularizer="l2"),
        ]
    )
    head.export(tmp_path / "head", verbose=False)
    digit_model().save(tmp_path / "digits.keras")
    words = ["convert", "--base_model_dir", str(tmp_path / "digits.keras")]
    words += ["--head_model_dir", str(tmp_path / "head"), "--out_model_dir", str(tmp_path)]
    assert run(*words, "--num_classes", "4") == 0
    assert "no penalties and no dropout" in capsys.readouterr().out
    without = loss_of_ones(tmp_path / "model.tflite")
    assert run(*words, "--head_l2_reg", "0.01") == 0
    assert "no penalties" not in capsys.readouterr().out
    weights = float(np.sum(head.layers[0].get_weights()[0] ** 2))
    with_l2 = loss_of_ones(tmp_path / "model.tflite")
    assert with_l2 - without == pytest.approx(0.01 * weights, rel=1e-4)
    assert ModelFile.read(tmp_path / "model.tflite").metadata.head.hidden == (16,)
    assert run(*words, "--num_classes", "5") == 2
    assert "it has 4 classes, --num_classes says 5" in capsys.readouterr().err


def loss_of_ones(path: Path) -> float:
    """Of a new head that is shown nothing but ones, before it learns from them."""
    from harpi.recognition.head_trainer import HeadTrainer
    from harpi.recognition.model_file import ModelFile

    trainer = HeadTrainer(ModelFile.read(path))
    ones = [np.ones(shape, np.float32) for shape in ((1, 32), (1, 2), (1,))]
    return trainer.step(trainer.initial(("a", "b")), *ones, 0.1)[1]


@pytest.mark.models
@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--base_harpi --head_model_dir HEAD", "takes 24 features, the base gives"),
        ("--base_harpi --head_model_dir HEAD --head_l2_reg 0.1", "brings its own penalties"),
        ("--base_model_dir nowhere --head_softmax", "no SavedModel can be read there"),
        ("--base_model_dir nowhere.tflite --head_softmax", "cannot read the model"),
        ("--base_harpi --head_model_dir nowhere", "no SavedModel can be read there"),
        ("--base_harpi --head_softmax --base_quantize", "cannot be quantised again"),
        ("--base_application Foo --head_softmax --base_weights none", "has no 'Foo'"),
    ],
)
def test_bad_input_is_one_sentence(
    words: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = Path(__file__).parent.parent / "data" / "keras_2_head"
    given = [str(head) if word == "HEAD" else word for word in words.split()]
    code = run("convert", *given, "--out_model_dir", str(tmp_path / "out"))
    shown = capsys.readouterr().err
    assert code in (2, 5)
    assert told in shown
    assert "Traceback" not in shown
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["convert", "--base_harpi", "--head_softmax", "--out_model_dir"],
        ["train", "--data", ".", "--out"],
        ["search", "--data", ".", "--out"],
        ["fetch", "hapt", "--from", ".", "--to"],
    ],
    ids=lambda words: words[0],
)
def test_a_place_for_results_that_is_none_is_told_before_the_work(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert run(*words, str(tmp_path / "file" / "out")) == 6
    assert f"{tmp_path / 'file'} is a file" in capsys.readouterr().err


@pytest.mark.models
def test_training_wants_its_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", "--data", str(tmp_path), "--out", str(tmp_path / "out")) == 4
    assert "the data set is missing" in capsys.readouterr().err
    assert run("search", "--data", str(tmp_path), "--only", "magic") == 2
    assert "there is no entry 'magic'" in capsys.readouterr().err


def test_where_nobody_looks_progress_is_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar() as progress:
        progress("reading the sets", 0.0)
        progress("dsads/1 at dsads/torso", 0.5)
    assert capsys.readouterr().err.splitlines() == [
        "  0% reading the sets",
        " 50% dsads/1 at dsads/torso",
    ]
