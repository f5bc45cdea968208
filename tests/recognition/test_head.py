from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest

from harpi.errors import HeadMismatch, ModelError
from harpi.recognition.head import Head
from harpi.recognition.model_file import ImageInput, ImuInput, ModelFile
from tests.support.models import DATA, tiny_base, tiny_head, tiny_mlp

IMU = ImuInput(rate=25.0, length=64)


def other_base(**changes: object) -> ModelFile:
    base = tiny_base()
    return replace(base, metadata=msgspec.structs.replace(base.metadata, **changes))


def test_a_head_survives_its_file(tmp_path: Path) -> None:
    head = tiny_head()
    head.write(tmp_path / "head.safetensors")
    again = Head.read(tmp_path / "head.safetensors")
    again.check(tiny_base())
    for name in ("kind", "labels", "step", "base", "base_name", "input", "features", "figures"):
        assert getattr(again, name) == getattr(head, name)
    assert again.created == head.created
    for mine, read in ((head.parameters, again.parameters), (head.slots, again.slots)):
        assert mine.keys() == read.keys()
        assert all(np.array_equal(mine[name], read[name]) for name in mine)
    assert again.rejection is not None
    assert head.rejection is not None
    assert again.rejection.threshold == head.rejection.threshold
    assert np.array_equal(again.rejection.scales, head.rejection.scales)


def test_a_head_without_rejection_or_slots_survives_its_file(tmp_path: Path) -> None:
    head = replace(tiny_head(), rejection=None, slots={})
    head.write(tmp_path / "head")
    again = Head.read(tmp_path / "head")
    assert again.rejection is None
    assert again.slots == {}
    again.check(tiny_base())


def test_a_threshold_that_was_never_reached_stays_infinite(tmp_path: Path) -> None:
    rejection = tiny_head().rejection
    assert rejection is not None
    replace(tiny_head(), rejection=replace(rejection, threshold=np.inf)).write(
        tmp_path / "head"
    )
    again = Head.read(tmp_path / "head").rejection
    assert again is not None
    assert again.threshold == np.inf


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"input": ImuInput(rate=50.0, length=64)}, "rate 25.0 instead of 50.0"),
        ({"input": ImuInput(rate=25.0, length=128)}, "length 64 instead of 128"),
        (
            {"input": ImuInput(rate=25.0, length=64, accel_scale=9.81)},
            "accel_scale 1.0 instead of 9.81",
        ),
        (
            {"input": ImuInput(rate=25.0, length=64, gyro_scale=0.0175)},
            "gyro_scale 1.0 instead of 0.0175",
        ),
        ({"input": ImageInput(size=96)}, "input ImuInput instead of ImageInput"),
        ({"features": 30}, "features 24 instead of 30"),
        ({"digest": "ab" * 32}, "instead of abababababab"),
    ],
)
def test_another_base_is_refused_with_both_values(
    changes: dict[str, object], words: str
) -> None:
    with pytest.raises(HeadMismatch) as caught:
        tiny_head().check(other_base(**changes))
    assert words in str(caught.value)
    assert "harpi train" in str(caught.value)


def test_another_base_is_named() -> None:
    with pytest.raises(HeadMismatch, match=r"made for tiny base .*the base is tiny plain"):
        tiny_head().check(tiny_mlp())


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({}, "`w0` of the head is missing"),
        ({"w0": np.zeros((24, 3), np.float32)}, r"`w0`.*\[24, 3\].*\[24, 2\] for 2 labels"),
        ({**tiny_head().parameters, "w9": np.zeros(1, np.float32)}, "`w9`"),
    ],
)
def test_parameters_of_other_shapes_are_refused(
    parameters: dict[str, np.ndarray], problem: str
) -> None:
    with pytest.raises(HeadMismatch, match=problem):
        Head.for_base(tiny_base(), labels=("still", "fast"), parameters=parameters)


def test_optimiser_state_of_other_shapes_is_refused() -> None:
    slots = {**tiny_head().slots, "m_b0": np.zeros(5, np.float32)}
    with pytest.raises(HeadMismatch, match="optimiser slot `m_b0`"):
        replace(tiny_head(), slots=slots).check(tiny_base())


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    broken = {**tiny_head().parameters, "b0": np.array([np.nan, 0], np.float32)}
    replace(tiny_head(), parameters=broken).write(tmp_path / "head")
    with pytest.raises(ModelError, match="b0` is not made of finite"):
        Head.read(tmp_path / "head")


def test_rejection_of_other_shapes_is_refused(tmp_path: Path) -> None:
    rejection = tiny_head().rejection
    assert rejection is not None
    wrong = replace(rejection, scales=rejection.scales[:, :-1])
    replace(tiny_head(), rejection=wrong).write(tmp_path / "head")
    with pytest.raises(ModelError, match="rejection statistics"):
        Head.read(tmp_path / "head")


def test_a_head_of_layout_1_is_still_read() -> None:
    """The file was written by harpi 0.1 and never changes."""
    head = Head.read(DATA / "head_layout_1.safetensors")
    assert head.kind == "softmax"
    assert head.labels == ("rest", "Kniebeuge", "走る")
    assert head.input == IMU
    assert head.features == 2
    assert head.step == 7
    assert head.base == "0123456789abcdef" * 4
    assert head.base_name == "made up 1.2"
    assert head.parameters["w0"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert head.parameters["b0"].tolist() == [0.5, 0.25, 0]
    assert head.slots["m_b0"].tolist() == [1, 2, 3]
    assert head.figures == {"accuracy": 0.875, "held_out": 40}
    assert head.created == datetime(2025, 3, 1, 12, 30, tzinfo=UTC)
    assert head.rejection is not None
    assert head.rejection.threshold == 1.5
    assert head.rejection.distances(np.array([[1, 2]], np.float32)).tolist() == [1]
