"""Where the time goes: from the sensor to the message, stage by stage.

What a stage cannot do without is measured beside it: the network on LiteRT, the Fourier
transforms on NumPy, the encoding by msgspec. What lies between is the price of Python and of
what harpi checks. The wearer taught 10 windows of each activity of the shipped recording, and
the head is the one that training chose.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from harpi import shipped
from harpi.config.schema import Config
from harpi.evaluation.own_models import Lesson, OfflineTrainer
from harpi.publish.messages import State
from harpi.recognition.classifiers import Classifiers, GenericClassifier, PersonalClassifier
from harpi.recognition.knn import KnnClassifier
from harpi.recognition.knn_memory import KnnReference
from harpi.recognition.model_file import ModelFile
from harpi.signal.features import features
from harpi.signal.windows import WindowMaker
from harpi.timebase import SystemTime
from harpi.types import FloatArray, Samples, Verdict, Window
from tests.labs.benchmarks.effort import Effort
from tests.labs.benchmarks.libraries import load, why_not
from tests.labs.benchmarks.runtimes import litert_bottleneck
from tests.labs.benchmarks.table import Table
from tests.labs.benchmarks.turns import Task, in_turns
from tests.labs.benchmarks.wearers import LENGTH, RATE, Wearer, shipped_wearer
from tests.support.device import recording
from tests.support.takes import take_of

ROUNDS = 15
HOP = 16
BOUNDS = {
    "features (of the kNN)": "its 3 Fourier transforms and 2 eigenvalue problems",
    "generic": "the network on LiteRT",
    "personal": "the network on LiteRT",
    "message": "msgspec",
}
"""What a stage cannot do without, by stage."""


def measure(effort: Effort) -> list[Table]:
    table = Table(
        "CPU time for a window, of which one is due every 640 ms",
        note="The kNN's time has its features in it. Judging one after the other, as a device "
        "does, each finds the processor's caches filled by another. A head of joined features "
        "computes the features of the signal once more.",
    )
    litert = load("ai_edge_litert.interpreter")
    if litert is None:
        table.not_run("the stages", why_not("ai_edge_litert"))
        return [table]
    device = Device()
    one, knn, generic, personal = device.window, device.knn, device.generic, device.personal
    state = State.of(device.verdict, 1, SystemTime())
    network = litert_bottleneck(litert, device.base.content, one)
    tasks: dict[str, Task] = {
        "resampling and cutting": device.cut,
        "features (of the kNN)": lambda: features(one, RATE),
        "kNN, all told": lambda: knn.predict(one),
        "generic": lambda: generic.predict(one),
        "personal": lambda: personal.predict(one),
        "the three, judged": device.judge,
        "message": device.message,
    }
    bounds: dict[str, Task] = {
        "features (of the kNN)": _transforms(one),
        "generic": network,
        "personal": network,
        "message": lambda: msgspec.json.encode(state),
    }
    times = in_turns(
        tasks | {f"bound: {name}": bound for name, bound in bounds.items()},
        effort.rounds(ROUNDS),
    )
    for name in tasks:
        bounded = f"bound: {name}" if name in bounds else None
        table.add(
            stage=name,
            **{
                "CPU ms": times.of(name, 0.001),
                "cannot do without": BOUNDS.get(name, "-"),
                "x that": times.ratio(name, bounded) if bounded else "-",
            },
        )
    joined = personal.head is not None and personal.head.joined
    table.note += f" The head here is {'such a one' if joined else 'of the base alone'}."
    return [table]


class Device:
    """All that a window goes through, taught by the first person of the shipped recording."""

    def __init__(self) -> None:
        wearer = shipped_wearer()
        self.base = ModelFile.read(shipped.path("models/generic.tflite"))
        self.knn, self.generic, self.personal = _taught(self.base, wearer)
        self.window = wearer.asked[:1]
        self._panel = Classifiers([self.knn, self.generic, self.personal])
        self._whole = Window(self.window[0], start=0.0, end=LENGTH / RATE)
        self.verdict = self.judge()
        played = recording()
        self._maker = WindowMaker(played.rate, RATE, LENGTH, HOP)
        self._hop = Samples(played.values[: 2 * HOP], np.arange(2 * HOP) / played.rate)

    def cut(self) -> list[Window]:
        """A hop of signal at 50 Hz becomes a window at 25 Hz."""
        return self._maker.push(self._hop)

    def judge(self) -> Verdict:
        return self._panel.judge(self._whole)

    def message(self) -> bytes:
        return msgspec.json.encode(State.of(self.verdict, 1, SystemTime()))


def _taught(
    base: ModelFile, wearer: Wearer
) -> tuple[KnnClassifier, GenericClassifier, PersonalClassifier]:
    """The three of a device that has learnt from a wearer."""
    reference = KnnReference.read(shipped.path("models/knn_reference.safetensors"))
    knn = KnnClassifier(rate=RATE, length=LENGTH, reference=reference)
    lessons = []
    for number in np.unique(wearer.learnt_classes):
        values = wearer.learnt[wearer.learnt_classes == number].reshape(-1, 6)
        run = Samples(values, np.arange(len(values)) / RATE)
        seconds = len(values) / RATE
        known = {"rate": RATE, "id": int(number) + 1, "count": len(values), "seconds": seconds}
        lessons.append(Lesson(take_of(f"activity {number}", **known), [run]))
    teacher = OfflineTrainer(Config(), base)
    teacher.teach_knn(knn, lessons)
    personal = PersonalClassifier(base)
    personal.use(teacher.train(lessons).head)
    return knn, GenericClassifier(base), personal


def _transforms(window: FloatArray) -> Callable[[], Any]:
    """The transforms that the features are made of, and nothing else."""
    signal = np.zeros((1, 9, LENGTH))
    signal[:, :6] = window.transpose(0, 2, 1)
    power = np.zeros((1, 5, LENGTH + 1))
    covariance = np.eye(3)[None]

    def run() -> None:
        np.fft.rfft(signal, axis=-1)
        np.fft.rfft(signal, 2 * LENGTH, axis=-1)
        np.fft.irfft(power, axis=-1)
        np.linalg.eigvalsh(covariance)
        np.linalg.eigvalsh(covariance)

    return run
