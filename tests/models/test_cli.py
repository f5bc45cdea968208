from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harpi_models.cli import COMMANDS, main
from tests.models.support import TENSORFLOW


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
def test_the_command_of_2019_converts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its flags; small, and without the weights that would have to be downloaded."""
    assert (
        run(
            "convert",
            "--train_batch_size=20",
            "--num_classes=4",
            "--base_mobilenetv2",
            "--head_softmax",
            "--head_l2_reg=0.01",
            "--optimizer=sgd",
            "--sgd_learning_rate=0.001",
            f"--out_model_dir={tmp_path / 'custom_model'}",
            "--image_size=96",
            "--alpha=0.35",
            "--base_weights=none",
        )
        == 0
    )
    shown = capsys.readouterr().out
    assert "base MobileNetV2 96: 1280 features" in shown
    assert "KiB" in shown
    assert (tmp_path / "custom_model" / "model.tflite").stat().st_size > 1_500_000


@pytest.mark.models
def test_the_shipped_base_takes_another_head(tmp_path: Path) -> None:
    from harpi.recognition.model_file import ModelFile

    words = "convert --base_harpi --head_hidden 32,16 --head_dropout 0.2 --optimizer adam"
    assert run(*words.split(), "--out_model_dir", str(tmp_path)) == 0
    metadata = ModelFile.read(tmp_path / "model.tflite").metadata
    assert metadata.head.hidden == (32, 16)
    assert metadata.head.optimizer == "adam"


@pytest.mark.models
@pytest.mark.parametrize(
    ("words", "told"),
    [
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
    code = run("convert", *words.split(), "--out_model_dir", str(tmp_path / "out"))
    shown = capsys.readouterr().err
    assert code in (2, 5)
    assert told in shown
    assert "Traceback" not in shown
    assert not (tmp_path / "out").exists()


@pytest.mark.models
def test_training_wants_its_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", "--data", str(tmp_path), "--out", str(tmp_path / "out")) == 4
    assert "the data set is missing" in capsys.readouterr().err
    assert run("search", "--data", str(tmp_path), "--only", "magic") == 2
    assert "there is no entry 'magic'" in capsys.readouterr().err
