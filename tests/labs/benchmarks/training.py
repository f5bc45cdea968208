"""From pressing train to the new head in use, beside scikit-learn on the same features.

Eight classes of about 20 windows from the shipped recording: six activities of one person,
and two of another under names of their own. The first run of each is learnt, the later ones
are judged. Meanwhile a thread predicts, 30 times as often as a device does.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from harpi import shipped
from harpi.config.schema import Config, LearningSection
from harpi.learning.heads import HeadRegistry
from harpi.learning.learner import Learner
from harpi.learning.trainer import Outcome
from harpi.learning.training_set import Preparation, TrainingSet
from harpi.recognition.answer import Answerer
from harpi.recognition.classifiers import PersonalClassifier
from harpi.recognition.interpreter import Interpreter
from harpi.recognition.knn import KnnClassifier
from harpi.recognition.model_file import ModelFile
from harpi.signal.orientation import PostureWatch
from harpi.store.store import Store
from harpi.types import FloatArray, Samples
from tests.labs.benchmarks.effort import Effort
from tests.labs.benchmarks.table import Table
from tests.support.device import recording
from tests.support.takes import ROOMY, take_of

SECONDS = 16.0
"""Of each take; a full one gives 21 windows at the default hop."""

OTHERS = ("walking", "stairs_up")
"""Activities of the second person."""

PREDICT_EVERY = 0.02
REPEATS = 7
IDLE = 0.01
"""Share of a core below which nothing goes on."""


@dataclass
class Runs:
    """What each class is learnt from, and what it is judged on."""

    learnt: dict[str, FloatArray] = field(default_factory=dict)
    judged: dict[str, list[FloatArray]] = field(default_factory=dict)

    def add(self, name: str, values: FloatArray) -> None:
        if name in self.learnt:
            self.judged.setdefault(name, []).append(values)
        else:
            self.learnt[name] = values[: round(SECONDS * recording().rate)]


def measure(effort: Effort) -> list[Table]:
    """Train several times each way."""
    table = Table("8 classes x about 20 windows, learnt while predictions go on (medians)")
    repeats = effort.rounds(REPEATS)
    base = ModelFile.read(shipped.path("models/generic.tflite"))
    runs = _runs()
    features = _features(base, runs.learnt)
    judged = _judged(base, runs)
    for head in ("closed_form", "gradient", "auto"):
        seconds, gap, accuracy = _press_train(base, runs, judged, head, repeats)
        table.add(
            method=f"harpi, learning.head = {head}",
            seconds=seconds,
            accuracy=accuracy,
            largest_gap_ms=gap * 1000,
        )
    seconds, accuracy = _scikit_learn(features, judged, repeats)
    table.add(
        method="scikit-learn LogisticRegression",
        seconds=seconds,
        accuracy=accuracy,
        largest_gap_ms="",
    )
    table.note = (
        "harpi: fits 5 times to 7 variants of each window, validates, compares, writes the"
        " head, swaps it in.\nscikit-learn: one fit on features that are there."
        " largest_gap_ms: between two predictions, of which one is due each"
        f" {PREDICT_EVERY * 1000:.0f} ms."
    )
    return [table]


def _runs() -> Runs:
    """Collect the stretches of each class from the shipped recording."""
    played = recording()
    subjects = dict.fromkeys(np.asarray(played.segment).tolist())
    first, _, second, _ = subjects
    cuts = np.flatnonzero(np.diff(played.label) | np.diff(played.segment)) + 1
    runs = Runs()
    for rows in np.split(np.arange(len(played.label)), cuts):
        if played.label[rows[0]] < 0:
            continue
        label, segment = played.labels[played.label[rows[0]]], played.segment[rows[0]]
        if segment == first:
            runs.add(label, played.values[rows])
        elif segment == second and label in OTHERS:
            runs.add(f"{label} of another", played.values[rows])
    return runs


def _preparation(base: ModelFile) -> Preparation:
    return Preparation(base, hop=Config().signal.hop, copies=0, degrees=0, seed=1)


def _features(base: ModelFile, learnt: dict[str, FloatArray]) -> TrainingSet:
    """Embed what is learnt, without copies."""
    preparation = _preparation(base)
    return TrainingSet.of(
        preparation.features(take, preparation.windows(take, [_samples(values)]))
        for number, (label, values) in enumerate(learnt.items(), start=1)
        for take in [take_of(label, rate=recording().rate, id=number)]
    ).of_base(base.metadata.features)


def _judged(base: ModelFile, runs: Runs) -> tuple[FloatArray, list[str]]:
    """Cut what is judged into windows, with their labels."""
    preparation = _preparation(base)
    windows, labels = [], []
    for label, stretches in runs.judged.items():
        for values in stretches:
            take = take_of(label, rate=recording().rate)
            windows.append(preparation.windows(take, [_samples(values)]))
            labels += [label] * len(windows[-1])
    return np.concatenate(windows), labels


def _samples(values: FloatArray) -> Samples:
    return Samples(values, np.arange(len(values)) / recording().rate)


def _press_train(
    base: ModelFile, runs: Runs, judged: tuple[FloatArray, list[str]], head: str, repeats: int
) -> tuple[float, float, float]:
    """Press train: seconds until the head is in use, largest gap, accuracy afterwards."""
    times, gaps = [], []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            store = Store(Path(folder) / "takes.db", ROOMY)
            store.new_session()
            for label, values in runs.learnt.items():
                store.add(take_of(label, rate=recording().rate), [_samples(values)])
            personal, knn = PersonalClassifier(base), KnnClassifier(rate=25.0, length=64)
            learner = Learner(
                Config(learning=LearningSection(head=head)),  # type: ignore[arg-type]
                store,
                base,
                HeadRegistry(Path(folder) / "heads"),
                personal,
                knn,
                PostureWatch(),
                Answerer(),
            )
            learner.start()
            _wait_until_idle()
            with _Predicting(personal, judged[0]) as predicting:
                times.append(_train(learner, tuple(runs.learnt)))
            gaps.append(predicting.largest_gap)
            learner.close()
            store.close()
    answers = [prediction.best for prediction in personal.predict(judged[0])]
    return float(np.median(times)), max(gaps), _balanced(answers, judged[1])


def _wait_until_idle() -> None:
    """Wait until all takes are known and prepared, as they are a moment after the last one."""
    spent = -1.0
    while time.process_time() - spent > IDLE * 0.5:
        spent = time.process_time()
        time.sleep(0.5)


def _train(learner: Learner, labels: tuple[str, ...]) -> float:
    ended = threading.Event()
    outcomes: list[Outcome] = []

    def on_end(outcome: Outcome) -> None:
        outcomes.append(outcome)
        ended.set()

    begin = time.perf_counter()
    learner.train(labels, on_progress=lambda _: None, on_end=on_end)
    ended.wait()
    seconds = time.perf_counter() - begin
    if outcomes[0].result != "taken":
        raise SystemExit(outcomes[0].message)
    return seconds


class _Predicting:
    """Predicts in a thread, and notes the largest gap between two predictions."""

    def __init__(self, personal: PersonalClassifier, windows: FloatArray) -> None:
        self.largest_gap = 0.0
        self._personal = personal
        self._windows = windows
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> _Predicting:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        last = time.perf_counter()
        number = 0
        while not self._ending.wait(PREDICT_EVERY):
            self._personal.predict(self._windows[number : number + 1])
            now = time.perf_counter()
            self.largest_gap = max(self.largest_gap, now - last)
            last, number = now, (number + 1) % len(self._windows)


def _scikit_learn(
    material: TrainingSet, judged: tuple[FloatArray, list[str]], repeats: int
) -> tuple[float, float]:
    """Fit what a Python user would take, on the features of the same base."""
    interpreter = Interpreter(ModelFile.read(shipped.path("models/generic.tflite")))
    rows = interpreter.run("bottleneck", {"window": judged[0]})["features"]
    labels = [material.labels[target] for target in material.targets]

    def fit() -> Callable[[FloatArray], np.ndarray]:
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        predict: Callable[[FloatArray], np.ndarray] = model.fit(
            material.features, labels
        ).predict
        return predict

    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        predict = fit()
        times.append(time.perf_counter() - begin)
    return float(np.median(times)), _balanced(list(predict(rows)), judged[1])


def _balanced(answers: list[str | None], labels: list[str]) -> float:
    """Mean over the labels of the share of windows that are answered right."""
    right = np.array([answer == label for answer, label in zip(answers, labels, strict=True)])
    names = np.array(labels)
    return float(np.mean([right[names == name].mean() for name in dict.fromkeys(labels)]))
