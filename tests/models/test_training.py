from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harpi.recognition.model_file import ModelFile
from harpi_models.datasets.catalogue import CORE, HAPT, MOTIONSENSE, SPAR, WISDM
from harpi_models.datasets.motion_capture import VirtualWalkers, read_clips
from harpi_models.errors import DataRefused
from harpi_models.examples import Examples, balance, combine, read_examples
from harpi_models.folds import PEOPLE_RUNS, PLACE_RUNS, SET_RUNS
from tests.models.captured import write_capture
from tests.models.support import TENSORFLOW
from tests.models.synthetic import write

if TENSORFLOW:
    from harpi_models.card import model_card
    from harpi_models.file_base import FileBase
    from harpi_models.judging import embedder
    from harpi_models.pipeline import Data, to_file, train_and_judge
    from harpi_models.recipes import SEARCH
    from harpi_models.training import Recipe, train

SETS = (MOTIONSENSE, WISDM)
FOREIGN = tuple(run for run in SET_RUNS if run.data_set == "wisdm_watch")


def folder_of_sets(folder: Path, *, seconds: float = 40.0) -> Path:
    """Made-up recordings under the names of real sets."""
    people = (1, 2, 3)
    limbs = ("left_leg", "right_arm")
    for data_set, labels in (
        (MOTIONSENSE, ("walking", "jogging", "sitting")),
        (WISDM, ("walking", "stairs", "typing")),
    ):
        write(folder, data_set, labels, subjects=people, positions=limbs, seconds=seconds)
    write(folder, SPAR, ("PEN", "ABD", "FEL", "IR"), subjects=(1,), seconds=90)
    write_capture(folder)
    return folder


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    folder = folder_of_sets(tmp_path_factory.mktemp("sets"), seconds=12)
    return read_examples(folder, SETS, hop=32, length=80)


def test_every_place_label_and_person_counts_the_same(examples: Examples) -> None:
    long = examples.where(np.flatnonzero(np.ones(len(examples), bool)))
    doubled = long.where(
        np.concatenate([np.arange(len(long)), np.flatnonzero(long.person == 0)])
    )
    chances = balance(doubled)
    assert chances.sum() == pytest.approx(1)
    mine = doubled.data_set == 0
    shares = [
        chances[mine & (doubled.person == p)].sum() for p in np.unique(doubled.person[mine])
    ]
    np.testing.assert_allclose(shares, shares[0])


def test_sets_are_combined_only_once() -> None:
    with pytest.raises(ValueError, match="need at least one array"):
        combine([])
    assert HAPT not in SETS


@pytest.mark.models
def test_the_same_seed_gives_the_same_base(examples: Examples) -> None:
    recipe = replace(Recipe(), epochs=2, epoch_windows=512, batch=128)
    first, second = (train(examples, recipe) for _ in range(2))
    other = train(examples, replace(recipe, seed=2))
    np.testing.assert_allclose(first.kernel, second.kernel, atol=1e-5)
    assert np.abs(first.kernel - other.kernel).max() > 1e-3


@pytest.mark.models
@pytest.mark.parametrize("posture", [0, 8])
def test_the_file_says_what_the_network_says(examples: Examples, posture: int) -> None:
    recipe = replace(
        Recipe(), epochs=1, epoch_windows=256, batch=128, widths=(8, 8), strides=(2, 2)
    )
    trained = train(examples, replace(recipe, expansion=0, posture=posture))
    file = ModelFile.parse(to_file(trained, None).content, "a tiny base")
    windows = np.ascontiguousarray(examples.values[:50, :64])
    features = trained.features(windows)
    assert file.metadata.features == features.shape[1] == 16 + posture + 3
    np.testing.assert_allclose(embedder(file)(windows), features, atol=1e-3)
    np.testing.assert_allclose(
        embedder(file, "generic")(windows), trained.probabilities(features), atol=1e-3
    )


@pytest.mark.models
def test_learns_and_stops_early(examples: Examples) -> None:
    told: list[int] = []
    recipe = replace(
        Recipe(), epochs=30, epoch_windows=1024, batch=128, early_stopping=True, patience=1
    )
    trained = train(
        examples, recipe, progress=lambda epoch, epochs, figures: told.append(epoch)
    )
    assert told == list(range(1, len(told) + 1))
    assert len(told) < 30
    scores = [figures["validation"] for figures in trained.history]
    assert max(scores) > scores[0] or len(told) == 2
    assert trained.history[-1]["loss"] < trained.history[0]["loss"]


@pytest.mark.models
@pytest.mark.timeout(600)
def test_the_whole_run_writes_base_reference_figures_and_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harpi_models.pipeline.QUANTIZED", ("dynamic",))
    for module in ("pipeline", "card"):
        monkeypatch.setattr(f"harpi_models.{module}.TRAINED_ON", SETS)
        monkeypatch.setattr(f"harpi_models.{module}.PEOPLE_RUNS", PEOPLE_RUNS[:1])
        monkeypatch.setattr(f"harpi_models.{module}.PLACE_RUNS", PLACE_RUNS[:1])
        monkeypatch.setattr(f"harpi_models.{module}.SET_RUNS", FOREIGN)
    data = Data.read(folder_of_sets(tmp_path, seconds=90))
    recipe = replace(Recipe(), epochs=1, epoch_windows=512, batch=128)
    out = tmp_path / "out"
    figures = train_and_judge(data, recipe, out)
    assert json.loads((out / "figures.json").read_text())["digest"] == figures["digest"]
    assert ModelFile.read(out / "generic.tflite").metadata.digest == figures["digest"]
    assert (out / "knn_reference.safetensors").exists()
    smaller = ModelFile.read(out / "generic_dynamic.tflite")
    assert smaller.metadata.quantization == "dynamic"
    assert smaller.metadata.unknown_below == figures["unknown_below"]
    card = model_card(json.loads((out / "figures.json").read_text()))
    assert "### arms" in card
    assert card.index("A data set that it never saw") < card.index("## Data")
    assert "wisdm_watch/right_arm" in card
    assert "cmu_joints" in card
    assert figures["data"] == ["motionsense", "wisdm_watch", "cmu_joints"]
    sureness = figures["runs"]["no wisdm_watch"]["sureness"]["wisdm_watch/left_leg"]["all"]
    told = [sureness[name] for name in ("right", "unknown", "wrong and sure")]
    assert sum(told) == pytest.approx(1)
    assert "| dynamic |" in card
    assert {path.name for path in (out / "runs").iterdir()} == {
        "fold_0.json",
        "fold_0.tflite",
        "no_leg.json",
        "no_leg.tflite",
        "no_wisdm_watch.json",
        "no_wisdm_watch.tflite",
    }
    monkeypatch.setattr("harpi_models.pipeline.QUANTIZED", ())
    trained: list[str] = []
    again = train_and_judge(
        data,
        recipe,
        out,
        progress=lambda name: lambda epoch, epochs, told: trained.append(name),
    )
    assert trained == ["all"], "what an earlier command trained alike is not trained again"
    assert json.dumps(again["runs"]) == json.dumps(figures["runs"])


@pytest.mark.models
@pytest.mark.timeout(600)
def test_the_features_of_a_base_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, examples: Examples
) -> None:
    monkeypatch.setattr("harpi_models.pipeline.QUANTIZED", ("dynamic",))
    monkeypatch.setattr("harpi_models.pipeline.TRAINED_ON", SETS)
    data = Data.read(folder_of_sets(tmp_path, seconds=30))
    recipe = replace(Recipe(), epochs=1, epoch_windows=256, batch=128)
    tiny = to_file(train(examples, recipe), 0.5)
    tiny.write(tmp_path / "tiny.tflite")
    told: list[str] = []
    figures = train_and_judge(
        data,
        recipe,
        tmp_path / "out",
        features=FileBase.read(tmp_path / "tiny.tflite"),
        judged=False,
        tell=told.append,
    )
    before = ModelFile.read(tmp_path / "tiny.tflite")
    after = ModelFile.read(tmp_path / "out" / "generic.tflite")
    windows = np.ascontiguousarray(examples.values[:40, :64])
    np.testing.assert_array_equal(embedder(before)(windows), embedder(after)(windows))
    answers = [embedder(file, "generic")(windows) for file in (before, after)]
    assert np.abs(answers[0] - answers[1]).max() > 0.05
    assert after.metadata.digest == figures["digest"] != before.metadata.digest
    assert after.metadata.data == ("motionsense", "wisdm_watch", "cmu_joints")
    assert "no dynamic: " in told[-1], "the weights of a file are not quantised again"


@pytest.mark.models
@pytest.mark.timeout(600)
def test_a_quantisation_that_harms_the_base_is_left_out_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harpi_models.pipeline.QUANTIZED", ("float16", "dynamic"))
    monkeypatch.setattr(
        "harpi_models.guards.TOLERANCE", {"none": 1e-3, "float16": 2e-2, "dynamic": 0.0}
    )
    monkeypatch.setattr("harpi_models.pipeline.TRAINED_ON", SETS)
    data = Data.read(folder_of_sets(tmp_path, seconds=30))
    recipe = replace(Recipe(), epochs=1, epoch_windows=256, batch=128)
    out, told = tmp_path / "out", []
    out.mkdir()
    (out / "generic_dynamic.tflite").write_bytes(b"of an earlier run")
    train_and_judge(data, recipe, out, judged=False, tell=told.append)
    assert {path.name for path in out.glob("*.tflite")} == {
        "generic.tflite",
        "generic_float16.tflite",
    }
    assert "no dynamic: guard: bottleneck differs" in told[-1]


@pytest.mark.models
@pytest.mark.timeout(600)
def test_virtual_walkers_are_learnt_as_walking(examples: Examples, tmp_path: Path) -> None:
    """Nobody in the examples walks as these do."""
    write_capture(tmp_path)
    walkers = VirtualWalkers(read_clips(tmp_path), 80)
    strangers = walkers.draw(60, np.random.default_rng(9))[:, :64]
    # Small batches: the running means of the normalisation need some hundred steps.
    recipe = replace(
        Recipe(), epochs=6, epoch_windows=1024, batch=16, widths=(8, 8), strides=(2, 2)
    )
    recipe = replace(recipe, expansion=0)
    mixed = replace(recipe, mixture=replace(recipe.mixture, virtual=1.0, virtual_weight=1.0))
    base = train(examples, mixed, walkers=walkers)
    answers = base.probabilities(base.features(strangers)).argmax(axis=1)
    assert np.mean(answers == CORE.index("walking")) > 0.8


@pytest.mark.models
def test_sets_can_be_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from harpi_models import pipeline

    monkeypatch.setattr(pipeline, "TRAINED_ON", SETS)
    folder = folder_of_sets(tmp_path)
    (folder / "cmu_joints.npz").unlink()
    with pytest.raises(DataRefused, match="motion capture is missing"):
        Data.read(folder)
    data = Data.read(folder, ["cmu_joints", "wisdm_watch"])
    assert data.names == ["motionsense"]
    assert data.walkers is None
    for without, told in (
        (["nobody"], "no data set 'nobody'"),
        (["motionsense", "wisdm_watch"], "no data set is left"),
    ):
        with pytest.raises(DataRefused, match=told):
            Data.read(folder, without)


@pytest.mark.models
def test_the_search_has_names_and_reasons() -> None:
    assert len({entry.name for entry in SEARCH}) == len(SEARCH)
    assert len({(repr(entry.recipe), entry.without) for entry in SEARCH}) == len(SEARCH)
    assert all(entry.why for entry in SEARCH)
