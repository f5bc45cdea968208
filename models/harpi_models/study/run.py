"""The whole study: what there is to measure, and what was found."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from harpi import __version__, shipped
from harpi_models.examples import Examples
from harpi_models.folds import Run
from harpi_models.protocol import Course, courses
from harpi_models.study.costs import Cost, cost_of
from harpi_models.study.device import CONTESTANTS, Device
from harpi_models.study.examination import Scores, examine
from harpi_models.study.fold_bases import FoldBases, StudyData
from harpi_models.study.lesson import Lesson, lesson_of, thinned
from harpi_models.study.peers import PEERS
from harpi_models.study.plan import SHIPPED, Plan
from harpi_models.study.results import (
    COSTS_CODE,
    DEVICE_CODE,
    DEVICE_LIBRARIES,
    PEERS_CODE,
    PEERS_LIBRARIES,
    SHARED_CODE,
    Measured,
    Results,
    code_digest,
    key_of,
    slug,
    versions,
)

ALONE: Final = "alone"
"""Stands for the run of contestants that have no base."""
COST_WINDOWS: Final = 10
"""Windows of each class in the lesson whose costs are measured."""
TRAINING_SHARE: Final = 30
"""How many people's worth of time a training is taken to need, for the bar."""

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that was measured.

    Attributes:
        plan: how thoroughly.
        known: people held out, at places that the base saw.
        placeless: people held out, at places that were held out as well.
        new: people with classes that no base has seen.
        costs: of learning one lesson, by contestant.
        lesson: windows and classes of that lesson.
        bases: digest of the base of each run.
        software: versions.
        missing: examinations that were not made; 0 when the study is complete.
    """

    plan: Plan
    known: tuple[Measured, ...]
    placeless: tuple[Measured, ...]
    new: tuple[Measured, ...]
    costs: Mapping[str, Cost]
    lesson: tuple[int, int]
    bases: Mapping[str, str]
    software: Mapping[str, str]
    missing: int = 0


def study(
    data: StudyData,
    out: Path,
    plan: Plan,
    *,
    given: Path | None = None,
    so_far: bool = False,
    progress: Progress = lambda what, share: None,
) -> Found:
    """Measure everything that was not measured yet.

    Args:
        data: the sets.
        out: folder of the state.
        plan: what is measured.
        given: folder with bases, see `FoldBases`.
        so_far: measure nothing, only gather what was.
        progress: told what is being done, and the share of everything that is.

    Raises:
        DataRefused: a set is missing or damaged.
        MissingLibrary: a base has to be trained, and TensorFlow is not installed.
        ModelError: a base that was given cannot be used.
        OutputFailed: the state cannot be written.
        WorkshopError: costs could not be measured.
    """
    return _Study(data, out, plan, given, so_far, progress).run()


class _Study:
    """One run of the study."""

    def __init__(
        self,
        data: StudyData,
        out: Path,
        plan: Plan,
        given: Path | None,
        so_far: bool,
        progress: Progress,
    ) -> None:
        self._data = data
        self._plan = plan
        self._so_far = so_far
        self._missing = 0
        self._results = Results(out / "results")
        self._progress = progress
        self._bases = FoldBases(out / "bases", data, plan, given=given, progress=self._training)
        self._peers_key = code_digest((*SHARED_CODE, *PEERS_CODE)), versions(PEERS_LIBRARIES)
        self._device_key = (
            code_digest((*SHARED_CODE, *DEVICE_CODE)),
            versions(DEVICE_LIBRARIES),
            [(part, getattr(Device.settings(), part)) for part in ("learning", "knn")],
        )
        self._digests: dict[str, str] = {}
        self._done, self._whole = 0.0, 1.0

    def run(self) -> Found:
        plan = self._plan
        self._progress("reading the sets", 0.0)
        new = list(self._courses(self._data.new, new=True))
        known = {run: list(self._judged_by(run)) for run in plan.people}
        placeless = {run: list(self._judged_by(run)) for run in plan.places}
        twice = len(new) + sum(map(len, known.values()))
        self._whole = 2 * twice + sum(map(len, placeless.values()))
        self._whole += TRAINING_SHARE * (len(known) + len(placeless))

        found_new = _merged(self._alone(new, new=True), self._with_base(SHIPPED, new, new=True))
        lesson = lesson_of(next(iter(known.values()))[0]).first(COST_WINDOWS)
        found_costs = self._costs(lesson)
        found_known: list[Measured] = []
        for run, mine in known.items():
            found_known += _merged(self._alone(mine), self._with_base(run, mine))
        found_placeless: list[Measured] = []
        for run, mine in placeless.items():
            found_placeless += self._with_base(run, mine)
        return Found(
            plan,
            tuple(found_known),
            tuple(found_placeless),
            tuple(found_new),
            found_costs,
            (COST_WINDOWS, len(lesson.labels)),
            dict(self._digests),
            {
                "harpi": __version__,
                "python": platform.python_version(),
                "machine": platform.machine(),
                **versions(sorted({*DEVICE_LIBRARIES, *PEERS_LIBRARIES})),
            },
            self._missing,
        )

    def _judged_by(self, run: Run) -> Iterable[Course]:
        judging = self._data.judging
        return self._courses(judging.where(run.judged_on(judging)))

    def _courses(self, examples: Examples, *, new: bool = False) -> Iterable[Course]:
        """Everyone who is examined, or as many of each set as the plan says."""
        if self._plan.most_people is not None:
            mine = np.unique(examples.person)
            sets = np.array([examples.people[p].partition("/")[0] for p in mine])
            few = [mine[sets == name][: self._plan.most_people] for name in np.unique(sets)]
            examples = examples.where(np.isin(examples.person, np.concatenate(few)))
        return map(thinned, courses(examples, test_after=self._plan.learnable(new=new)))

    def _alone(self, asked: Sequence[Course], *, new: bool = False) -> list[Measured]:
        """Examine the contestants that have no base."""
        conditions = self._plan.conditions(new=new)
        found = []
        for course in asked:
            key = key_of(self._peers_key, _content(course), conditions, self._plan.seed)
            name = f"{ALONE}/{_file(course)}"
            measured = self._results.find(name, key, Measured)
            if measured is None and self._so_far:
                self._missing += 1
                continue
            if measured is None:
                scores = examine(course, PEERS, conditions, seed=self._plan.seed)
                measured = _measured(ALONE, course, scores)
                self._results.write(name, key, measured)
            found.append(measured)
            self._step(f"{course.person} at {course.place}: others")
        return found

    def _with_base(
        self, run: Run, asked: Sequence[Course], *, new: bool = False
    ) -> list[Measured]:
        """Examine the contestants on the base of a run."""
        base = self._bases.find(run) if self._so_far else self._bases.base(run)
        if base is None:
            self._missing += len(asked)
            return []
        if run != SHIPPED:
            self._done += TRAINING_SHARE
        self._digests[run.name] = base.metadata.digest
        conditions = self._plan.conditions(new=new)
        device: Device | None = None
        found = []
        for course in asked:
            made_of = (base.metadata.digest, run, self._bases.data_digest(run))
            key = key_of(
                self._device_key, made_of, _content(course), conditions, self._plan.seed
            )
            name = f"{slug(run.name)}/{_file(course)}"
            measured = self._results.find(name, key, Measured)
            if measured is None and self._so_far:
                self._missing += 1
                continue
            if measured is None:
                device = device or Device(base, self._bases.reference(run))
                scores = examine(
                    course,
                    device.contestants,
                    conditions,
                    seed=self._plan.seed,
                    embed=device.embed,
                    fixed=device.fixed,
                )
                measured = _measured(run.name, course, scores)
                self._results.write(name, key, measured)
            found.append(measured)
            self._step(f"{course.person} at {course.place}: base {run.name}")
        return found

    def _costs(self, lesson: Lesson) -> dict[str, Cost]:
        """Measure what learning one lesson takes, with the shipped base."""
        base = shipped.path("models/generic.tflite")
        reference = shipped.path("models/knn_reference.safetensors")
        content = lesson.windows.tobytes(), base.read_bytes(), reference.read_bytes()
        found = {}
        for contestant in (*CONTESTANTS, *PEERS):
            key = key_of(self._device_key, self._peers_key, code_digest(COSTS_CODE), content)
            name = f"costs/{slug(contestant)}"
            cost = self._results.find(name, key, Cost)
            if cost is None and self._so_far:
                self._missing += 1
                continue
            if cost is None:
                self._progress(f"what {contestant} costs", self._done / self._whole)
                cost = cost_of(contestant, lesson, base, reference)
                self._results.write(name, key, cost)
            found[contestant] = cost
        return found

    def _training(self, what: str, share: float) -> None:
        self._progress(what, (self._done + TRAINING_SHARE * share) / self._whole)

    def _step(self, what: str) -> None:
        self._done += 1
        self._progress(what, self._done / self._whole)


def _measured(run: str, course: Course, scores: Scores) -> Measured:
    return Measured(
        run=run,
        person=course.person,
        place=course.place,
        labels=course.names,
        asked=len(course.asked),
        scores=scores,
    )


def _merged(alone: Iterable[Measured], with_base: Iterable[Measured]) -> list[Measured]:
    """Put the scores of the same people at the same places together."""
    others = {(one.person, one.place): one.scores for one in alone}
    return [
        msgspec.structs.replace(one, scores={**one.scores, **others[one.person, one.place]})
        for one in with_base
        if (one.person, one.place) in others
    ]


def _file(course: Course) -> str:
    return slug(f"{course.person} {course.place.partition('/')[2]}")


def _content(course: Course) -> str:
    """A digest of what is learnt and asked, and in which words."""
    lesson = lesson_of(course)
    words = course.person, course.place, lesson.labels, sorted(lesson.meanings.items())
    digest = hashlib.sha256(repr(words).encode())
    for array in (*course.learnt, *course.stretches, course.asked, course.truth):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
