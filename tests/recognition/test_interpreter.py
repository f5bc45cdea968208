import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from harpi.errors import ModelError
from harpi.recognition import interpreter as runtimes
from harpi.recognition.interpreter import Interpreter, load_runtime
from tests.support.models import tiny_base
from tests.support.motions import windows_of_motion

WINDOWS = windows_of_motion("fast", 5)


@pytest.fixture(scope="module")
def interpreter() -> Interpreter:
    return Interpreter(tiny_base())


def test_it_knows_what_the_model_can_do(interpreter: Interpreter) -> None:
    assert set(interpreter.signatures) == {
        "bottleneck", "generic", "initialize", "train", "infer", "infer_window",
    }  # fmt: skip


@pytest.mark.parametrize("count", [1, 5, 2])
def test_any_number_of_windows_goes_through(interpreter: Interpreter, count: int) -> None:
    features = interpreter.run("bottleneck", {"window": WINDOWS[:count]})["features"]
    assert features.shape == (count, tiny_base().metadata.features)


def test_outputs_stay_what_they_were_when_it_runs_again(interpreter: Interpreter) -> None:
    first = interpreter.run("generic", {"window": WINDOWS})["probabilities"]
    before = first.copy()
    interpreter.run("generic", {"window": windows_of_motion("still", 5)})
    assert np.array_equal(first, before)


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ({"window": WINDOWS.astype(np.float64)}, "float64, must be float32"),
        ({"window": WINDOWS[:, :63]}, r"shape \[5, 63, 6\], must be \[-1, 64, 6\]"),
        ({"window": WINDOWS[0]}, r"shape \[64, 6\]"),
        ({"window": WINDOWS[:0]}, "empty"),
        ({"window": np.full_like(WINDOWS, np.nan)}, "not finite"),
        ({}, "takes `window`, got nothing"),
        ({"window": WINDOWS, "more": WINDOWS}, "got `more`, `window`"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(
    interpreter: Interpreter, inputs: dict[str, np.ndarray], problem: str
) -> None:
    with pytest.raises(ModelError, match=problem):
        interpreter.run("generic", inputs)


def test_a_scalar_where_one_number_is_wanted_is_refused(interpreter: Interpreter) -> None:
    with pytest.raises(ModelError, match=r"shape \[\]"):
        interpreter.run("initialize", {"classes": np.array(3, np.int32)})


def test_an_unknown_signature_is_refused_with_those_there_are(
    interpreter: Interpreter,
) -> None:
    with pytest.raises(ModelError, match=r"no signature `fly`.*`bottleneck`"):
        interpreter.run("fly", {})


def test_two_threads_at_once_are_refused_and_not_crashed_into() -> None:
    interpreter = Interpreter(tiny_base())
    many = np.tile(WINDOWS, (200, 1, 1))
    begin = threading.Barrier(2)
    refused, answers = [], []

    def judge() -> None:
        begin.wait()
        for call in range(3000):
            if refused and call >= 30:
                break  # before that, the threads may not have met: one core, a busy machine
            try:
                answers.append(interpreter.run("generic", {"window": many})["probabilities"])
            except RuntimeError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=judge) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused
    assert all("two threads" in message for message in refused)
    assert all(np.array_equal(answer, answers[0]) for answer in answers)


def test_two_interpreters_work_side_by_side() -> None:
    expected = Interpreter(tiny_base()).run("generic", {"window": WINDOWS})["probabilities"]
    agree = []

    def judge() -> None:
        own = Interpreter(tiny_base())
        answers = [own.run("generic", {"window": WINDOWS})["probabilities"] for _ in range(50)]
        agree.append(all(np.array_equal(answer, expected) for answer in answers))

    threads = [threading.Thread(target=judge) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert agree == [True] * 3


def test_without_a_runtime_numpy_runs_the_models(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("ai_edge_litert", "tflite_runtime"):
        monkeypatch.setitem(sys.modules, module, None)
    assert load_runtime().__name__ == "harpi.recognition.numpy_runtime"


@pytest.mark.parametrize(("numpy_version", "works"), [("1.26.4", True), ("2.1.0", False)])
def test_the_older_runtime_is_used_where_its_numpy_allows(
    monkeypatch: pytest.MonkeyPatch, numpy_version: str, works: bool
) -> None:
    older = ModuleType("tflite_runtime")
    older.interpreter = ModuleType("tflite_runtime.interpreter")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    monkeypatch.setitem(sys.modules, "tflite_runtime", older)
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", older.interpreter)
    monkeypatch.setattr(np, "__version__", numpy_version)
    assert (load_runtime() is older.interpreter) == works


def test_a_model_that_the_runtime_refuses_is_told_by_its_name() -> None:
    nonsense = replace(tiny_base(), content=b"\x1c\0\0\0TFL3 and nothing else", path="mine")
    with pytest.raises(ModelError, match="mine: the runtime refuses"):
        Interpreter(nonsense)


WAYS_TO_FAIL = {
    "it is killed by SIGILL": "import os, signal; os.kill(os.getpid(), signal.SIGILL)",
    "it is killed by SIGSEGV": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "libstdc++.so.6: cannot open": "raise ImportError('libstdc++.so.6: cannot open')",
    "wrong ELF class": "raise OSError('wrong ELF class')",
    "no attribute": "import sys; sys.nothing",
    "it ends with 7": "import os; os._exit(7)",
}


@pytest.mark.parametrize("why", WAYS_TO_FAIL)
def test_a_runtime_that_fails_in_any_way_makes_room_for_numpy_and_is_named(
    why: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "ai_edge_litert").mkdir()
    (tmp_path / "ai_edge_litert" / "__init__.py").touch()
    (tmp_path / "ai_edge_litert" / "interpreter.py").write_text(WAYS_TO_FAIL[why])
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(runtimes, "_problems", {})
    assert load_runtime(b"").__name__ == "harpi.recognition.numpy_runtime"
    assert why in caplog.text


def test_a_runtime_that_refuses_a_model_is_not_to_blame(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runtimes, "_problems", {})
    assert load_runtime(b"no model").__name__ == load_runtime().__name__
