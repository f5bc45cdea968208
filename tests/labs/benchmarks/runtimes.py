"""The base on every runtime, and in every size.

harpi asks LiteRT for its builtin kernels; the delegate XNNPACK is its other way. harpi's own
runtime needs NumPy alone, for computers that LiteRT has no wheel for. TensorFlow is measured
with its own interpreter, and with the network itself as a graph (of untrained weights, upon
which its time does not depend). Quantised bases are files that `harpi-models train` writes, for
`--models`; tflite-runtime needs an older NumPy, so a Python of its own, for `--tflite-runtime`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from harpi import shipped
from harpi.recognition import numpy_runtime
from harpi.recognition.classifiers import GenericClassifier
from harpi.recognition.model_file import CLASSES, ModelFile
from harpi.types import FloatArray
from tests.labs.benchmarks.effort import Effort
from tests.labs.benchmarks.libraries import load, why_not
from tests.labs.benchmarks.table import Table
from tests.labs.benchmarks.turns import Task, in_turns
from tests.labs.benchmarks.wearers import shipped_wearer

ROUNDS = 15
LABELS = 5
BATCH = 32
PLAIN = "BUILTIN_WITHOUT_DEFAULT_DELEGATES"
LITERT = "LiteRT, as harpi runs it"
WORKER = Path(__file__).parent / "tflite_worker.py"
QUANTIZATIONS = ("float16", "dynamic", "int8")


def measure(effort: Effort) -> list[Table]:
    path = shipped.path("models/generic.tflite")
    model = ModelFile.read(path)
    litert = load("ai_edge_litert.interpreter")
    tables = [
        Table("A window judged by the shipped base", note="A window is due every 640 ms."),
        Table(f"A gradient step of the head, {BATCH} windows"),
        Table("The same network in fewer bytes, a window judged on LiteRT"),
    ]
    windows, steps, sizes = tables
    if litert is None:
        for table in tables:
            table.not_run("everything", why_not("ai_edge_litert"))
        return tables
    judged: dict[str, Task] = {LITERT: _generic(litert, model.content)}
    recogniser = GenericClassifier(model)
    one = shipped_wearer().learnt[:1]
    judged["harpi's GenericClassifier, all told"] = lambda: recogniser.predict(one)
    judged["LiteRT with XNNPACK"] = _generic(litert, model.content, "AUTO")
    judged["harpi's own, NumPy alone"] = _generic(numpy_runtime, model.content)
    if (tensorflow := load("tensorflow")) is None:
        windows.not_run("TensorFlow", why_not("tensorflow"))
    else:
        judged["TensorFlow's tf.lite.Interpreter"] = _generic(
            tensorflow.lite, model.content, "AUTO", tensorflow.lite.experimental
        )
        judged["TensorFlow, the network as a graph"] = _graph()
    with ExitStack() as stack:
        if effort.tflite_runtime is None:
            windows.not_run("tflite-runtime", "--tflite-runtime names no Python that has it")
        else:
            judged["tflite-runtime"] = stack.enter_context(
                _elsewhere(effort.tflite_runtime, path, "generic")
            )
        _compare(windows, judged, effort)
    trained: dict[str, Task] = {
        LITERT: _step(litert, model),
        "harpi's own, NumPy alone": _step(numpy_runtime, model),
    }
    _compare(steps, trained, effort)
    _compare_sizes(sizes, litert, effort, model)
    return tables


def _compare(table: Table, tasks: dict[str, Task], effort: Effort) -> None:
    times = in_turns(tasks, effort.rounds(ROUNDS))
    for name in tasks:
        table.add(
            runtime=name,
            **{"CPU ms": times.of(name, 0.001), f"x {LITERT}": times.ratio(name, LITERT)},
        )


def _compare_sizes(table: Table, litert: ModuleType, effort: Effort, base: ModelFile) -> None:
    contents = {"as it ships": base.content}
    for kind in QUANTIZATIONS:
        path = None if effort.models is None else effort.models / f"generic_{kind}.tflite"
        if path is not None and path.exists():
            contents[kind] = ModelFile.read(path).content
        else:
            table.not_run(kind, "--models names no folder with its file")
    times = in_turns(
        {kind: _generic(litert, content) for kind, content in contents.items()},
        effort.rounds(ROUNDS),
    )
    for kind, content in contents.items():
        table.add(
            weights=kind,
            **{
                "kB": len(content) / 1000,
                "CPU ms": times.of(kind, 0.001),
                "x as it ships": times.ratio(kind, "as it ships"),
            },
        )


def _generic(
    runtime: Any, content: bytes, resolver: str = PLAIN, resolvers: Any = None
) -> Callable[[], object]:
    """A window judged by the signature `generic`."""
    run = _interpreter(runtime, content, resolver, resolvers).get_signature_runner("generic")
    shape = run.get_input_details()["window"]["shape_signature"]
    rng = np.random.default_rng(1)
    window = rng.normal(size=(1, *map(int, shape[1:]))).astype(np.float32)
    return lambda: run(window=window)


def litert_bottleneck(
    litert: ModuleType, content: bytes, window: FloatArray
) -> Callable[[], object]:
    """The network alone, as harpi's settings run it on LiteRT."""
    run = _interpreter(litert, content).get_signature_runner("bottleneck")
    return lambda: run(window=window)


def _step(runtime: ModuleType, model: ModelFile) -> Callable[[], object]:
    """A gradient step by the signature `train`."""
    train = _interpreter(runtime, model.content).get_signature_runner("train")
    rng = np.random.default_rng(1)
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
    return lambda: train(**inputs)


def _interpreter(
    runtime: Any, content: bytes, resolver: str = PLAIN, resolvers: Any = None
) -> Any:
    return runtime.Interpreter(
        model_content=content,
        num_threads=1,
        experimental_op_resolver_type=getattr((resolvers or runtime).OpResolverType, resolver),
    )


def _graph() -> Callable[[], object]:
    """A window through the network of `harpi_models`, as TensorFlow itself runs it."""
    import tensorflow as tf

    from harpi_models.imu_network import body, channel_count, front
    from harpi_models.training import Recipe

    recipe = Recipe()
    trunk = body(
        channel_count(recipe.channels),
        recipe.widths,
        recipe.strides,
        expansion=recipe.expansion,
    )

    @tf.function  # type: ignore[untyped-decorator]
    def run(window: Any) -> Any:
        return trunk(front(window, recipe.channels)["channels"], training=False)

    window = tf.random.normal((1, 64, 6))
    return lambda: run(window).numpy()


class _Worker:
    """tflite-runtime in another process; see `tflite_worker.py`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def seconds(self, runs: int) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(runs, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())


@contextmanager
def _elsewhere(python: Path, model: Path, signature: str) -> Iterator[_Worker]:
    command = [python, WORKER, model, signature]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield _Worker(process)
        finally:
            process.terminate()
