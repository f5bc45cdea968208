"""Instructions of the hot paths, which do not depend on what else the computer does.

Counted by valgrind (`sudo apt install valgrind`), so that a change of a few per cent is seen on
a busy machine. The baseline is in `instructions.json`; a count that is more than 1 % away from
it has moved. `python -m tests.labs.benchmarks.instructions --keep` makes the counts the new
baseline, which is for whoever moved them on purpose, or has other versions of Python, NumPy or
LiteRT.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tests.labs.benchmarks.effort import Effort
from tests.labs.benchmarks.table import Table

BASELINE = Path(__file__).parent / "instructions.json"
CALLS = 5
REMEMBERED = 1000
MOVED = 0.01
MARK = "getppid"
"""A function of libc that nothing else calls: valgrind notes the counts whenever it is."""


def measure(effort: Effort) -> list[Table]:
    del effort
    table = Table("Thousands of instructions for one call")
    if shutil.which("valgrind") is None:
        table.not_run("the counts", "valgrind is not installed (sudo apt install valgrind)")
        return [table]
    baseline = json.loads(BASELINE.read_text())
    counts = count()
    for name, now in counts.items():
        before = baseline["instructions"].get(name)
        table.add(
            path=name,
            now=now / 1000,
            baseline="-" if before is None else before / 1000,
            moved="new" if before is None else _moved(now / before - 1),
        )
    here = versions()
    if here != baseline["versions"]:
        others = [f"{k} {v}" for k, v in baseline["versions"].items() if here.get(k) != v]
        table.note = f"The baseline is of other versions: {', '.join(others)}."
    return [table]


def _moved(change: float) -> str:
    return f"{change:+.1%}" if abs(change) > MOVED else "no"


def versions() -> dict[str, str]:
    """What decides how many instructions there are, besides harpi."""
    found = {"Python": platform.python_version(), "machine": platform.machine()}
    for name in ("numpy", "ai-edge-litert", "msgspec"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def count() -> dict[str, int]:
    """Instructions of a call of each path, in a process under valgrind."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            "valgrind",
            "--quiet",
            "--tool=callgrind",
            f"--dump-before={MARK}",
            f"--callgrind-out-file={folder}/counts",
            sys.executable,
            "-m",
            "tests.labs.benchmarks.instructions",
            "--run",
        ]
        env = {**os.environ, "PYTHONHASHSEED": "0"}
        ended = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
        names = ended.stdout.splitlines()
        # The first part is the start; then, for each path, its calls and the way to the next.
        return {
            name: round(_total(Path(folder) / f"counts.{2 * place + 2}") / CALLS)
            for place, name in enumerate(names)
        }


def _total(part: Path) -> int:
    found = re.search(r"^totals: (\d+)", part.read_text(), re.MULTILINE)
    if found is None:
        raise SystemExit(f"valgrind wrote no total into {part.name}")
    return int(found[1])


def run() -> None:
    """Go along every path, between two marks; valgrind counts."""
    for name, task in _paths().items():
        task()
        task()
        os.getppid()
        for _ in range(CALLS):
            task()
        os.getppid()
        print(name)


def _paths() -> dict[str, Callable[[], object]]:
    import msgspec
    import numpy as np

    from harpi import shipped
    from harpi.publish.messages import State
    from harpi.recognition.classifiers import GenericClassifier
    from harpi.recognition.model_file import ModelFile
    from harpi.signal.features import features
    from harpi.signal.windows import WindowMaker
    from harpi.timebase import SystemTime
    from harpi.types import Samples
    from tests.labs.benchmarks.neighbours import remembered, taught
    from tests.labs.benchmarks.wearers import LENGTH, RATE, shipped_wearer
    from tests.support.verdicts import verdict

    window = shipped_wearer().asked[:1]
    generic = GenericClassifier(ModelFile.read(shipped.path("models/generic.tflite")))
    knn = taught(remembered(REMEMBERED), 8)
    maker = WindowMaker(2 * RATE, RATE, LENGTH, LENGTH // 4)
    values = window.reshape(-1, 6)[: LENGTH // 2]
    hop = Samples(values, np.arange(len(values)) / (2 * RATE))
    said, timebase = verdict(), SystemTime()
    return {
        "resampling and cutting a hop": lambda: maker.push(hop),
        "features of a window": lambda: features(window, RATE),
        f"kNN, {REMEMBERED} windows": lambda: knn.predict(window),
        "generic": lambda: generic.predict(window),
        "message of a verdict": lambda: msgspec.json.encode(State.of(said, 1, timebase)),
    }


def _keep() -> None:
    told = {"versions": versions(), "instructions": count()}
    BASELINE.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["--run"]:
        run()
    elif sys.argv[1:] == ["--keep"]:
        _keep()
    else:
        sys.exit("python -m tests.labs.benchmarks.instructions --keep")
