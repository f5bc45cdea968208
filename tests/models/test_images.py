"""The image example, end to end, on the photographs that scikit-learn ships."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest

from harpi import shipped
from harpi_models.errors import BaseRefused, DataRefused, WeightsUnreachable
from tests.models.support import TENSORFLOW, write_photographs

if TENSORFLOW:
    import tensorflow as tf

    from harpi.recognition.model_file import ModelFile
    from harpi_models.applications import (
        application_base,
        applications,
        mobilenet_v2_base,
    )
    from harpi_models.cli import main
    from harpi_models.image_learning import learn_images, plot, varied
    from harpi_models.images import read_classes, read_image, read_representative
    from harpi_models.options import imagenet_labels

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    write_photographs(folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command of 2019 makes, small enough for a test."""
    out = tmp_path_factory.mktemp("model")
    with pytest.raises(SystemExit) as ended:
        main(
            "convert --base_mobilenetv2 --image_size 96 --alpha 0.35 --base_weights none "
            "--bottleneck_layer block_2_expand_relu "
            "--head_softmax --optimizer sgd --sgd_learning_rate 0.01 --num_classes 4 "
            f"--train_batch_size 20 --out_model_dir {out}".split()
        )
    assert ended.value.code == 0
    return out / "model.tflite"


def test_learns_photographs_and_classifies_new_ones(photographs: Path, model: Path) -> None:
    file = ModelFile.read(model)
    told: list[str] = []
    lesson = learn_images(file, photographs / "classes", epochs=20, tell=told.append)
    trained = lesson.model
    assert len(lesson.losses) == len(lesson.shares) == 20
    assert lesson.confusion.sum() == lesson.confusion.trace() + round(
        (1 - lesson.shares[-1]) * lesson.confusion.sum()
    )
    assert told[-2].startswith("china")
    assert told[-1].startswith("flower")
    assert told[0].startswith("learning ")
    assert "truth, answer" in told[-3]
    assert any(line.startswith("epoch 20: loss") for line in told)
    new = sorted((photographs / "new").iterdir())
    answers = [trained.predict(read_image(path, 96)) for path in new]
    right = [
        path.name.startswith(found[0][0]) for path, found in zip(new, answers, strict=True)
    ]
    assert np.mean(right) > 0.8
    assert all(sum(p for _, p in found) == pytest.approx(1, abs=1e-4) for found in answers)


def test_the_command_does_the_same(
    photographs: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = sorted((photographs / "new").iterdir())[0]
    head = tmp_path / "head.safetensors"
    arguments = ["images", str(model), str(photographs / "classes"), "--epochs", "20"]
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--classify", str(new), "--head", str(head)])
    assert ended.value.code == 0
    answer = capsys.readouterr().out.splitlines()[-1]
    assert answer.startswith(f"{new}: china 0.")
    with pytest.raises(SystemExit) as ended:
        main(["images", str(model), "--classify", str(new), "--head", str(head)])
    assert ended.value.code == 0
    assert capsys.readouterr().out.splitlines() == [
        "base MobileNetV2 96, random weights",
        answer,
    ], "a head that is kept need not be learnt again"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["MODEL"], 4, "there is nothing to learn from"),
        (["MODEL", "--head", "none"], 5, "none: "),
        (["MODEL", "CLASSES", "--classify", "none.png"], 4, "none.png: cannot be read"),
        (["MODEL", "CLASSES", "--head", "MODEL/head"], 6, "is a file"),
        (["GENERIC", "CLASSES"], 4, "takes windows of an IMU, not images"),
        (["none.tflite", "CLASSES"], 5, "none.tflite: cannot read the model"),
    ],
)
def test_the_command_says_what_is_wrong_before_it_learns(
    words: list[str],
    code: int,
    told: str,
    photographs: Path,
    model: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = {
        "MODEL": model,
        "CLASSES": photographs / "classes",
        "GENERIC": shipped.path("models/generic.tflite"),
    }
    for name, path in places.items():
        words = [word.replace(name, str(path)) for word in words]
    with pytest.raises(SystemExit) as ended:
        main(["images", *words])
    assert ended.value.code == code
    shown = capsys.readouterr()
    assert told in shown.err
    assert "epoch" not in shown.out


def test_training_that_runs_away_is_told_with_a_rate_that_settles(
    photographs: Path, model: Path
) -> None:
    file = ModelFile.read(model)
    told: list[str] = []
    learn_images(
        file, photographs / "classes", epochs=2, learning_rate=1000.0, tell=told.append
    )
    advice = next(line for line in told if line.startswith("the loss is worse than"))
    rate = float(advice.split("--learning_rate ")[1].split(",")[0])
    told.clear()
    learn_images(file, photographs / "classes", learning_rate=rate, tell=told.append)
    losses = [
        float(line.split("loss ")[1].split(",")[0]) for line in told if line.startswith("epoch")
    ]
    assert losses[-1] < losses[0] < 1
    assert not any("worse than" in line for line in told)


def test_images_are_cut_square_and_scaled(photographs: Path, tmp_path: Path) -> None:
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = 200
    path = tmp_path / "wide.png"
    path.write_bytes(tf.io.encode_png(wide).numpy())
    got = read_image(path, 10)
    assert got.shape == (10, 10, 3)
    np.testing.assert_allclose(got, 200, atol=1)
    found = read_classes(photographs / "classes", 32)
    assert found.labels == ("china", "flower")
    assert found.values.max() > 200
    assert read_representative(photographs / "new", (32, 32, 3)).shape[1:] == (32, 32, 3)


def test_bad_folders_and_images_are_told(
    photographs: Path, model: Path, tmp_path: Path
) -> None:
    file = ModelFile.read(model)
    with pytest.raises(DataRefused, match="cannot be read: No such file"):
        learn_images(file, tmp_path / "none")
    with pytest.raises(DataRefused, match="holds 0 folders with images"):
        learn_images(file, photographs / "new")
    broken = tmp_path / "classes"
    shutil.copytree(photographs / "classes", broken)
    (broken / "china" / "bad.png").write_bytes(b"\x89PNG nothing more")
    with pytest.raises(DataRefused, match="no image that can be decoded"):
        learn_images(file, broken)
    with pytest.raises(DataRefused, match=r"has 2[0-9] images, 99 are asked for"):
        learn_images(file, photographs / "classes", minimum=99)
    imu = ModelFile.read(shipped.path("models/generic.tflite"))
    with pytest.raises(DataRefused, match="not images"):
        learn_images(imu, photographs / "classes")


def test_bases_that_cannot_be_built_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BaseRefused, match="has no 'MobileNetV9'"):
        application_base("MobileNetV9")
    with pytest.raises(BaseRefused, match="has no width"):
        application_base("InceptionV3", alpha=0.5)
    with pytest.raises(BaseRefused, match="weights file is missing"):
        mobilenet_v2_base(96, weights=tmp_path / "none.weights.h5")
    for options in ({"labels": ("a", "b")}, {"alpha": 0.33}):
        # Keras says so before it would download anything.
        with pytest.raises(BaseRefused, match="Choose what ImageNet's") as refused:
            application_base("MobileNetV2", image_size=96, weights="imagenet", **options)
        assert not isinstance(refused.value, WeightsUnreachable)
    with pytest.raises(BaseRefused, match="no layer 'nowhere' to cut at"):
        application_base("MobileNetV2", image_size=96, alpha=0.35, cut="nowhere")


def test_every_model_of_keras_applications_is_known_with_its_scaling() -> None:
    known = applications()
    assert {"MobileNetV2", "InceptionV3", "EfficientNetB0", "MobileNetV3Small"} <= set(known)
    assert all(callable(module.preprocess_input) for _, module in known.values())
    scaled = known["InceptionV3"][1].preprocess_input(np.array([0.0, 255.0]))
    assert scaled.tolist() == [-1, 1]


def test_a_base_can_be_cut_at_a_map() -> None:
    base = application_base("MobileNetV2", image_size=96, alpha=0.35, cut="block_6_expand_relu")
    features = base.run(np.full((1, 96, 96, 3), 128, np.float32))["features"]
    assert features.shape == (1, base.features)
    assert base.features < 400


def test_where_there_is_no_network_the_base_gets_random_weights_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failures = iter([URLError("no network in this test"), TimeoutError("too slow")])

    def unreachable(*words: object, **options: object) -> None:
        raise next(failures)

    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", unreachable)
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path))
    words = "convert --base_mobilenetv2 --image_size 96 --alpha 0.35 --head_softmax"
    for more, code in ((["--base_weights", "imagenet"], 2), ([], 0)):
        with pytest.raises(SystemExit) as ended:
            main([*words.split(), *more, "--out_model_dir", str(tmp_path / "out")])
        assert ended.value.code == code
        assert (tmp_path / "out").exists() == (code == 0)
    shown = capsys.readouterr()
    assert "MobileNetV2: Keras cannot build it: URL fetch failure" in shown.err
    assert "no network in this test" in shown.err
    assert "warning: ImageNet's weights cannot be had here" in shown.out
    name = ModelFile.read(tmp_path / "out" / "model.tflite").metadata.name
    assert name == "MobileNetV2 96, random weights"


def test_too_few_images_for_a_batch_are_told(
    photographs: Path, model: Path, tmp_path: Path
) -> None:
    for name in ("china", "flower"):
        (tmp_path / name).mkdir()
        for path in sorted((photographs / "classes" / name).iterdir())[:6]:
            shutil.copy(path, tmp_path / name)
    with pytest.raises(DataRefused, match="10 images to learn are fewer than a batch of 20"):
        learn_images(ModelFile.read(model), tmp_path)


def test_a_base_answers_with_its_own_labels_and_says_what_it_is(
    photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = sorted((photographs / "new").iterdir())[0]
    words = "convert --base_mobilenetv2 --image_size 32 --alpha 0.35 --base_weights none"
    words += " --base_labels imagenet --head_softmax --out_model_dir"
    with pytest.raises(SystemExit) as ended:
        main([*words.split(), str(tmp_path)])
    assert ended.value.code == 0
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["images", str(tmp_path / "model.tflite"), "--classify", str(new), "--summary"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out.splitlines()
    answers = shown[-1].removeprefix(f"{new}: ").split(", ")
    assert len(answers) == 5
    labels = imagenet_labels()
    assert len(set(labels)) == 1000
    assert (labels[0], labels[207]) == ("tench", "golden retriever")
    assert all(answer.rpartition(" ")[0] in labels for answer in answers)
    assert any(line.startswith("CONV_2D") and "16x16x16" in line for line in shown)
    assert any(line.endswith("parameters, frozen") for line in shown)
    assert "head: softmax, 1,281 trainable parameters for each class" in shown


def test_a_training_is_drawn_and_its_images_varied(
    photographs: Path, model: Path, tmp_path: Path
) -> None:
    lesson = learn_images(ModelFile.read(model), photographs / "classes", epochs=3, augment=1)
    picture = plot(lesson)
    assert picture.count("<polyline") == 2
    assert picture.count(",") >= 6
    image = np.arange(32 * 32 * 3, dtype=np.float32).reshape(32, 32, 3) % 255
    copies = [varied(image, np.random.default_rng(i)) for i in range(5)]
    assert all(copy.shape == image.shape and copy.max() <= 255 for copy in copies)
    assert not np.array_equal(copies[0], copies[1])
