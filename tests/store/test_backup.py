"""A backup brings back all that was learnt, and neither way loses anything."""

from __future__ import annotations

import io
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from harpi.errors import AlreadyRunning, StoreError, UsageError
from harpi.store.backup import back_up, bring_back
from harpi.store.claim import StateClaim
from harpi.store.store import Store
from tests.support.takes import ROOMY, signal, take_of

ALSO = ("heads", "calibration.json")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder with a take, a head and a calibration."""
    folder = tmp_path / "state"
    with Store(folder / "takes.db", ROOMY) as store:
        store.new_session()
        store.add(take_of(), [signal()])
    (folder / "heads").mkdir()
    (folder / "heads" / "1.head").write_bytes(b"weights")
    (folder / "calibration.json").write_text("{}")
    return folder


@pytest.fixture
def saved(state: Path) -> io.BytesIO:
    file = io.BytesIO()
    back_up(state, file, ALSO)
    return file


def labels(state: Path) -> list[str]:
    with Store(state / "takes.db", read_only=True) as store:
        assert store.damage() == []
        return [take.label for take in store.takes()]


def test_everything_comes_back(saved: io.BytesIO, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    assert bring_back(saved, fresh, ALSO) is None
    assert labels(fresh) == ["walking"]
    assert (fresh / "heads" / "1.head").read_bytes() == b"weights"
    assert (fresh / "calibration.json").read_text() == "{}"


def test_a_backup_is_made_while_a_take_is_recorded(state: Path, tmp_path: Path) -> None:
    file = io.BytesIO()
    with StateClaim(state), Store(state / "takes.db", ROOMY) as store:
        writer = store.begin(take_of("running"))
        writer.append(signal(3.0))
        back_up(state, file, ALSO)
        writer.finish()
    bring_back(file, tmp_path / "fresh", ALSO)
    with Store(tmp_path / "fresh" / "takes.db", ROOMY) as fresh:
        assert [(take.label, take.flags) for take in fresh.takes()] == [
            ("walking", ()),
            ("running", ("interrupted",)),
        ]


def test_what_is_there_is_neither_overwritten_nor_deleted(
    state: Path, saved: io.BytesIO
) -> None:
    with Store(state / "takes.db", ROOMY) as store:
        store.add(take_of("sitting"), [signal(seed=1)])
    with pytest.raises(UsageError, match="there is something already"):
        bring_back(saved, state, ALSO)
    assert labels(state) == ["walking", "sitting"]

    aside = bring_back(saved, state, ALSO, replace=True)
    assert labels(state) == ["walking"]
    assert aside is not None
    assert labels(aside) == ["walking", "sitting"]
    assert (aside / "heads" / "1.head").exists()


def test_another_database_comes_with_what_is_in_its_log(state: Path, tmp_path: Path) -> None:
    file, also = io.BytesIO(), ("diary.db",)
    with closing(sqlite3.connect(state / "diary.db", isolation_level=None)) as diary:
        diary.execute("PRAGMA journal_mode = WAL").fetchall()
        diary.execute("CREATE TABLE bout (label TEXT)")
        diary.execute("INSERT INTO bout VALUES ('walking')")
        back_up(state, file, also)
    bring_back(file, tmp_path / "fresh", also)
    with closing(sqlite3.connect(tmp_path / "fresh" / "diary.db")) as diary:
        assert diary.execute("SELECT label FROM bout").fetchall() == [("walking",)]


def test_a_running_daemon_keeps_its_state(state: Path, saved: io.BytesIO) -> None:
    with StateClaim(state), pytest.raises(AlreadyRunning):
        bring_back(saved, state, ALSO, replace=True)


def test_what_is_no_backup_changes_nothing(state: Path, saved: io.BytesIO) -> None:
    content = saved.getvalue()
    place = content.index(b"takes.db") + 400
    for bad in (
        b"no archive",
        content[: len(content) // 2],
        content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :],
        _archive({"takes.db": b"no takes"}),
        _archive(
            {"backup.json": b'{"format": 99, "harpi": "9.0", "made": "2026-01-01T00:00:00Z"}'}
        ),
        _archive({"backup.json": MANIFEST, "takes.db": b"SQLite format 3"}),
    ):
        with pytest.raises(StoreError):
            bring_back(io.BytesIO(bad), state, ALSO, replace=True)
        assert labels(state) == ["walking"]
        assert [path.name for path in state.iterdir() if "restore" in path.name] == []


def test_nothing_but_what_belongs_to_a_backup_is_unpacked(tmp_path: Path) -> None:
    file = _archive(
        {
            "backup.json": MANIFEST,
            "../outside": b"x",
            "heads/../../outside": b"x",
            "/heads/absolute": b"x",
            "other.txt": b"x",
            "heads/1.head": b"weights",
        }
    )
    bring_back(io.BytesIO(file), tmp_path / "state", ALSO)
    found = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert found == ["1.head", "state.lock"]


MANIFEST = b'{"format": 1, "harpi": "0.1.0", "made": "2026-01-01T00:00:00Z"}'


def _archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()
