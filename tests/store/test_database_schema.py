from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from harpi.errors import StoreError
from harpi.store import database
from harpi.store.store import Store
from tests.support.takes import ROOMY, signal, take_of

FIXTURES = Path(__file__).parents[1] / "data"


@pytest.fixture
def version_1(tmp_path: Path) -> Path:
    """A store as the first version of the tables had it: two takes, and a deleted one."""
    return Path(shutil.copy(FIXTURES / "takes_v1.db", tmp_path / "takes.db"))


def version_in(path: Path) -> int:
    connection = sqlite3.connect(path)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.close()
    return int(version)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_store_of_version_1_still_opens_with_all_it_holds(
    version_1: Path, read_only: bool
) -> None:
    with Store(version_1, ROOMY, read_only=read_only) as store:
        assert [(t.label, t.split, t.flags) for t in store.takes()] == [
            ("walking", "train", ()),
            ("sitting", "test", ("too_short",)),
        ]
        assert [t.label for t in store.takes(deleted=True)] == ["running"]
        for take in store.takes(deleted=None):
            assert not take.trimmed
            (run,) = store.samples(take.id)
            np.testing.assert_array_equal(run.values, signal(2.0, seed=take.id).values)
        assert store.damage() == []
    assert version_in(version_1) == database.VERSION


def test_a_migrated_store_works_like_a_new_one(version_1: Path) -> None:
    with Store(version_1, ROOMY) as store:
        undone = store.undo()
        assert undone is not None
        assert (undone.kind, undone.takes) == ("delete", (3,))
        store.trim(1, keep_to=1.0)
        assert store.add(take_of(), [signal()]).id == 4


def tables(path: Path) -> set[tuple[str, str]]:
    connection = sqlite3.connect(path)
    found = {
        (name, column[1])
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for column in connection.execute("SELECT * FROM pragma_table_info(?)", (name,))
    } | set(connection.execute("SELECT type, name FROM sqlite_master WHERE type <> 'table'"))
    connection.close()
    return found


def test_a_migrated_store_has_the_tables_of_a_new_one(version_1: Path, tmp_path: Path) -> None:
    Store(version_1, ROOMY).close()
    Store(tmp_path / "new.db", ROOMY).close()
    assert tables(version_1) == tables(tmp_path / "new.db")


def test_a_migration_that_fails_leaves_the_store_as_it_was(
    version_1: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = (*database.MIGRATIONS, ("CREATE TABLE more (x)", "INSERT INTO nowhere VALUES (1)"))
    monkeypatch.setattr(database, "MIGRATIONS", broken)
    monkeypatch.setattr("harpi.store.database.VERSION", len(broken))
    with pytest.raises(StoreError, match="nowhere"):
        Store(version_1, ROOMY)
    monkeypatch.undo()
    assert version_in(version_1) == 1
    with Store(version_1, ROOMY) as store:
        assert len(store.takes()) == 2


@pytest.mark.parametrize("read_only", [False, True])
def test_a_store_of_a_newer_harpi_is_left_alone(store: Store, read_only: bool) -> None:
    path = store.path
    store.add(take_of(), [signal()])
    store.close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {database.VERSION + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"version 3.*Upgrade harpi"):
        Store(path, ROOMY, read_only=read_only)
    assert path.read_bytes() == before


@pytest.mark.parametrize("read_only", [False, True])
def test_another_applications_database_is_left_alone(tmp_path: Path, read_only: bool) -> None:
    path = tmp_path / "photos.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE photo (x)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="not a store of takes"):
        Store(path, ROOMY, read_only=read_only)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["photos.db"]
