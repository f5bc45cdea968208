"""What is made once is made whole, or not there; and what keeps it from being made is said."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from tests.labs.rigs import cache
from tests.labs.rigs.cache import RigError, cached, home


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def note(folder: Path) -> None:
    (folder / "content").write_text("made")


def never(folder: Path) -> None:
    raise AssertionError(f"{folder} is made twice")


def test_it_is_made_once() -> None:
    folder = cached("thing", ["flour"], note, megabytes=0)
    assert (folder / "content").read_text() == "made"
    assert cached("thing", ["flour"], never, megabytes=0) == folder


def test_other_ingredients_make_another_and_files_count_by_content(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe"
    recipe.write_text("bread")
    bread = cached("thing", ["flour", recipe], note, megabytes=0)
    recipe.write_text("cake")
    assert cached("thing", ["flour", recipe], note, megabytes=0) != bread


def test_what_nobody_asked_for_for_a_day_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    lately = cached("thing", ["flour"], note, megabytes=0)
    cached("thing", ["sugar"], note, megabytes=0)
    assert lately.exists()
    os.utime(lately / ".done", (0, 0))
    cached("thing", ["salt"], note, megabytes=0)
    assert not lately.exists()


def test_what_is_half_made_is_never_used() -> None:
    def fail(folder: Path) -> None:
        note(folder)
        raise RigError("the oven is cold.")

    with pytest.raises(RigError, match=r"^the oven is cold\.$"):
        cached("thing", ["flour"], fail, megabytes=0)
    folder = cached("thing", ["flour"], note, megabytes=0)
    (folder / ".done").unlink()  # as after a cut of the power
    (folder / "content").unlink()
    assert (cached("thing", ["flour"], note, megabytes=0) / "content").exists()


# --- what it lacks ----------------------------------------------------------------------


def test_too_small_a_disk_is_one_sentence() -> None:
    with pytest.raises(RigError) as caught:
        cached("thing", [], never, megabytes=10**12)
    said = str(caught.value)
    assert said.startswith(f"thing needs 1000000000000 MB on the disk of {home()}, which has ")
    assert said.endswith(" MB left: make room, or set XDG_CACHE_HOME to another disk.")


def test_a_disk_that_fills_up_is_one_sentence() -> None:
    def fill(folder: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(RigError) as caught:
        cached("thing", [], fill, megabytes=0)
    assert (
        str(caught.value) == f"thing cannot be kept in {home()}: No space left on device; set "
        "XDG_CACHE_HOME to a folder that can be written."
    )


def test_a_cache_that_cannot_be_written_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    with pytest.raises(
        RigError, match="thing cannot be kept in /dev/null/harpi-rigs: Not a dir"
    ):
        cached("thing", [], never, megabytes=0)


def test_another_who_makes_it_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cache, "PATIENCE", 0.0)
    home().mkdir()
    with (home() / "thing.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RigError, match="another process has been making thing for 0 s"):
            cached("thing", [], never, megabytes=0)
