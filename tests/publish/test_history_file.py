"""The file of what waits: damaged, of another version, and no larger than it need be."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from harpi.publish.history_file import WAL_LIMIT, HistoryFile
from harpi.publish.messages import Gap
from tests.data.make_history_v1 import STREAM, WAITING
from tests.support.histories import add, each, heard, history, send

DATA = Path(__file__).resolve().parents[1] / "data"


def test_a_file_that_is_damaged_is_set_aside_and_a_new_numbering_begins(
    tmp_path: Path,
) -> None:
    one = history(tmp_path / "h")
    add(one, 3)
    one.close()
    (tmp_path / "h").write_bytes(b"no database at all" * 100)
    two = history(tmp_path / "h")
    add(two, 1)
    assert two.stream != one.stream
    assert heard(send(two)) == each(0)
    two.close()
    assert (tmp_path / "h.damaged").exists()


def harm(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    ("statement", "lost"),
    [
        ("UPDATE entry SET payload = x'7b7d' WHERE number = 0", (0, 0)),
        ("UPDATE entry SET payload = x'7b7d' WHERE number BETWEEN 2 AND 3", (2, 3)),
        ("UPDATE entry SET first = 1 WHERE number = 3", (3, 3)),
        ("UPDATE entry SET number = 1027 WHERE number = 3", (3, 3)),
        ("UPDATE entry SET number = 1029 WHERE number = 5", (5, 5)),
        ("UPDATE entry SET checksum = 1 WHERE number = 5", (5, 5)),
        ("UPDATE entry SET checksum = 1", (0, 5)),
        ("DELETE FROM entry WHERE number = 4", (4, 4)),
    ],
)
def test_a_message_that_the_disk_has_changed_is_announced_as_missing(
    tmp_path: Path, statement: str, lost: tuple[int, int]
) -> None:
    path = tmp_path / "history"
    before = history(path)
    add(before, 6)
    before.close()
    harm(path, statement)
    for _ in range(2):  # what is said is the same after another restart
        after = history(path)
        entries = list(after._waiting)
        after.close()
        missing = range(lost[0], lost[1] + 1)
        sound = each(*(number for number in range(6) if number not in missing))
        assert heard(entries) == sorted([*sound, lost])
        payload = entries[heard(entries).index(lost)].payload
        assert msgspec.json.decode(payload, type=Gap) == Gap(
            stream=after.stream, sequence=lost[1], first=lost[0], reason="damaged"
        )


@pytest.mark.parametrize(
    "change", ["reserved = 2", "known = 2", "stream = 'x'", "stream = CAST(x'e3' AS TEXT)"]
)
def test_a_numbering_that_the_disk_has_changed_ends(tmp_path: Path, change: str) -> None:
    path = tmp_path / "history"
    before = history(path)
    add(before, 6)
    stream = before.stream
    before.close()
    harm(path, f"UPDATE numbering SET {change}")
    after = history(path)
    assert after.stream != stream
    assert path.with_name(path.name + ".damaged").exists()
    after.close()


def test_a_name_of_version_1_that_is_no_text_ends(tmp_path: Path) -> None:
    path = Path(shutil.copy(DATA / "history_v1.sqlite3", tmp_path))
    harm(path, "UPDATE numbering SET stream = CAST(x'e3' AS TEXT)")
    one = history(path)
    assert one.stream not in (STREAM, "")
    assert path.with_name(path.name + ".damaged").exists()
    one.close()


def test_a_file_that_is_up_to_date_is_not_written_to_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "history"
    HistoryFile(path).close()
    before = path.read_bytes()
    file = HistoryFile(path)
    assert not path.with_name("history-wal").stat().st_size
    file.close()
    assert path.read_bytes() == before


def test_what_version_1_wrote_goes_out_and_numbers_go_on(tmp_path: Path) -> None:
    path = Path(shutil.copy(DATA / "history_v1.sqlite3", tmp_path))
    for _ in range(2):
        one = history(path)
        assert heard(list(one._waiting)) == each(*WAITING)
        one.close()
    one = history(path)
    add(one, 1)
    assert heard(send(one)) == each(*WAITING, 9)
    assert one.stream == STREAM
    one.close()


def test_what_was_written_and_sent_long_ago_takes_no_room(tmp_path: Path) -> None:
    one = history(tmp_path / "history")
    for _ in range(500):
        add(one, 1, 1000)
        one.write(force=True)
        send(one)
        one.write()
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 1.5 * WAL_LIMIT
    one.close()


def test_a_file_of_a_newer_harpi_is_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "h")) as file:
        file.execute("PRAGMA user_version = 99")
    before = (tmp_path / "h").read_bytes()
    one = history(tmp_path / "h")
    add(one, 1)
    one.close()
    assert (tmp_path / "h").read_bytes() == before
