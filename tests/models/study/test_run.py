"""The whole study on made-up sets, with bases that are there already."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from harpi import shipped
from harpi_models.folds import PEOPLE_RUNS, PLACE_RUNS
from harpi_models.study import fold_bases
from harpi_models.study import run as module
from harpi_models.study.costs import Cost
from harpi_models.study.device import CONTESTANTS, Device
from harpi_models.study.fold_bases import StudyData
from harpi_models.study.lesson import Answer, Contestant, Lesson
from harpi_models.study.page import page
from harpi_models.study.peers import PEERS
from harpi_models.study.plan import FULL, ONLY_PLACES, QUICK, Plan, place_runs
from harpi_models.study.run import Found, study
from tests.models.study.paces import write_sets
from tests.support.models import tiny_reference

PLAN = Plan(
    people=PEOPLE_RUNS[:2], places=PLACE_RUNS[:1], counts=(1, 10), new_counts=(1,), turns=(0.0,)
)

KNOWN = ("difronzo_pocket", "dsads", "hapt", "motionsense", "umafall", "wisdm_watch")
"""The sets whose labels the bases know; of each, two people take part, at one place."""
KILLED = 20
LEGS = (("dsads/1", "dsads/left_leg"), ("umafall/1", "umafall/ankle"))
ALL = 2 * (3 + 2 * len(KNOWN)) + len(LEGS)
"""Examinations: everybody alone and with a base, and legs with a base that knows none."""


@dataclass
class Watched:
    """What a study did."""

    examined: list[str] = field(default_factory=list)
    costed: list[str] = field(default_factory=list)


def guessing(lesson: Lesson) -> Answer:
    return lambda asked: np.zeros(len(asked.windows), np.int64)


class Guesser(Device):
    """A device whose contestants take no time."""

    @property
    def contestants(self) -> Mapping[str, Contestant]:
        return dict.fromkeys(CONTESTANTS, guessing)


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> StudyData:
    return StudyData(write_sets(tmp_path_factory.mktemp("sets")))


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for name in ("fold_0", "fold_1", "no_leg"):
        shutil.copy(shipped.path("models/generic.tflite"), folder / f"{name}.tflite")
    return folder


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Contestants that take no time and no libraries, and no processes for costs."""
    seen = Watched()
    examine = module.examine

    def noting(course: object, contestants: object, *words: object, **more: object) -> object:
        seen.examined.append(f"{course.person} {course.place} {len(contestants)}")  # type: ignore[attr-defined, arg-type]
        return examine(course, contestants, *words, **more)  # type: ignore[arg-type]

    def costing(name: str, *words: object) -> Cost:
        seen.costed.append(name)
        return Cost(seconds=0.1, megabytes=1.0, loaded=50.0, load=0.5)

    monkeypatch.setattr(module, "Device", Guesser)
    monkeypatch.setattr(fold_bases, "knn_reference", lambda examples: tiny_reference())
    monkeypatch.setattr(module, "PEERS", {"guessing": guessing})
    monkeypatch.setattr(module, "PEERS_LIBRARIES", ("numpy",))
    monkeypatch.setattr(module, "examine", noting)
    monkeypatch.setattr(module, "cost_of", costing)
    return seen


def test_everyone_is_examined_once_with_each_of_their_bases(
    sets: StudyData, bases: Path, tmp_path: Path, watched: Watched
) -> None:
    shares: list[float] = []
    found = study(
        sets, tmp_path, PLAN, given=bases, progress=lambda what, share: shares.append(share)
    )
    people = [f"{name}/{n}" for name in KNOWN for n in (1, 2)]
    assert sorted(one.person for one in found.known) == people
    assert [(one.person, one.place) for one in found.placeless] == list(LEGS)
    assert sorted(one.person for one in found.new) == [f"spar_seglearn/{n}" for n in (1, 2, 3)]
    for one in (*found.known, *found.new):
        assert {"personal", "kNN", "generic", "guessing"} <= set(one.scores)
    assert "guessing" not in found.placeless[0].scores
    assert set(found.known[0].scores["personal"]) == {"n=1", "n=10"}
    assert set(found.new[0].scores["personal"]) == {"n=1"}
    assert set(found.bases) == {"shipped", "fold 0", "fold 1", "no leg"}
    assert set(found.costs) == {*watched.costed}
    assert len(set(watched.examined)) == len(watched.examined) - len(LEGS), "legs twice"
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


def test_a_study_that_was_killed_goes_on_where_it_was(
    sets: StudyData, bases: Path, tmp_path: Path, watched: Watched
) -> None:
    def impatient(what: str, share: float) -> None:
        if len(watched.examined) == KILLED:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study(sets, tmp_path, PLAN, given=bases, progress=impatient)
    assert len(watched.examined) == KILLED
    part = study(sets, tmp_path, PLAN, given=bases, so_far=True)
    assert len(watched.examined) == KILLED, "to look measures nothing"
    assert part.missing == ALL - KILLED
    assert len(part.new) == 3
    assert 0 < len(part.known) < 2 * len(KNOWN)
    said = f"**This is the study so far**: {ALL - KILLED} examinations"
    assert page(part)[0].count(said) == 1
    found = study(sets, tmp_path, PLAN, given=bases)
    assert len(watched.examined) == ALL, "nobody is examined twice"
    assert found.missing == 0
    whole = study(sets, tmp_path / "at once", PLAN, given=bases)
    assert found == whole


def test_what_was_measured_with_another_base_is_measured_again(
    sets: StudyData, bases: Path, tmp_path: Path, watched: Watched
) -> None:
    study(sets, tmp_path, PLAN, given=bases)
    done = len(watched.examined)
    study(sets, tmp_path, replace(PLAN, seed=2), given=bases)
    assert len(watched.examined) == 2 * done
    study(sets, tmp_path, replace(PLAN, seed=2), given=bases)
    assert len(watched.examined) == 2 * done


def test_fewer_people_where_the_plan_says_so(
    sets: StudyData, bases: Path, tmp_path: Path, watched: Watched
) -> None:
    plan = replace(PLAN, people=PEOPLE_RUNS[:1], places=(), most_people=1)
    found: Found = study(sets, tmp_path, plan, given=bases)
    assert len(found.known) == len(KNOWN)
    assert len(found.new) == 1
    assert found.placeless == ()


@pytest.mark.models
def test_with_everyone_who_really_takes_part(
    sets: StudyData, bases: Path, tmp_path: Path
) -> None:
    plan = replace(PLAN, people=PEOPLE_RUNS[:1], places=(), most_people=1, counts=(3,))
    found = study(sets, tmp_path, plan, given=bases)
    scores = found.known[0].scores
    assert set(scores) >= {*CONTESTANTS, *PEERS}
    assert set(found.costs) == {*CONTESTANTS, *PEERS}
    assert all(cost.seconds > 0 and cost.loaded for cost in found.costs.values())
    learning = [scores[name]["n=3"] for name in scores if not name.startswith("generic")]
    assert min(learning) > 0.6


def test_no_base_saw_whom_it_is_asked_about(sets: StudyData) -> None:
    judging = sets.judging
    for run in (*FULL.people, *FULL.places):
        trained = judging.where(run.trained_on(judging))
        judged = judging.where(run.judged_on(judging))
        assert not set(trained.person) & set(judged.person), run.name
        if run.without:
            places = {judging.places[p] for p in trained.position}
            assert not any(place.endswith(run.without) for place in places), run.name


def test_the_second_part_covers_every_person_of_a_set_with_one_place(sets: StudyData) -> None:
    judging = sets.judging
    for place in ONLY_PLACES:
        (run,) = [run for run in place_runs() if run.without == place]
        assert set(judging.where(run.judged_on(judging)).person) == set(
            judging.person[
                np.array([judging.places[p].endswith(place) for p in judging.position])
            ]
        )
    assert len({run.name for run in place_runs()}) == len(place_runs())
    assert set(PLACE_RUNS) <= set(place_runs())
    assert set(QUICK.places) <= set(FULL.places)
