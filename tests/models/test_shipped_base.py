"""What ships keeps its promises; needs no TensorFlow."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from harpi import shipped
from harpi.recognition.interpreter import Interpreter
from harpi.recognition.model_file import ImuInput, ModelFile
from harpi.signal.orientation import any_rotations, turn
from harpi_models.card import model_card
from harpi_models.datasets.catalogue import CORE
from harpi_models.guards import RUNTIMES, check_tables, probe_windows
from tests.models.support import Runner

LARGEST_FILE = 600 * 1024
LARGEST_QUANTIZED = 150_000


@pytest.fixture(scope="module")
def file() -> ModelFile:
    return ModelFile.read(shipped.path("models/generic.tflite"))


@pytest.fixture(scope="module")
def figures() -> Any:
    return json.loads(shipped.path("models/figures.json").read_text())


def test_passes_the_guards_and_is_small(file: ModelFile) -> None:
    assert check_tables(file.content) > 0
    assert len(file.content) < LARGEST_FILE
    assert RUNTIMES[0] == "ai_edge_litert.interpreter"


def test_tensors_lie_where_a_32_bit_arm_can_read_them(file: ModelFile) -> None:
    model = schema.Model.GetRootAs(file.content, 0)
    start = np.frombuffer(file.content, np.uint8).ctypes.data
    for i in range(model.BuffersLength()):
        data = model.Buffers(i).DataAsNumpy()
        if isinstance(data, np.ndarray):
            assert (data.ctypes.data - start) % 16 == 0


def test_says_what_it_is(file: ModelFile, figures: Any) -> None:
    assert file.metadata.labels == CORE
    assert file.metadata.input == ImuInput(rate=25.0, length=64)
    assert list(file.metadata.data) == figures.get("data", list(figures["people"]))
    assert file.metadata.unknown_below is not None
    assert 0 < file.metadata.unknown_below < 1


def test_answers_are_the_same_alone_as_in_a_batch(file: ModelFile) -> None:
    windows = probe_windows((64, 6), np.random.default_rng(0))
    run = Runner(file.content)
    together = run("generic", window=windows)["probabilities"]
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-5)
    for i, window in enumerate(windows):
        alone = run("generic", window=window[None])["probabilities"][0]
        np.testing.assert_allclose(alone, together[i], atol=1e-5)


@pytest.mark.parametrize(
    "window",
    [
        np.zeros((1, 64, 6), np.float32),
        np.full((1, 64, 6), 2000.0, np.float32),
        np.eye(64, 6, dtype=np.float32)[None] * 16,
    ],
    ids=["nothing", "saturated", "a single jolt"],
)
def test_degenerate_windows_give_finite_answers(file: ModelFile, window: np.ndarray) -> None:
    run = Interpreter(file)
    assert np.isfinite(run.run("generic", {"window": window})["probabilities"]).all()
    assert np.isfinite(run.run("bottleneck", {"window": window})["features"]).all()


def test_walking_and_lying_are_known_with_any_strap(file: ModelFile) -> None:
    """On the recording that ships, of two people who never trained."""
    from harpi.recording import read_each
    from harpi.signal.windows import windows_of

    run = Interpreter(file)
    rng = np.random.default_rng(0)
    right = []
    for recording in read_each(shipped.path("models/recordings/hapt_25_26.npz")):
        mine = recording.label == recording.labels.index("walking")
        windows = windows_of(
            recording.values[mine][:1500], recording.rate, rate=25.0, length=64, hop=64
        )
        for rotation in (np.eye(3), *any_rotations(4, rng)):
            answers = run.run("generic", {"window": turn(windows, rotation)})["probabilities"]
            right.append(np.mean(answers.argmax(axis=1) == CORE.index("walking")))
    assert np.mean(right) > 0.8


def test_the_card_is_that_of_the_figures_and_of_the_file(file: ModelFile, figures: Any) -> None:
    assert figures["digest"] == file.metadata.digest
    assert figures["size"] == len(file.content)
    assert figures["unknown_below"] == file.metadata.unknown_below
    assert shipped.path("models/generic.md").read_text() == model_card(figures)


def test_the_people_of_the_shipped_recording_trained_nothing(figures: Any) -> None:
    assert not {25, 26} & set(figures["people"]["hapt"])


def test_the_quantised_bases_are_small_and_the_best_costs_nothing(figures: Any) -> None:
    fold = figures["runs"]["fold 0"]
    assert fold["quantized"]["dynamic"]["size"] < LARGEST_QUANTIZED
    assert fold["quantized"]["int8"]["size"] < LARGEST_QUANTIZED
