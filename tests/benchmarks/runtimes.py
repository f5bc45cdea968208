"""harpi's own runtime, which needs NumPy alone, beside LiteRT on the same models."""

from __future__ import annotations

import os

# As `harpi` itself does it; it must be set before numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import time
from collections.abc import Callable
from types import ModuleType

import numpy as np

from harpi import shipped
from harpi.recognition import numpy_runtime
from harpi.recognition.metadata import CLASSES
from harpi.recognition.model_file import ModelFile
from tests.benchmarks.table import Table

ROUNDS = 9
LABELS = 5
BATCH = 32


def measure() -> Table:
    """Time a window and a step of training, in turns."""
    from ai_edge_litert import interpreter as litert

    model = ModelFile.read(shipped.path("models/generic.tflite"))
    work = {"LiteRT": _work(litert, model), "NumPy": _work(numpy_runtime, model)}
    table = Table(f"The shipped base on two runtimes, medians of {ROUNDS} rounds in turns")
    for task in ("a window judged", f"a training step, {BATCH} windows"):
        taken: dict[str, list[float]] = {name: [] for name in work}
        for _ in range(ROUNDS):
            for name, tasks in work.items():
                taken[name].append(_seconds(tasks[task]))
        medians = {name: float(np.median(times)) for name, times in taken.items()}
        table.add(
            task=task,
            **{f"{name} ms": 1000 * median for name, median in medians.items()},
            ratio=medians["NumPy"] / medians["LiteRT"],
        )
    table.note = "A window is due every 640 ms."
    return table


def _work(runtime: ModuleType, model: ModelFile) -> dict[str, Callable[[], object]]:
    """The two tasks on a runtime."""
    interpreter = runtime.Interpreter(
        model_content=model.content,
        num_threads=1,
        experimental_op_resolver_type=runtime.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    rng = np.random.default_rng(1)
    generic = interpreter.get_signature_runner("generic")
    train = interpreter.get_signature_runner("train")
    shape = generic.get_input_details()["window"]["shape_signature"]
    window = rng.normal(size=(1, *map(int, shape[1:]))).astype(np.float32)
    head = model.metadata.head
    inputs = {
        tensor.name: np.zeros(
            [LABELS if size == CLASSES else size for size in tensor.shape], np.float32
        )
        for tensor in (*head.parameters, *head.slots)
    }
    inputs |= {
        "features": rng.normal(size=(BATCH, model.metadata.features)).astype(np.float32),
        "labels": np.eye(LABELS, dtype=np.float32)[np.arange(BATCH) % LABELS],
        "weights": np.ones(BATCH, np.float32),
        "learning_rate": np.array([0.01], np.float32),
        "step": np.array([1], np.float32),
    }
    return {
        "a window judged": lambda: generic(window=window),
        f"a training step, {BATCH} windows": lambda: train(**inputs),
    }


def _seconds(task: Callable[[], object], runs: int = 20) -> float:
    begin = time.perf_counter()
    for _ in range(runs):
        task()
    return (time.perf_counter() - begin) / runs
