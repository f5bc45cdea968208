"""Both runtimes agree: LiteRT here, tflite-runtime 2.14 in an environment of its own.

That runtime needs numpy 1 and has wheels up to Python 3.11. The environment is made once and
kept in pytest's cache; `HARPI_TFLITE_RUNTIME` may name a Python that has the runtime.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import pytest

from harpi import shipped
from harpi_models.heads import mlp_head, softmax_head
from harpi_models.optimizers import Adam, Momentum, Sgd
from tests.models.support import TENSORFLOW, Runner, digits, row

if TENSORFLOW:
    from harpi_models.converter import convert_model
    from tests.models.support import digit_base

pytestmark = [pytest.mark.models, pytest.mark.timeout(300)]

OLDEST = "tflite-runtime==2.14.0"
STEPS = 20
PROGRAM = """
import sys
import numpy as np
from tflite_runtime.interpreter import Interpreter

given = dict(np.load(sys.argv[2]))
interpreter = Interpreter(sys.argv[1], num_threads=1)
run = {key: interpreter.get_signature_runner(key) for key in interpreter.get_signature_list()}
found = {}
for name in ("bottleneck", "generic"):
    found.update(run[name](window=given["window"]))
state = run["initialize"](classes=np.array([4], np.int32))
losses = []
for step in range(1, int(given["steps"]) + 1):
    state = run["train"](
        features=found["features"], labels=given["labels"], weights=given["weights"],
        learning_rate=given["rate"], step=np.array([step], np.float32), **state,
    )
    losses.append(state.pop("loss")[0])
np.savez(sys.argv[3], losses=np.array(losses), **found, **state)
"""


@pytest.fixture(scope="session")
def oldest(request: pytest.FixtureRequest) -> Path:
    """A Python with the oldest runtime that the files have to run in."""
    if given := os.environ.get("HARPI_TFLITE_RUNTIME"):
        return Path(given)
    python = sys.executable if sys.version_info < (3, 12) else shutil.which("python3.11")
    if python is None:
        pytest.skip(f"{OLDEST} has no wheel for this Python, and there is no python3.11")
    cache = request.config.cache
    assert cache is not None
    folder = Path(cache.mkdir("tflite-runtime"))
    if not (folder / "ready").exists():
        if sys.version_info < (3, 12):
            venv.create(folder, with_pip=True, clear=True)
        else:
            subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
        subprocess.run(
            [folder / "bin" / "python", "-m", "pip", "install", "-q", OLDEST, "numpy<2"],
            check=True,
        )
        (folder / "ready").touch()
    return folder / "bin" / "python"


def in_oldest(
    python: Path, content: bytes, folder: Path, **given: np.ndarray
) -> dict[str, np.ndarray]:
    """Run the program above on a file."""
    (folder / "model.tflite").write_bytes(content)
    (folder / "program.py").write_text(PROGRAM)
    np.savez(folder / "given.npz", **given)  # type: ignore[arg-type]
    names = ["program.py", "model.tflite", "given.npz", "found.npz"]
    subprocess.run([python, *(folder / name for name in names)], check=True)
    with np.load(folder / "found.npz") as found:
        return dict(found)


def compare(
    python: Path,
    content: bytes,
    windows: np.ndarray,
    folder: Path,
    rate: float,
    tolerance: float = 1e-3,
) -> None:
    """Train on the windows in both runtimes and compare everything."""
    target = np.arange(len(windows)) % 4
    given = {
        "labels": np.eye(4, dtype=np.float32)[target],
        "weights": np.ones(len(windows), np.float32),
    }
    old = in_oldest(
        python, content, folder, window=windows, rate=row(rate), steps=np.int64(STEPS), **given
    )
    run = Runner(content)
    for name in ("bottleneck", "generic"):
        for output, value in run(name, window=windows).items():
            np.testing.assert_allclose(
                old[output], value, atol=2e-4, rtol=tolerance, err_msg=output
            )
    state = run("initialize", classes=np.array([4], np.int32))
    for step in range(1, STEPS + 1):
        state = run(
            "train", features=old["features"], learning_rate=row(rate), step=row(step),
            **given, **state,
        )  # fmt: skip
        loss = state.pop("loss")
        assert loss[0] == pytest.approx(old["losses"][step - 1], rel=1e-3, abs=1e-4)
    assert old["losses"][-1] < old["losses"][0]
    for name, value in state.items():
        np.testing.assert_allclose(old[name], value, atol=1e-3, err_msg=name)


def test_the_shipped_base(oldest: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    windows = rng.normal(0, 0.3, (12, 64, 6)) * [1, 1, 1, 100, 100, 100]
    windows = (windows + np.array([0, 0.6, 0.8, 0, 0, 0])).astype(np.float32)
    content = shipped.path("models/generic.tflite").read_bytes()
    compare(oldest, content, windows, tmp_path, 0.01)


@pytest.mark.parametrize(
    ("head", "optimizer", "quantization"),
    [
        (mlp_head([16, 8], l2=1e-3), Adam(0.01), "none"),
        (softmax_head(l1=1e-4), Momentum(0.03), "float16"),
        (mlp_head([16]), Sgd(0.05), "dynamic"),
    ],
    ids=["two layers with L2, Adam", "softmax with L1, momentum, float16", "dynamic"],
)
def test_what_is_converted(
    oldest: Path, tmp_path: Path, head: object, optimizer: object, quantization: str
) -> None:
    images, _ = digits()
    converted = convert_model(
        digit_base(),
        head,  # type: ignore[arg-type]
        optimizer,  # type: ignore[arg-type]
        quantization=quantization,  # type: ignore[arg-type]
    )
    rate = optimizer.learning_rate  # type: ignore[attr-defined]
    # Dynamic range rounds activations as it runs; a tie may fall either way.
    tolerance = 1e-2 if quantization == "dynamic" else 1e-3
    compare(oldest, converted.content, images[:12], tmp_path, rate, tolerance)


def test_int8_loads_and_learns(oldest: Path, tmp_path: Path) -> None:
    """Its roundings differ a little between the runtimes; that it learns is what counts."""
    images, _ = digits()
    converted = convert_model(
        digit_base(),
        softmax_head(),
        Sgd(0.005),
        quantization="int8",
        representative=images[:100],
    )
    old = in_oldest(
        oldest,
        converted.content,
        tmp_path,
        window=images[:12],
        rate=row(0.005),
        steps=np.int64(STEPS),
        labels=np.eye(4, dtype=np.float32)[np.arange(12) % 4],
        weights=np.ones(12, np.float32),
    )
    assert old["losses"][-1] < old["losses"][0]
