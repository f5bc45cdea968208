from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harpi_models.errors import ConversionRefused, HeadRefused
from harpi_models.optimizers import Adam, Momentum, Sgd
from harpi_models.options import Options

GOOD: dict[str, Any] = {"out": Path("out"), "mobilenet": True, "softmax": True}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"l2": 0.1, "optimizer": "adam", "learning_rate": 0.1},
        {"sgd_learning_rate": 0.001},
        {"softmax": False, "hidden": "32,16", "dropout": 0.2},
        {"softmax": False, "head_path": Path("head")},
        {"quantize": True},
        {"quantize": True, "quantization": "dynamic"},
        {"quantization": "int8", "representative": Path(__file__)},
        {"mobilenet": False, "application": "InceptionV3", "weights": "none"},
        {"mobilenet": False, "harpi": True},
    ],
)
def test_sensible_options_pass(given: dict[str, Any]) -> None:
    Options(**(GOOD | given)).check()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"mobilenet": False}, "no base was chosen. Give one of --base_mobilenetv2"),
        ({"softmax": False}, "no head was chosen. Give one of --head_softmax"),
        ({"out": None}, "--out_model_dir is missing"),
        (
            {"base_path": Path("b")},
            "--base_mobilenetv2 and --base_model_dir both choose a base",
        ),
        ({"hidden": "3"}, "--head_softmax and --head_hidden both choose a head"),
        ({"optimizer": "rmsprop"}, "Choose sgd, momentum, adam"),
        ({"optimizer": "adam", "sgd_learning_rate": 0.1}, "belongs to --optimizer sgd"),
        ({"momentum": 0.5}, "--momentum belongs to --optimizer momentum"),
        ({"learning_rate": 0.1, "sgd_learning_rate": 0.1}, "are the same"),
        ({"learning_rate": -1.0}, "is not positive"),
        (
            {"softmax": False, "head_path": Path("h"), "dropout": 0.1},
            "--head_dropout does not go with",
        ),
        ({"dropout": 0.1}, "--head_dropout needs --head_hidden"),
        ({"softmax": False, "hidden": "8", "dropout": 1.5}, "not from 0 to 1"),
        ({"quantization": "int4"}, "Choose none, float16, dynamic, int8"),
        ({"quantize": True, "quantization": "float16"}, "--base_quantize means dynamic"),
        ({"quantization": "int8"}, "needs --representative"),
        ({"representative": Path("x")}, "only used for --quantization int8"),
        ({"quantization": "int8", "representative": Path("x")}, "x is not there"),
        (
            {"mobilenet": False, "harpi": True, "cut": "x"},
            "--bottleneck_layer does not go with",
        ),
        ({"mobilenet": False, "harpi": True, "weights": "none"}, "--base_weights needs"),
        ({"mobilenet": False, "harpi": True, "alpha": 0.5}, "--alpha needs"),
    ],
)
def test_says_what_is_missing_or_contradicts(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ConversionRefused) as refused:
        Options(**(GOOD | given)).check()
    assert told in str(refused.value)


@pytest.mark.parametrize("hidden", ["", "a", "8,", "0", "-3", "8 16"])
def test_hidden_layers_are_a_list_of_units(hidden: str) -> None:
    with pytest.raises(HeadRefused, match="no list of units"):
        Options(**(GOOD | {"softmax": False, "hidden": hidden})).check()


def test_makes_the_optimiser_with_its_numbers() -> None:
    assert Options(**GOOD).made_optimizer() == Sgd(0.01)
    assert Options(**GOOD, sgd_learning_rate=0.5).made_optimizer() == Sgd(0.5)
    assert Options(**GOOD, optimizer="momentum", momentum=0.5).made_optimizer() == Momentum(
        0.01, 0.5
    )
    assert Options(**GOOD, optimizer="adam", beta_1=0.0).made_optimizer() == Adam(beta_1=0.0)


def test_labels_come_from_a_list_or_a_file(tmp_path: Path) -> None:
    assert Options(labels="walking, running").label_list() == ("walking", "running")
    file = tmp_path / "labels.txt"
    file.write_text("walking\n\nrunning\n")
    assert Options(labels=str(file)).label_list() == ("walking", "running")
    with pytest.raises(ConversionRefused, match="cannot be read"):
        Options(labels=str(tmp_path / "none.txt")).label_list()
