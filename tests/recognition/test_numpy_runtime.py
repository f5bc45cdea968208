"""The runtime of harpi's own gives TensorFlow Lite's answers, within 1e-5 of the largest."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

from harpi import shipped
from harpi.errors import ModelError
from harpi.recognition import numpy_runtime
from harpi.recognition.classifiers import GenericClassifier
from harpi.recognition.head_trainer import HeadState, HeadTrainer
from harpi.recognition.interpreter import Interpreter, load_runtime
from harpi.recognition.model_file import ImuInput, ModelFile
from harpi.recognition.numpy_runtime.executor import name_of
from harpi.recognition.numpy_runtime.operators import FUNCTIONS
from harpi.recording import Recording
from harpi.signal.windows import windows_of
from tests.support.models import DATA, tiny_base

TOLERANCE = 1e-5
TOLERANCE_OF_A_STEP = 1e-4
"""Adam divides by the root of a mean of squares, which enlarges what rounding leaves of it."""
MODELS = {
    "shipped": shipped.path("models/generic.tflite"),
    "softmax": DATA / "tiny_base.tflite",
    "float16": DATA / "tiny_float16.tflite",
    "mlp": DATA / "tiny_mlp.tflite",
}
"""All kinds of model file that ship with harpi or its tests."""

SEEDS = st.integers(0, 2**32 - 1)


@cache
def model(name: str) -> ModelFile:
    return ModelFile.read(MODELS[name])


def without_tflite(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("ai_edge_litert", "tflite_runtime"):
        monkeypatch.setitem(sys.modules, module, None)


@cache
def interpreters(name: str) -> tuple[Interpreter, Interpreter]:
    """One on TensorFlow Lite, one on NumPy alone."""
    theirs = Interpreter(model(name))
    with pytest.MonkeyPatch.context() as patch:
        without_tflite(patch)
        return theirs, Interpreter(model(name))


def motion(rng: np.random.Generator, form: ImuInput, count: int) -> np.ndarray:
    """Made-up windows: gravity in any direction, a swing of any strength, noise."""
    gravity = rng.normal(size=(count, 1, 3))
    gravity /= np.linalg.norm(gravity, axis=2, keepdims=True)
    phase = rng.uniform(0, 6, (count, 1, 6)) + np.arange(form.length)[:, None] * rng.uniform(
        0.05, 1.5, (count, 1, 6)
    )
    swing = np.sin(phase) * rng.exponential([0.5] * 3 + [100] * 3, (count, 1, 6))
    noise = rng.normal(0, [0.02] * 3 + [1] * 3, (count, form.length, 6))
    windows = swing + noise
    windows[:, :, :3] += gravity
    return windows.astype(np.float32)


def assert_same(name: str, signature: str, inputs: dict[str, np.ndarray]) -> None:
    theirs, ours = (one.run(signature, inputs) for one in interpreters(name))
    assert theirs.keys() == ours.keys()
    tolerance = TOLERANCE_OF_A_STEP if signature == "train" else TOLERANCE
    for key, expected in theirs.items():
        assert ours[key].dtype == expected.dtype
        # Single precision adds terms of all sizes: what is left of them where they cancel
        # is as exact as the largest.
        largest = max(1.0, float(np.abs(expected).max(initial=0)))
        np.testing.assert_allclose(
            ours[key], expected, atol=tolerance * largest, rtol=0, err_msg=f"{signature} {key}"
        )


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, count=st.integers(1, 40))
def test_what_it_sees_in_windows(name: str, seed: int, count: int) -> None:
    form = model(name).metadata.input
    assert isinstance(form, ImuInput)
    windows = motion(np.random.default_rng(seed), form, count)
    for signature in {"bottleneck", "generic"} & set(interpreters(name)[0].signatures):
        assert_same(name, signature, {"window": windows})


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, count=st.integers(1, 40), classes=st.integers(1, 9))
def test_a_step_of_training_and_what_comes_of_it(
    name: str, seed: int, count: int, classes: int
) -> None:
    metadata, rng = model(name).metadata, np.random.default_rng(seed)
    design = metadata.head

    def values(tensors: tuple[object, ...]) -> dict[str, np.ndarray]:
        made = {}
        for tensor in tensors:
            shape = [classes if size < 0 else size for size in tensor.shape]  # type: ignore[attr-defined]
            array = rng.normal(0, 0.3, shape).astype(np.float32)
            squares = tensor.name.startswith("v_")  # type: ignore[attr-defined]
            made[tensor.name] = np.square(array) if squares else array  # type: ignore[attr-defined]
        return made

    parameters, slots = values(design.parameters), values(design.slots)
    features = rng.normal(size=(count, metadata.features)).astype(np.float32)
    targets = np.eye(classes, dtype=np.float32)[rng.integers(0, classes, count)]
    widths = (metadata.features, *design.hidden)
    masks = {
        f"mask{i}": (rng.random((count, widths[i])) > rate).astype(np.float32)
        for i, rate in enumerate(design.dropout)
        if rate > 0
    }
    training = {
        "labels": targets,
        "weights": rng.random(count).astype(np.float32),
        "learning_rate": np.array([0.01], np.float32),
        "step": np.array([rng.integers(1, 500)], np.float32),
    }
    assert_same(
        name, "train", {"features": features, **training, **parameters, **slots, **masks}
    )
    assert_same(name, "infer", {"features": features, **parameters})
    assert_same(name, "initialize", {"classes": np.array([classes], np.int32)})
    form = metadata.input
    assert isinstance(form, ImuInput)
    assert_same(name, "infer_window", {"window": motion(rng, form, count), **parameters})


@pytest.fixture
def numpy_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    without_tflite(monkeypatch)
    assert load_runtime() is numpy_runtime


def recorded_windows() -> np.ndarray:
    recording = Recording.read(shipped.path("models/recordings/hapt_25_26.npz"))
    form = model("shipped").metadata.input
    assert isinstance(form, ImuInput)
    return windows_of(
        recording.values, recording.rate, rate=form.rate, length=form.length, hop=form.length
    )


def test_people_are_recognised_alike(numpy_alone: None) -> None:
    windows = recorded_windows()
    ours = GenericClassifier(model("shipped")).predict(windows)
    theirs = interpreters("shipped")[0].run("generic", {"window": windows})["probabilities"]
    found = np.stack([prediction.probabilities for prediction in ours])
    assert len(found) > 300
    np.testing.assert_allclose(found, theirs, atol=TOLERANCE)
    np.testing.assert_array_equal(found.argmax(axis=1), theirs.argmax(axis=1))


def trained(windows: np.ndarray) -> HeadState:
    """A head after a hundred steps."""
    base = model("shipped")
    rows = Interpreter(base).run("bottleneck", {"window": windows})["features"]
    trainer = HeadTrainer(base)
    state = trainer.initial(("a", "b", "c"))
    targets = np.eye(3, dtype=np.float32)[np.arange(len(rows)) % 3]
    for step in range(100):
        batch = slice(step % 5 * 20, step % 5 * 20 + 20)
        state, _ = trainer.step(
            state, rows[batch], targets[batch], np.ones(20, np.float32), 0.01
        )
    return state


def test_a_head_is_learnt_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    windows = recorded_windows()[:100]
    theirs = trained(windows)
    without_tflite(monkeypatch)
    ours = trained(windows)
    for name, expected in theirs.parameters.items():
        np.testing.assert_allclose(ours.parameters[name], expected, atol=1e-4)


def test_every_operator_that_it_has_is_one_that_the_models_are_made_of() -> None:
    used = set()
    for path in MODELS.values():
        tables = schema.Model.GetRootAs(path.read_bytes(), 0)
        codes = [tables.OperatorCodes(i) for i in range(tables.OperatorCodesLength())]
        used |= {max(code.BuiltinCode(), code.DeprecatedBuiltinCode()) for code in codes}
    assert used == set(FUNCTIONS)


def test_operators_have_the_names_and_numbers_of_the_schema() -> None:
    numbers = {n: name for name, n in vars(schema.BuiltinOperator).items() if name.isupper()}
    assert {code: name for code, (name, _) in FUNCTIONS.items()} == {
        code: numbers[code] for code in FUNCTIONS
    }
    assert [name_of(code) for code in range(162)] == [numbers[code] for code in range(162)]
    assert name_of(999) == "number 999"


def test_an_operator_that_it_does_not_know_is_named(
    numpy_alone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(FUNCTIONS, 50)
    with pytest.raises(ModelError, match="the operator LOG_SOFTMAX needs TensorFlow Lite"):
        Interpreter(tiny_base())


@pytest.mark.parametrize("content", [b"\x1c\0\0\0TFL3 and nothing else", b"", b"\xff" * 64])
def test_a_damaged_file_is_refused(numpy_alone: None, content: bytes) -> None:
    with pytest.raises(ModelError, match=r"mine: the runtime refuses.*damaged"):
        Interpreter(replace(tiny_base(), content=content, path="mine"))


def test_outputs_are_the_callers_own(numpy_alone: None) -> None:
    interpreter = Interpreter(model("softmax"))
    first = interpreter.run("initialize", {"classes": np.array([3], np.int32)})
    for array in first.values():
        array += 1
    again = interpreter.run("initialize", {"classes": np.array([3], np.int32)})
    assert not any(array.any() for array in again.values())


def test_a_large_batch_needs_no_room_for_all_that_was_computed(numpy_alone: None) -> None:
    """Nothing is kept that no later operator needs."""
    import tracemalloc

    windows = np.tile(recorded_windows()[:8], (50, 1, 1))
    interpreter = Interpreter(model("shipped"))
    tracemalloc.start()
    interpreter.run("bottleneck", {"window": windows})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 * windows.nbytes
