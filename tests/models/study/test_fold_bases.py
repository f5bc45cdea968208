from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harpi import shipped
from harpi.errors import ModelError
from harpi_models.folds import PEOPLE_RUNS
from harpi_models.study.fold_bases import FoldBases, StudyData
from harpi_models.study.plan import FULL, SHIPPED
from tests.models.study.paces import write_sets

RUN = PEOPLE_RUNS[0]
PLAN = replace(FULL, epochs=1, epoch_windows=512)


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> StudyData:
    return StudyData(write_sets(tmp_path_factory.mktemp("sets")))


def test_a_base_that_is_given_is_taken_as_it_is(sets: StudyData, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    path = tmp_path / "runs" / "fold_0.tflite"
    shutil.copy(shipped.path("models/generic.tflite"), path)
    bases = FoldBases(tmp_path / "bases", sets, PLAN, given=tmp_path / "runs")
    assert bases.base(RUN).path == str(path)
    assert not (tmp_path / "bases").exists()
    path.write_bytes(b"something else")
    with pytest.raises(ModelError):
        bases.base(RUN)


def test_classes_that_are_new_are_learnt_on_the_base_that_ships(
    sets: StudyData, tmp_path: Path
) -> None:
    bases = FoldBases(tmp_path, sets, PLAN)
    assert bases.base(SHIPPED).path == str(shipped.path("models/generic.tflite"))
    assert bases.reference(SHIPPED).labels
    assert list(tmp_path.iterdir()) == []


def test_the_reference_is_of_the_people_of_the_base_and_made_once(
    sets: StudyData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = FoldBases(tmp_path, sets, PLAN).reference(RUN)
    monkeypatch.setattr("harpi_models.study.fold_bases.knn_reference", None)
    again = FoldBases(tmp_path, sets, PLAN).reference(RUN)
    assert again.labels == made.labels
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.models
def test_what_is_not_there_is_trained_once_and_again_by_another_recipe(
    sets: StudyData, tmp_path: Path
) -> None:
    told: list[tuple[str, float]] = []
    bases = FoldBases(
        tmp_path, sets, PLAN, progress=lambda what, share: told.append((what, share))
    )
    assert bases.find(RUN) is None
    base = bases.base(RUN)
    assert told == [("training the base fold 0", 0.0), ("training the base fold 0", 1.0)]
    again = FoldBases(tmp_path, sets, PLAN).find(RUN)
    assert again is not None
    assert again.metadata.digest == base.metadata.digest
    other = FoldBases(tmp_path, sets, replace(PLAN, epochs=2))
    assert other.find(RUN) is None
    # A file that is not what the note beside it says counts as not there.
    shutil.copy(shipped.path("models/generic.tflite"), tmp_path / "fold_0.tflite")
    assert bases.find(RUN) is None
