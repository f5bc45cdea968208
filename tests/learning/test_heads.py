from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harpi.errors import HeadMismatch, ModelError, StoreError, StoreFull
from harpi.learning import heads as heads_module
from harpi.learning.heads import INDEX, HeadRegistry
from harpi.recognition.head import Head
from tests.support.models import tiny_base, tiny_head, tiny_mlp


@pytest.fixture
def shelf(tmp_path: Path) -> HeadRegistry:
    return HeadRegistry(tmp_path / "heads", keep=4)


def named(first: str) -> Head:
    """The tiny head with another first label, to tell heads apart."""
    return replace(tiny_head(), labels=(first, "fast"))


def first_label(shelf: HeadRegistry) -> str | None:
    head = shelf.load(tiny_base()).head
    return head.labels[0] if head else None


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def test_an_empty_shelf_has_nothing_to_load(shelf: HeadRegistry) -> None:
    loaded = shelf.load(tiny_base())

    assert (loaded.head, loaded.number, loaded.notice) == (None, None, "")
    assert shelf.numbers == []
    assert shelf.entries(tiny_base()) == []


def test_a_head_that_is_added_is_in_use_after_a_restart(shelf: HeadRegistry) -> None:
    shelf.add(named("first"))
    number = shelf.add(named("second"))

    loaded = HeadRegistry(shelf.path(1).parent).load(tiny_base())

    assert loaded.number == number == 2
    assert loaded.head is not None
    assert loaded.head.labels == ("second", "fast")


def test_a_head_can_be_kept_without_being_used(shelf: HeadRegistry) -> None:
    shelf.add(named("first"))
    shelf.add(named("worse"), use=False)

    assert first_label(shelf) == "first"
    assert shelf.numbers == [1, 2]


def test_going_back_and_forth(shelf: HeadRegistry) -> None:
    for name in ("first", "second", "third"):
        shelf.add(named(name))

    shelf.use(1, tiny_base())
    assert first_label(shelf) == "first"
    shelf.use(shelf.before(), tiny_base())
    assert first_label(shelf) == "third"


def test_without_a_head_before_one_cannot_go_back(shelf: HeadRegistry) -> None:
    shelf.add(named("first"))

    with pytest.raises(ModelError, match="no head was in use before"):
        shelf.before()


def test_a_shelf_put_away_gives_no_head_but_keeps_them(shelf: HeadRegistry) -> None:
    shelf.add(named("first"))

    shelf.put_away()

    assert first_label(shelf) is None
    assert shelf.before() == 1
    shelf.use(1, tiny_base())
    assert first_label(shelf) == "first"


def test_putting_away_nothing_leaves_no_trace(shelf: HeadRegistry) -> None:
    shelf.put_away()

    assert not shelf.path(1).parent.exists()


def test_the_oldest_heads_go_but_never_the_one_in_use(shelf: HeadRegistry) -> None:
    shelf.add(named("kept"))
    for _ in range(6):
        shelf.add(named("other"), use=False)

    assert shelf.numbers == [1, 5, 6, 7]
    assert first_label(shelf) == "kept"


def test_a_number_is_never_given_twice(shelf: HeadRegistry) -> None:
    shelf.add(named("first"))
    shelf.add(named("second"), use=False)
    shelf.delete(2)

    assert shelf.add(named("third")) == 3


def test_the_head_in_use_is_not_deleted(shelf: HeadRegistry) -> None:
    shelf.add(named("first"))

    with pytest.raises(ModelError, match="head 1 is in use"):
        shelf.delete(1)
    with pytest.raises(ModelError, match="there is no head 9"):
        shelf.delete(9)
    assert shelf.numbers == [1]


def test_a_head_of_another_base_is_not_used(shelf: HeadRegistry) -> None:
    shelf.add(tiny_head())
    shelf.add(named("second"), use=False)

    with pytest.raises(HeadMismatch, match="was made for tiny base"):
        shelf.use(2, tiny_mlp())
    with pytest.raises(ModelError, match="there is no head 7"):
        shelf.use(7, tiny_base())
    assert first_label(shelf) == "still"


def test_a_damaged_head_is_replaced_by_the_newest_good_one_and_left_as_it_is(
    shelf: HeadRegistry,
) -> None:
    for name in ("first", "second", "third"):
        shelf.add(named(name))
    damage(shelf.path(3))
    before = {path: path.read_bytes() for path in shelf.path(1).parent.iterdir()}

    loaded = shelf.load(tiny_base())

    assert loaded.number == 2
    assert "head-3.safetensors" in loaded.notice
    assert loaded.notice.endswith("Head 2 is used in its place.")
    assert {path: path.read_bytes() for path in shelf.path(1).parent.iterdir()} == before


def test_where_no_head_is_good_there_is_none(shelf: HeadRegistry) -> None:
    shelf.add(named("first"))

    shelf.path(1).unlink()
    missing = shelf.load(tiny_base())
    mismatch = HeadRegistry(shelf.path(1).parent)
    mismatch.add(tiny_head())

    assert missing.head is None
    assert missing.notice.endswith("train again, the takes are kept.")
    assert mismatch.load(tiny_mlp()).head is None


@pytest.mark.parametrize("content", [b"", b"{", b'{"current": "1"}', b'{"format": 2}'])
def test_a_damaged_index_is_said_and_the_newest_head_used(
    shelf: HeadRegistry, content: bytes
) -> None:
    shelf.add(named("first"))
    shelf.add(named("second"), use=False)
    index = shelf.path(1).with_name(INDEX)
    index.write_bytes(content)

    loaded = shelf.load(tiny_base())

    assert loaded.number == 2
    assert INDEX in loaded.notice
    assert [entry.current for entry in shelf.entries(tiny_base())] == [False, False]
    shelf.use(1, tiny_base())
    assert first_label(shelf) == "first"
    assert shelf.add(named("third")) == 3


def test_the_list_says_of_each_head_what_is_wrong_with_it(shelf: HeadRegistry) -> None:
    for name in ("first", "second", "third"):
        shelf.add(named(name))
    damage(shelf.path(2))

    third, second, first = shelf.entries(tiny_base())

    assert (third.number, third.current, third.problem) == (3, True, "")
    assert second.head is None
    assert "damaged" in second.problem
    assert first.head is not None
    assert all(
        "made for tiny base" in e.problem or e.head is None for e in shelf.entries(tiny_mlp())
    )


@pytest.mark.parametrize("refused", ["head", "index"])
def test_a_full_disk_leaves_the_old_head_in_use(
    shelf: HeadRegistry, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    shelf.add(named("first"))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if refused == "head":
        monkeypatch.setattr(Head, "write", full)
    else:
        monkeypatch.setattr(heads_module, "write_atomically", full)
    with pytest.raises(StoreFull, match="No space left"):
        shelf.add(named("second"))
    monkeypatch.undo()

    assert shelf.numbers == [1]
    assert first_label(shelf) == "first"


def test_a_directory_that_cannot_be_made_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match="cannot be written"):
        HeadRegistry(tmp_path / "file" / "heads").add(tiny_head())


class PowerCut(BaseException):
    """The process is gone."""


def test_wherever_the_power_goes_the_head_is_the_old_or_the_new_one_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    survivors = set()
    for moment in range(20):
        shelf = HeadRegistry(tmp_path / str(moment))
        shelf.add(named("old"))
        left = [moment]
        completed = _cut_power_at(monkeypatch, left, shelf)
        monkeypatch.undo()
        loaded = HeadRegistry(tmp_path / str(moment)).load(tiny_base())
        assert loaded.head is not None
        assert loaded.notice == ""
        survivors.add(loaded.head.labels[0])
        if completed:
            break

    assert completed, "the last moment is after the end"
    assert survivors == {"old", "new"}


def _cut_power_at(
    monkeypatch: pytest.MonkeyPatch, left: list[int], shelf: HeadRegistry
) -> bool:
    """Add a head; the power goes at the n-th call that reaches the disk."""

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if left[0] == 0:
                raise PowerCut
            left[0] -= 1
            return real(*args, **kwargs)

        return call

    for owner, name in ((os, "fsync"), (Path, "replace"), (Path, "unlink")):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))
    try:
        shelf.add(named("new"))
    except PowerCut:
        return False
    return True
