from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harpi.errors import ModelError
from harpi.recognition.tensor_file import read_tensors, write_tensors


class Note(msgspec.Struct, forbid_unknown_fields=True):
    text: str


TENSORS = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.array([], np.int64),
    "c": np.asfortranarray(np.arange(8.0).reshape(2, 4)),
}


def write(path: Path, *, kind: str = "note", layout: int = 1, text: str = "hello") -> bytes:
    write_tensors(path, kind, layout, Note(text), TENSORS)
    return path.read_bytes()


def read(path: Path) -> tuple[Note, dict[str, np.ndarray]]:
    return read_tensors(path, "note", 1, Note, remedy="Write it again")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "note"
    write(path)
    header, tensors = read(path)
    assert header == Note("hello")
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert np.array_equal(tensors[name], tensor)
        assert tensors[name].dtype == tensor.dtype


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_file_is_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damage") / "note"
    content = bytearray(write(path))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with pytest.raises(ModelError):
        read(path)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"kind": "poem"}, "holds a poem, not a note"),
        ({"layout": 2}, "layout 2, this harpi reads 1"),
    ],
)
def test_another_kind_or_layout_is_named(
    tmp_path: Path, change: dict[str, object], problem: str
) -> None:
    write(tmp_path / "note", **change)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=problem):
        read(tmp_path / "note")


def test_a_header_with_other_fields_is_refused(tmp_path: Path) -> None:
    class Other(msgspec.Struct):
        words: int

    write_tensors(tmp_path / "note", "note", 1, Other(3), TENSORS)
    with pytest.raises(ModelError, match="header"):
        read(tmp_path / "note")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such file"):
        read(tmp_path / "note")


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "note"
    write(path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(path, text="other")
    assert read(path)[0] == Note("hello")
    assert list(tmp_path.iterdir()) == [path]
