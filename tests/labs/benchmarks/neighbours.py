"""The nearest neighbours, and how they grow with what is remembered.

A query goes from a window to an answer: its features are computed in each. scikit-learn's and
river's neighbours remember the same windows with the same metric, and know neither a reference
nor *unknown*; plain NumPy is what one writes by hand in three lines. `knn.capacity` is 4000
unless it is set otherwise, and 100,000 at most; beyond stands what would be.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from harpi import shipped
from harpi.recognition.knn import KnnClassifier
from harpi.recognition.knn_memory import KnnMemory, KnnReference
from harpi.signal.features import FEATURE_NAMES, features
from harpi.types import FloatArray
from tests.labs.benchmarks.effort import Effort
from tests.labs.benchmarks.libraries import installed, why_not
from tests.labs.benchmarks.memory import peak, reset_peak
from tests.labs.benchmarks.table import Table
from tests.labs.benchmarks.turns import Task, in_turns
from tests.labs.benchmarks.wearers import LENGTH, RATE, shipped_wearer

ROUNDS = 9
SIZES = (100, 1000, 4000, 10_000, 100_000, 1_000_000)
RIVER_AT_MOST = 4000
SCIKIT_AT_MOST = 100_000
"""Windows; beyond, a table would wait for them for minutes."""
BYTES = 3000
"""Of memory for a window while it is measured, at most: six copies of its features."""
CLASSES = (2, 8, 64)
TAKE = 20
"""Windows of a take."""


def measure(effort: Effort) -> list[Table]:
    wanted = effort.sizes(*SIZES)
    sizes = [size for size in wanted if size * BYTES < _free_bytes()]
    queries = _queries(sizes, effort)
    for size in set(wanted) - set(sizes):
        queries.not_run(f"{size} windows", "there is not enough free memory")
    growth = Table(
        "harpi's neighbours by what they remember, 8 activities",
        note="A take is 20 windows. MB: by which the process grows at most, in a process of "
        "its own.",
    )
    for size in sizes:
        growth.add(windows=f"{size}", **_growth(size, 8))
    classes = Table("The same by the number of activities, 4000 windows")
    for count in effort.sizes(*CLASSES):
        classes.add(activities=f"{count}", **_growth(4000, count))
    return [queries, growth, classes]


def _free_bytes() -> int:
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _queries(sizes: list[int], effort: Effort) -> Table:
    table = Table("A query, CPU ms from a window to an answer")
    window = shipped_wearer().asked[:1]
    for size in sizes:
        rows = remembered(size)
        tasks = _tasks(rows, window)
        times = in_turns(tasks, effort.rounds(ROUNDS))
        ratio = {
            name: times.ratio(name, "harpi") if name in tasks else "-" for name in CONTESTANTS
        }
        table.add(
            remembered=f"{size}",
            **{"harpi ms": times.of("harpi", 0.001)},
            **{f"{name}, x harpi": ratio[name] for name in list(CONTESTANTS)[1:]},
        )
    for library in ("sklearn", "river"):
        if not installed(library):
            table.not_run(library, why_not(library))
    return table


CONTESTANTS = ("harpi", "plain NumPy", "scikit-learn", "scikit-learn's tree", "river")


def _tasks(rows: FloatArray, window: FloatArray) -> dict[str, Task]:
    """Those that are asked about so many windows, in the order of `CONTESTANTS`."""
    targets = np.arange(len(rows)) % 8
    knn = taught(rows, 8)
    tasks: dict[str, Task] = {"harpi": lambda: knn.predict(window)}

    def plain() -> object:
        distances = np.abs(rows - features(window, RATE)).sum(axis=1)
        return targets[np.argpartition(distances, 4)[:5]]

    tasks["plain NumPy"] = plain
    if installed("sklearn") and len(rows) <= SCIKIT_AT_MOST:
        for name, algorithm in (
            ("scikit-learn", "brute"),
            ("scikit-learn's tree", "ball_tree"),
        ):
            tasks[name] = _scikit(rows, targets, window, algorithm)
    if installed("river") and len(rows) <= RIVER_AT_MOST:
        tasks["river"] = _river(rows, targets, window)
    return tasks


def _scikit(
    rows: FloatArray, targets: np.ndarray, window: FloatArray, algorithm: str
) -> Callable[[], object]:
    from sklearn.neighbors import KNeighborsClassifier

    model = KNeighborsClassifier(metric="manhattan", weights="distance", algorithm=algorithm)
    model.fit(rows, targets)
    return lambda: model.predict_proba(features(window, RATE))


def _river(rows: FloatArray, targets: np.ndarray, window: FloatArray) -> Callable[[], object]:
    from river.neighbors import KNNClassifier, LazySearch
    from river.utils.math import minkowski_distance

    def named(row: FloatArray) -> dict[str, float]:
        return dict(zip(FEATURE_NAMES, row.tolist(), strict=True))

    search = LazySearch(
        window_size=len(rows), dist_func=lambda a, b: minkowski_distance(a, b, p=1)
    )
    model = KNNClassifier(engine=search)
    for row, target in zip(rows, targets.tolist(), strict=True):
        model.learn_one(named(row), target)
    return lambda: model.predict_proba_one(named(features(window, RATE)[0]))


def remembered(count: int) -> FloatArray:
    """Features of windows like the wearer's, with a little noise."""
    known = features(shipped_wearer().learnt, RATE)
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((count, known.shape[1]), np.float32)
    rows: FloatArray = known[np.arange(count) % len(known)] + 0.1 * noise * known.std(axis=0)
    return rows.astype(np.float32)


def taught(
    rows: FloatArray, classes: int, kind: type[KnnClassifier] = KnnClassifier
) -> KnnClassifier:
    """Let harpi's remember them."""
    knn = _untaught(len(rows) + TAKE, kind)
    _remember(knn, rows, classes)
    return knn


def _remember(knn: KnnClassifier, rows: FloatArray, classes: int) -> None:
    """Let it remember rows of features at once, as after `gathering` many takes."""
    count = len(rows)
    labels = tuple(f"activity {n * classes // count}" for n in range(count))
    takes = tuple(str(n // TAKE) for n in range(count))
    with knn.gathering():
        knn._memory = KnnMemory(rows, labels, takes)


def _untaught(capacity: int, kind: type[KnnClassifier] = KnnClassifier) -> KnnClassifier:
    reference = KnnReference.read(shipped.path("models/knn_reference.safetensors"))
    return kind(rate=RATE, length=LENGTH, reference=reference, capacity=capacity)


def _growth(size: int, classes: int) -> dict[str, float]:
    """What a process measured that remembers so many."""
    command = [sys.executable, "-m", __name__, str(size), str(classes)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return dict(
        zip(("query ms", "take learnt, s", "loaded, s", "MB"), map(float, told), strict=True)
    )


def _main(size: int, classes: int) -> None:
    """Print the figures of `_growth`: CPU time, and memory that the rows are not in."""
    path = Path(tempfile.mkdtemp()) / "rows.npy"
    child = os.fork()  # the rows are made in a process that ends
    if child == 0:
        np.save(path, remembered(size))
        os._exit(0)
    os.waitpid(child, 0)
    wearer = shipped_wearer()
    window, take = wearer.asked[:1], wearer.learnt[:TAKE]
    knn = _untaught(size + 10 * TAKE)
    knn.predict(window)
    begun = reset_peak()
    loaded = _cpu(lambda: _remember(knn, np.load(path), classes))
    path.unlink()
    path.parent.rmdir()
    learnt = [_cpu(lambda: knn.add(take, "activity 0", take="new")) for _ in range(3)]
    query = min(_cpu(lambda: [knn.predict(window) for _ in range(10)]) for _ in range(3)) / 10
    print(1000 * query, min(learnt), loaded, peak() - begun)


def _cpu(task: Callable[[], object]) -> float:
    begin = time.process_time()
    task()
    return time.process_time() - begin


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]))
