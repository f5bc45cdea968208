from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from harpi.errors import StoreError, UsageError
from harpi.recording import Recording
from harpi.store.export import COLUMNS, export
from harpi.store.store import Store
from harpi.types import Samples
from tests.support.takes import signal, take_of


@pytest.fixture
def filled(store: Store) -> Store:
    """Three takes: a trimmed one, one with a gap in the test split, and one with a note."""
    store.add(take_of("walking"), [signal(4.0, seed=1)])
    store.trim(1, 1.0, 3.0)
    gap = [signal(1.0, seed=2), signal(1.0, seed=3, begin=1004.0, gap=True)]
    store.add(take_of("sitting", split="test", position="left_wrist"), gap)
    store.add(
        take_of("going up/down", note='with "quotes", and a comma', device="pi"), [signal()]
    )
    return store


@pytest.mark.parametrize("kind", ["npz", "csv"])
def test_a_folder_holds_a_file_for_each_take_an_index_and_a_readme(
    filled: Store, tmp_path: Path, kind: str
) -> None:
    export(filled, filled.takes(), tmp_path / "out", kind=kind)  # type: ignore[arg-type]
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [
        "README.txt",
        f"take_00001_walking.{kind}",
        f"take_00002_sitting.{kind}",
        f"take_00003_going_up_down.{kind}",
        "takes.csv",
    ]
    lines = list(csv.DictReader((tmp_path / "out" / "takes.csv").open(newline="")))
    assert [line["label"] for line in lines] == ["walking", "sitting", "going up/down"]
    assert lines[0]["used_to_s"] == "3.0"
    assert lines[1]["runs_s"] == "0.000000 0.980000;4.000000 4.980000"
    assert lines[2]["note"] == 'with "quotes", and a comma'


@pytest.mark.parametrize("kind", ["npz", "csv"])
def test_what_is_exported_is_a_recording_that_the_emulator_can_play(
    filled: Store, tmp_path: Path, kind: str
) -> None:
    export(filled, filled.takes(), tmp_path / "out", kind=kind)  # type: ignore[arg-type]
    walking = Recording.read(tmp_path / "out" / f"take_00001_walking.{kind}")
    assert walking.rate == 50.0
    np.testing.assert_array_equal(walking.values, signal(4.0, seed=1).values)
    names = [walking.labels[i] if i >= 0 else None for i in walking.label]
    assert names == [None] * 50 + ["walking"] * 100 + [None] * 50
    sitting = Recording.read(tmp_path / "out" / f"take_00002_sitting.{kind}")
    assert np.flatnonzero(np.diff(sitting.segment)).tolist() == [49]


def test_the_readme_explains_every_column_and_array(filled: Store, tmp_path: Path) -> None:
    for kind in ("npz", "csv"):
        export(filled, filled.takes(), tmp_path / kind, kind=kind)
        readme = (tmp_path / kind / "README.txt").read_text()
        assert "{" not in readme
        assert all(f"\n{column} " in readme for column in COLUMNS)
        assert "3 takes, 11 seconds" in readme
        assert "deg/s" in readme
    with np.load(tmp_path / "npz" / "take_00001_walking.npz") as arrays:
        readme = (tmp_path / "npz" / "README.txt").read_text()
        assert all(name in readme for name in arrays.files)
        meta = json.loads(str(arrays["meta"]))
    assert meta["take"]["sha256"] == filled.take(1).digest
    header = (tmp_path / "csv" / "take_00001_walking.csv").read_text().splitlines()[0]
    readme = (tmp_path / "csv" / "README.txt").read_text()
    assert all(column in readme for column in header.split(","))


def test_an_archive_holds_the_same_in_a_folder_of_its_name(
    filled: Store, tmp_path: Path
) -> None:
    export(filled, filled.takes(), tmp_path / "day.zip")
    with zipfile.ZipFile(tmp_path / "day.zip") as archive:
        assert archive.testzip() is None
        names = archive.namelist()
    assert "day/README.txt" in names
    assert "day/take_00001_walking.npz" in names
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_takes_of_one_split_go_into_one_recording(filled: Store, tmp_path: Path) -> None:
    export(filled, filled.takes(split="train"), tmp_path / "day.npz")
    day = Recording.read(tmp_path / "day.npz")
    assert set(day.labels) == {"walking", "going up/down"}
    assert len(day) == 300
    with pytest.raises(UsageError, match="train and test"):
        export(filled, filled.takes(), tmp_path / "mixed.npz")
    assert not (tmp_path / "mixed.npz").exists()


def test_nothing_is_overwritten(filled: Store, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out.zip").write_text("mine")
    for name in ("out", "out.zip"):
        with pytest.raises(UsageError, match="something already"):
            export(filled, filled.takes(), tmp_path / name)
    assert (tmp_path / "out.zip").read_text() == "mine"
    assert list((tmp_path / "out").iterdir()) == []


def test_an_export_that_fails_leaves_nothing_behind(
    filled: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "here" / "out"
    with pytest.raises(StoreError, match="cannot be written"):
        export(filled, filled.takes(), target)
    target.parent.mkdir()

    def fail(self: Recording, path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Recording, "write", fail)
    for name in ("out", "out.zip"):
        with pytest.raises(StoreError, match="No space left"):
            export(filled, filled.takes(), target.parent / name)
    assert list(target.parent.iterdir()) == []


def test_progress_goes_from_nothing_to_all(filled: Store, tmp_path: Path) -> None:
    shares: list[float] = []
    export(filled, filled.takes(), tmp_path / "out", on_progress=shares.append)
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert shares[-1] == 1.0


def test_a_single_sample_is_left_out(store: Store, tmp_path: Path) -> None:
    one = signal()
    store.add(take_of(), [Samples(one.values[:1], one.times[:1])])
    with pytest.raises(UsageError, match="no takes"):
        export(store, store.takes(), tmp_path / "out")
    store.add(take_of(), [signal()])
    export(store, store.takes(), tmp_path / "out")
    assert len(list((tmp_path / "out").glob("*.npz"))) == 1
