"""People of the data sets who wear an emulated device, teach it, and are recognised by it.

Half of them are there to choose rules on; what a table shows is of the others.
"""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from harpi.config.schema import Config, LearningSection, PathsSection
from harpi.learning.learner import Learner
from harpi.learning.models import LoadedModels, load_models
from harpi.learning.trainer import Outcome
from harpi.recording import Recording, read_each
from harpi.signal.orientation import PostureWatch
from harpi.types import FloatArray
from tests.support.recorded import Recorded

LEAST_SECONDS: Final = 60.0
"""Of an activity, to be one of a wearer's."""
LEAST_ACTIVITIES: Final = 5
"""A wearer has more."""

SETS: Final = {
    "dsads": ("right_arm", "left_leg"),
    "wisdm_watch": ("wrist_watch",),
    "motionsense": ("front_pocket",),
    "hapt": ("waist_phone",),
}
PEOPLE: Final = {"dsads": 6, "wisdm_watch": 8, "motionsense": 6, "hapt": 6}
LEFT_OUT: Final = {
    # The same to a sensor on this limb, or to people: harpi is not asked to tell them apart.
    "dsads": {"stand_elevator", "move_elevator", "lying_right", "walk_treadmill_incline15"},
    "wisdm_watch": {"eating_chips", "eating_pasta", "eating_sandwich", "drinking", "typing"},
    "motionsense": set(),
    "hapt": set(),
}


@dataclass(frozen=True)
class Wearer:
    """One person with the sensor at one place: signal by activity."""

    name: str
    rate: float
    signals: dict[str, FloatArray]

    @property
    def chosen_on(self) -> bool:
        """Whether the rules may be chosen on this wearer: every other person."""
        person = " ".join(self.name.split()[:2])
        return hashlib.sha256(person.encode()).digest()[0] % 2 == 0


def wearers(folder: Path) -> Iterator[Wearer]:
    """Read them."""
    for name, places in SETS.items():
        found: dict[str, Wearer] = {}
        for recording in read_each(folder / f"{name}.npz"):
            for wearer in _of(name, recording, places):
                found.setdefault(wearer.name, wearer)
        people = sorted({one.split()[1] for one in found})
        kept = [people[i] for i in np.linspace(0, len(people) - 1, PEOPLE[name]).astype(int)]
        yield from (one for key, one in found.items() if key.split()[1] in kept)


def _of(name: str, recording: Recording, places: Sequence[str]) -> Iterator[Wearer]:
    if recording.position not in places or recording.subject is None:
        return
    signals: dict[str, list[FloatArray]] = {}
    edges = np.flatnonzero(np.diff(recording.label) | np.diff(recording.segment)) + 1
    for rows in np.split(np.arange(len(recording)), edges):
        code = int(recording.label[rows[0]])
        label = recording.labels[code] if code >= 0 else ""
        if label and label not in LEFT_OUT[name]:
            signals.setdefault(label, []).append(recording.values[rows])
    whole = {
        label: np.concatenate(parts)
        for label, parts in signals.items()
        if sum(map(len, parts)) >= LEAST_SECONDS * recording.rate
    }
    if len(whole) > LEAST_ACTIVITIES:
        where = f"{name} {recording.subject} {recording.position}"
        yield Wearer(where, recording.rate, whole)


@contextmanager
def taught_device(
    wearer: Wearer, takes: Sequence[tuple[str, FloatArray]], base: str | None
) -> Iterator[tuple[Config, LoadedModels]]:
    """Teach a fresh device.

    Args:
        wearer: who does.
        takes: label and signal ``[n, 6]`` of each.
        base: file of the base; None for the one that ships.

    Raises:
        RuntimeError: the training failed.
    """
    labels = tuple(dict.fromkeys(label for label, _ in takes))
    with tempfile.TemporaryDirectory() as folder:
        learning = LearningSection(labels=labels, minimum_windows=1)
        config = Config(paths=PathsSection(state=folder), learning=learning)
        if base is not None:
            models = msgspec.structs.replace(config.models, base=base)
            config = msgspec.structs.replace(config, models=models)
        loaded = load_models(config)
        lessons = Recorded()
        for label, values in takes:
            lessons.add_signal(label, values, rate=wearer.rate)
        learner = Learner(
            config,
            lessons,
            loaded.base,
            loaded.shelf,
            loaded.personal,
            loaded.knn,
            PostureWatch(),
            loaded.panel.answerer,
        )
        learner.start()
        ended = threading.Event()
        outcomes: list[Outcome] = []

        def end(outcome: Outcome) -> None:
            outcomes.append(outcome)
            ended.set()

        learner.train(labels, on_progress=lambda _: None, on_end=end)
        ended.wait()
        learner.close()
        if outcomes[0].result == "failed":
            raise RuntimeError(f"{wearer.name}: {outcomes[0].message}")
        yield config, loaded
