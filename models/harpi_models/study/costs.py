"""Time and memory that a contestant takes to learn, measured in a process of its own.

The process loads the base and the libraries that the contestant needs, learns one window of
each class to set them up, and then measures. It is run as
`python -m harpi_models.study.costs NAME LESSON BASE REFERENCE` and prints one JSON object.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from harpi_models.errors import WorkshopError
from harpi_models.study.lesson import Contestant, Lesson

REPEATS = 5
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What it takes to learn one lesson.

    On a system without `/proc`, memory is not known.
    """

    seconds: float
    """From the windows to a model that answers; median."""
    megabytes: float | None
    """By which the memory of the process grows at most while it learns."""
    loaded: float | None
    """MB of the process with all that it needs to learn, before it does."""
    load: float
    """Average load of the machine meanwhile."""


def cost_of(name: str, lesson: Lesson, base: Path, reference: Path) -> Cost:
    """Measure a contestant.

    Args:
        name: of the contestant.
        lesson: what it learns.
        base: file of the base.
        reference: file of the kNN's reference.

    Raises:
        WorkshopError: the process failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lesson.npz"
        np.savez(
            path,
            labels=np.array(lesson.labels),
            windows=lesson.windows,
            classes=lesson.classes,
            takes=lesson.takes,
        )
        ended = subprocess.run(  # noqa: S603
            [sys.executable, "-m", __name__, name, str(path), str(base), str(reference)],
            capture_output=True,
            text=True,
            env={**os.environ, **dict.fromkeys(_THREADS, "1")},
        )
    if ended.returncode != 0:
        raise WorkshopError(
            f"measuring what {name} costs failed: {ended.stderr.strip()[-300:]}",
            where="study",
            remedy="See whether memory ran out, and start the command again",
        )
    return msgspec.json.decode(ended.stdout, type=Cost)


def measure(contestant: Contestant, lesson: Lesson) -> Cost:
    """Measure in this process, which has loaded nothing but what the contestant needs."""
    contestant(lesson.first(1))
    loaded = _reset_peak()
    contestant(lesson)
    peak = _status("VmHWM")
    seconds = []
    for _ in range(REPEATS):
        again = lesson.first(len(lesson.windows))
        begun = time.perf_counter()
        contestant(again)
        seconds.append(time.perf_counter() - begun)
    return Cost(
        seconds=float(np.median(seconds)),
        megabytes=None if peak is None or loaded is None else max(0.0, peak - loaded),
        loaded=loaded,
        load=os.getloadavg()[0],
    )


def main(arguments: Sequence[str]) -> None:
    """Measure one contestant and print it."""
    name, lesson, base, reference = arguments
    contestant = _contestant(name, Path(base), Path(reference))
    print(msgspec.json.encode(measure(contestant, _read(Path(lesson)))).decode())


def _contestant(name: str, base: Path, reference: Path) -> Contestant:
    from harpi_models.study.peers import PEERS

    if name in PEERS:
        return PEERS[name]
    from harpi.recognition.knn_memory import KnnReference
    from harpi.recognition.model_file import ModelFile
    from harpi_models.study.device import Device

    device = Device(ModelFile.read(base), KnnReference.read(reference))
    return device.contestants[name]


def _read(path: Path) -> Lesson:
    with np.load(path) as file:
        labels = tuple(str(label) for label in file["labels"])
        return Lesson(
            labels=labels,
            meanings={label: c for c, label in enumerate(labels)},
            windows=file["windows"],
            classes=file["classes"],
            takes=file["takes"],
        )


def _reset_peak() -> float | None:
    """Let the peak of this process start from now; its memory now, in MB."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    return _status("VmRSS")


def _status(field: str) -> float | None:
    """A memory field of `/proc/self/status` in MB."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(field)), None)


if __name__ == "__main__":
    main(sys.argv[1:])
