"""Does calibrating the mounting bring back what a turned strap costs?

Each wearer teaches harpi with the strap as it is recorded; then the strap is turned at random,
and the wearer stands and walks as `harpi calibrate mounting` asks. What was learnt is judged on
other signal: with the strap as it was, turned, and turned with the signal turned back.

The shipped recording has two wearers with two sittings each. `--data` (or `HARPI_DATASETS`)
names a folder with other recordings (`*.npz`), of which those with both standing and walking
are used, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from harpi import shipped
from harpi.config.schema import Config
from harpi.errors import CalibrationError
from harpi.evaluation.own_models import Lesson, OfflineTrainer
from harpi.recognition.classifiers import Classifier, PersonalClassifier
from harpi.recognition.knn import KnnClassifier
from harpi.recognition.model_file import ModelFile
from harpi.recording import Recording, read_each
from harpi.signal.gait import gait_of, is_still, rotation_since
from harpi.signal.orientation import angle_of, any_rotations, turn
from harpi.signal.windows import windows_of
from harpi.types import FloatArray, Samples
from tests.labs.benchmarks.effort import Effort
from tests.labs.benchmarks.table import Table
from tests.support.device import recording_path
from tests.support.takes import take_of

RATE, LENGTH = 25.0, 64
LEARNT = 10
"""Windows of each activity that are learnt, at most: 26 s."""
JUDGED = 40
TURNS = 4
STANDING, WALKING = ("standing",), ("walking", "walk_parking")
STILL, WALK = 2, 4
"""Windows of standing and of walking: 5 s and 10 s."""
MOST_LABELS = 10


@dataclass
class Score:
    """What was measured at one place of the body."""

    wearers: int = 0
    shares: list[tuple[float, ...]] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    refused: int = 0


def measure(effort: Effort) -> list[Table]:
    table = Table(
        "Balanced accuracy (kNN / personal) with the strap as it was, turned at random, and "
        "turned back",
        note="ratio: turned back over as it was, personal. error: of the rotation found, "
        "median and 90 %, degrees. refused: walks that did not tell; they are not counted.",
    )
    base = ModelFile.read(shipped.path("models/generic.tflite"))
    rng = np.random.default_rng(0)
    for name, wearers in _places(effort.data):
        score = Score()
        for activities in wearers:
            _judge_wearer(activities, base, rng, score)
        if score.shares:
            table.add(place=name, wearers=score.wearers, **_row(score))
    return [table]


def _row(score: Score) -> dict[str, str | float]:
    (knn, own), (knn_turned, own_turned), (knn_back, own_back) = np.mean(
        score.shares, axis=0
    ).reshape(3, 2)
    return {
        "as it was": f"{knn:.2f} / {own:.2f}",
        "turned": f"{knn_turned:.2f} / {own_turned:.2f}",
        "turned back": f"{knn_back:.2f} / {own_back:.2f}",
        "ratio": own_back / own,
        "error": f"{np.median(score.errors):.0f}, {np.percentile(score.errors, 90):.0f}",
        "refused": f"{score.refused / (score.refused + len(score.shares)):.0%}",
    }


Activities = dict[str, tuple[FloatArray, FloatArray]]
"""By label: windows ``[n, T, 6]`` of the first and of the second half, in time."""


def _places(data: Path | None) -> Iterator[tuple[str, list[Activities]]]:
    """Give the wearers of each place of each recording."""
    files = [recording_path()]
    folder = os.environ.get("HARPI_DATASETS") or data
    files += sorted(Path(folder).glob("*.npz")) if folder else []
    for file in files:
        places: dict[str, list[Activities]] = {}
        for recording in read_each(file):
            for piece in _sittings(recording):
                activities = _halves(piece)
                if set(STANDING) & set(activities) and set(WALKING) & set(activities):
                    places.setdefault(recording.position or "?", []).append(activities)
        yield from ((f"{file.stem}, {place}", wearers) for place, wearers in places.items())


def _sittings(recording: Recording) -> list[list[tuple[str, FloatArray]]]:
    """Stretches of one label each, put together where the strap was left on."""
    sittings: dict[int, list[tuple[str, FloatArray]]] = {}
    whole = [
        int(segment)
        for segment in np.unique(recording.segment)
        if len(np.unique(recording.label[recording.segment == segment])) > 3
    ]
    edges = np.flatnonzero(np.diff(recording.label) | np.diff(recording.segment)) + 1
    for rows in np.split(np.arange(len(recording)), edges):
        label, segment = int(recording.label[rows[0]]), int(recording.segment[rows[0]])
        if label >= 0:
            windows = windows_of(
                recording.values[rows], recording.rate, rate=RATE, length=LENGTH, hop=LENGTH
            )
            sitting = segment if segment in whole else -1
            sittings.setdefault(sitting, []).append((recording.labels[label], windows))
    return list(sittings.values())


def _halves(stretches: Sequence[tuple[str, FloatArray]]) -> Activities:
    by_label: dict[str, list[FloatArray]] = {}
    for label, windows in stretches:
        by_label.setdefault(label, []).append(windows)
    activities: Activities = {}
    for label, parts in by_label.items():
        windows = np.concatenate(parts)
        middle = len(windows) // 2
        if middle >= max(STILL, WALK):
            second = windows[middle : middle + JUDGED + WALK]
            activities[label] = windows[: min(middle, LEARNT)], second
    wanted = [*STANDING, *WALKING]
    kept = sorted(activities, key=lambda label: label not in wanted)[:MOST_LABELS]
    return {label: activities[label] for label in kept}


def _judge_wearer(
    activities: Activities, base: ModelFile, rng: np.random.Generator, score: Score
) -> None:
    still = activities[next(label for label in STANDING if label in activities)]
    walk = activities[next(label for label in WALKING if label in activities)]
    score.wearers += 1
    try:
        first = gait_of(_quiet(still[0]), _flat(walk[0][:WALK]), RATE)
    except CalibrationError:
        score.refused += TURNS
        return
    models = _taught(activities, base)
    as_it_was = _shares(models, activities, np.eye(3))
    for rotation in any_rotations(TURNS, rng):
        now = [turn(part, rotation) for part in (_quiet(still[1]), _flat(walk[1][:WALK]))]
        try:
            back = rotation_since(first, *now, RATE).rotation
        except CalibrationError:
            score.refused += 1
            continue
        score.errors.append(angle_of(back @ rotation))
        turned = _shares(models, activities, rotation)
        again = _shares(models, activities, back @ rotation)
        score.shares.append((*as_it_was, *turned, *again))


def _taught(activities: Activities, base: ModelFile) -> tuple[Classifier, Classifier]:
    """Teach the kNN and the personal model of a device."""
    config = Config()
    knn = KnnClassifier(rate=RATE, length=LENGTH)
    personal = PersonalClassifier(base)
    teacher = OfflineTrainer(config, base)
    lessons = []
    for number, (label, (learnt, _)) in enumerate(activities.items(), start=1):
        values = _flat(learnt)
        run = Samples(values, np.arange(len(values)) / RATE)
        take = take_of(
            label, rate=RATE, id=number, count=len(values), seconds=len(values) / RATE
        )
        lessons.append(Lesson(take, [run]))
    teacher.teach_knn(knn, lessons)
    personal.use(teacher.train(lessons).head)
    return knn, personal


def _shares(
    models: tuple[Classifier, Classifier],
    activities: Activities,
    rotation: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> tuple[float, ...]:
    """Balanced accuracy of each model, unknown windows counted by their best label."""
    shares = []
    for model in models:
        right = [
            np.mean([p.best == label for p in model.predict(turn(judged[WALK:], rotation))])
            for label, (_, judged) in activities.items()
            if len(judged) > WALK
        ]
        shares.append(float(np.mean(right)))
    return tuple(shares)


def _quiet(windows: FloatArray) -> FloatArray:
    """The first moment at which the wearer stands still, as the calibration waits for it."""
    pairs = [_flat(windows[n : n + STILL]) for n in range(len(windows) - STILL + 1)]
    return next(filter(is_still, pairs), pairs[0])


def _flat(windows: FloatArray) -> FloatArray:
    """Windows that do not overlap as one signal."""
    return windows.reshape(-1, 6)
