"""Small files of JSON: whole, of a known version, and the old one until the new one stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import Struct

from harpi.errors import CalibrationError
from harpi.files import read_document, write_document


class Note(Struct, frozen=True, forbid_unknown_fields=True):
    text: str
    format: int = 2


def read(path: Path) -> Note | None:
    return read_document(path, Note, 2, again="Write it again")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "note.json"
    assert read(path) is None
    write_document(path, Note("one"))
    write_document(path, Note("two"))
    assert read(path) == Note("two")
    assert b'\n  "text": "two"' in path.read_bytes()
    assert [file.name for file in path.parent.iterdir()] == ["note.json"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "damaged"),
        (b"{", "damaged"),
        (b"\xff\xfe", "damaged"),
        (b'{"text": 1, "format": 2}', "damaged"),
        (b'{"text": "x", "format": 2, "more": 1}', "damaged"),
        (b'{"text": "x"}', "damaged"),
        (b'{"words": "x", "format": 3}', "of format 3, this version of harpi knows 2"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "note.json"
    path.write_bytes(content)
    with pytest.raises(CalibrationError, match=problem) as caught:
        read(path)
    assert caught.value.where == str(path)
    assert caught.value.remedy == "Write it again"
    assert path.read_bytes() == content


def test_a_folder_in_its_place_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="cannot be read"):
        read(tmp_path)


def test_where_it_cannot_be_written_the_old_one_stands(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    write_document(path, Note("old"))
    with pytest.raises(CalibrationError, match="cannot be written"):
        write_document(path / "below", Note("new"))
    assert read(path) == Note("old")
