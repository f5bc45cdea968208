from __future__ import annotations

import multiprocessing
import shutil
import sqlite3
from pathlib import Path

import pytest

from harpi.errors import StoreError, StoreFull
from harpi.store.store import Store
from tests.support.takes import ROOMY, signal, take_of


@pytest.fixture
def filled(store: Store) -> Path:
    """The file of a closed store with ten takes."""
    for seed in range(10):
        store.add(take_of(), [signal(20.0, seed=seed)])
    store.close()
    return store.path


def read_everything(path: Path, *, read_only: bool) -> None:
    with Store(path, ROOMY, read_only=read_only) as store:
        for take in store.takes():
            store.samples(take.id)


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: b"not a database at all" * 100, id="another file"),
        pytest.param(lambda content: b"\xff" * 100 + content[100:], id="header lost"),
        pytest.param(lambda content: content[:5000], id="truncated"),
        pytest.param(
            lambda content: content[:4096] + b"\x55" * (len(content) - 4096), id="pages lost"
        ),
    ],
)
def test_a_damaged_store_is_said_and_not_overwritten(
    filled: Path, damage: object, read_only: bool
) -> None:
    assert callable(damage)
    content = damage(filled.read_bytes())
    filled.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        read_everything(filled, read_only=read_only)
    assert filled.read_bytes() == content


def test_every_lost_page_is_noticed_by_the_check_or_harmless(filled: Path) -> None:
    content = filled.read_bytes()
    for at in range(4096, len(content), 4096 * 7):
        filled.write_bytes(content[:at] + bytes(4096) + content[at + 4096 :])
        try:
            with Store(filled, ROOMY) as store:
                found = store.damage()
                whole = len(store.takes()) == 10 and not found
        except StoreError:
            continue
        assert found or whole


def test_a_store_that_is_not_there_is_not_made_by_looking(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no store of takes.*Record a take first"):
        Store(tmp_path / "takes.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_place_of_the_store_is_said(tmp_path: Path) -> None:
    (tmp_path / "takes.db").mkdir()
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(tmp_path / "takes.db", ROOMY)


def test_a_file_in_the_place_of_the_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder")
    with pytest.raises(StoreError, match="cannot be used"):
        Store(tmp_path / "state" / "takes.db", ROOMY)


def test_a_process_that_keeps_the_store_is_said(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harpi.sqlite.BUSY_SECONDS", 0.05)
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with Store(store.path, read_only=True) as reader:
        assert reader.takes() == []
    with (
        Store(store.path, ROOMY) as impatient,
        pytest.raises(StoreError, match="another process"),
    ):
        impatient.new_session()
    other.execute("ROLLBACK")
    other.close()
    store.add(take_of(), [signal()])


def test_a_full_disk_is_a_full_store(store: Store) -> None:
    ((pages,),) = store._database.rows("PRAGMA page_count")
    store._database.rows(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreFull, match="disk is full"):
        store.add(take_of(), [signal(60.0)])
    store._database.rows("PRAGMA max_page_count = 1000000")
    assert store.takes() == []
    store.add(take_of(), [signal(60.0)])


def _open_and_add(path: Path) -> int:
    with Store(path, ROOMY) as store:
        return store.add(take_of(session=store.new_session()), [signal(0.5)]).id


def test_processes_that_make_the_store_at_the_same_moment_make_one(tmp_path: Path) -> None:
    path = tmp_path / "state" / "takes.db"
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        numbers = pool.map(_open_and_add, [path] * 12, chunksize=1)
    assert sorted(numbers) == list(range(1, 13))
    with Store(path, read_only=True) as reader:
        assert len(reader.takes()) == 12


def test_a_copy_of_the_file_alone_has_every_kept_take(tmp_path: Path) -> None:
    with Store(tmp_path / "takes.db", ROOMY) as store:
        store.new_session()
        writer = store.begin(take_of())
        writer.append(signal(3.0))
        writer.finish()
        store.add(take_of("sitting"), [signal()])
        with store.stage() as staging:
            staging.add(take_of("running"), [signal(seed=2)])
            store.keep_staged(staging.written())
        shutil.copy(tmp_path / "takes.db", tmp_path / "copy.db")
    with Store(tmp_path / "copy.db", read_only=True) as copy:
        assert [take.label for take in copy.takes()] == ["walking", "sitting", "running"]
        assert copy.damage() == []
