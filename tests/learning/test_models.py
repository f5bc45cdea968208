"""The recognisers as they are made from files, good and bad."""

from __future__ import annotations

import inspect
import logging
import shutil
from pathlib import Path

import pytest

from harpi import shipped
from harpi.config import Config
from harpi.errors import ModelError
from harpi.learning.models import BASE, load_models
from harpi.names import MODELS
from harpi.recognition.knn import KnnClassifier
from tests.support.device import device_config


def test_the_three_stand_in_their_order(tmp_path: Path) -> None:
    recognisers = load_models(device_config(tmp_path))
    assert tuple(r.name for r in recognisers.panel.recognisers) == MODELS
    assert recognisers.knn.labels
    assert recognisers.generic.labels
    assert recognisers.personal.labels == ()


def test_figures_name_the_files(tmp_path: Path) -> None:
    recognisers = load_models(device_config(tmp_path))
    figures = recognisers.figures()
    assert list(figures) == list(MODELS)
    assert figures["knn"].source == "knn_reference.safetensors"
    assert figures["generic"].digest == recognisers.base.metadata.digest[:12]
    assert figures["personal"].source is None


def test_a_window_that_the_base_was_not_made_for(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"windows of 64 samples at 25 .*Leave signal\.length"):
        load_models(device_config(tmp_path, signal__length=32))


def test_a_corrupt_base_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "base.tflite"
    content = bytearray(shipped.path(BASE).read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)
    with pytest.raises(ModelError, match=str(path)):
        load_models(device_config(tmp_path, models__base=str(path)))


def test_a_missing_reference_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nothing\.safetensors"):
        load_models(
            device_config(tmp_path, models__knn_reference=str(tmp_path / "nothing.safetensors"))
        )


def test_a_damaged_head_is_said_and_the_rest_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("harpi"), "propagate", True)
    config = device_config(tmp_path)
    heads = Path(config.paths.state) / "heads"
    heads.mkdir(parents=True)
    (heads / "head-1.safetensors").write_bytes(b"nonsense")
    (heads / "shelf.json").write_text('{"format":1,"current":1,"previous":null,"last":1}')
    assert load_models(config).personal.labels == ()
    assert "head-1.safetensors" in caplog.text


def test_a_base_of_ones_own_is_used(tmp_path: Path) -> None:
    path = tmp_path / "mine.tflite"
    shutil.copy(shipped.path(BASE), path)
    recognisers = load_models(device_config(tmp_path, models__base=str(path)))
    assert recognisers.base.path == str(path)


def test_the_defaults_of_the_knn_are_those_of_the_configuration() -> None:
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(KnnClassifier).parameters.items()
    }
    config = Config()
    for name in ("k", "metric", "own_weight", "capacity"):
        assert getattr(config.knn, name) == defaults[name]
    assert config.models.unknown_rate == defaults["unknown_rate"]
