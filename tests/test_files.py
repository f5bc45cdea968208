from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from harpi.files import make_directory, write_atomically
from harpi.store.store import Store
from tests.support.takes import ROOMY


def test_the_file_holds_the_new_content_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    write_atomically(path, b"new", mode=0o600)

    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_refusing_disk_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    if step == "fsync":
        monkeypatch.setattr(os, "fsync", refuse)
    else:
        monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_every_directory_that_is_made_is_synced_where_its_name_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr("harpi.files.sync_directory", synced.append)
    make_directory(tmp_path / "state" / "heads")
    assert (tmp_path / "state" / "heads").is_dir()
    assert synced == [tmp_path, tmp_path / "state"]
    make_directory(tmp_path / "state" / "heads")
    assert len(synced) == 2


@pytest.mark.parametrize(
    ("above", "folder", "file"), [(0o755, 0o700, 0o600), (0o750, 0o750, 0o640)]
)
def test_state_that_is_made_by_hand_is_for_nobody_else(
    tmp_path: Path, above: int, folder: int, file: int
) -> None:
    place = tmp_path / "above"
    place.mkdir()
    place.chmod(above)
    before = os.umask(0o022)
    try:
        with Store(place / "state" / "takes.db", ROOMY) as store:
            store.new_session()
            made = {one.name: one.stat().st_mode & 0o777 for one in (place / "state").iterdir()}
    finally:
        os.umask(before)
    assert (place / "state").stat().st_mode & 0o777 == folder
    assert made["takes.db"] == made["takes.db-wal"] == file
    assert all(mode & 0o007 == 0 for mode in made.values())
