"""The campaign itself: what it counts, what it keeps, and that it sees what it should."""

from __future__ import annotations

import importlib.util
import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from harpi.errors import UsageError
from tests.labs.campaign.__main__ import DOCS, PAGES
from tests.labs.campaign.fuzz import campaign, record
from tests.labs.campaign.fuzz.mutator import mutated
from tests.labs.campaign.fuzz.record import Record, Tally
from tests.labs.campaign.fuzz.smallest import smallest
from tests.labs.campaign.fuzz.target import Feed, Target, opened


def strict(folder: Path) -> Feed:
    """Refuses what has no `a`, and stumbles over `[b]`."""
    del folder

    def feed(content: bytes) -> None:
        if b"a" not in content:
            raise UsageError("there is no a in it")
        content.index(b"b") if b"[" in content and b"]" in content else None

    return feed


TARGET = Target("strict", "letters", strict, lambda: [b"a", b"[ab]"])


def test_a_refusal_is_fine_and_anything_else_is_not(tmp_path: Path) -> None:
    with opened(TARGET, tmp_path) as fed:
        assert fed(b"a")
        assert not fed(b"c")
        with pytest.raises(ValueError, match="subsection not found"):
            fed(b"[a]")


def test_what_hurts_is_made_small() -> None:
    assert (
        smallest(b"some a and [ some b ] more", lambda it: b"[" in it and b"]" in it) == b"[]"
    )
    assert smallest(b"x" * 1000, lambda it: len(it) >= 7) == b"x" * 7


def test_json_stays_json_when_it_is_changed() -> None:
    line = b'arm/state\n{"a": [1, {"b": "c"}], "d": null}\n'
    seen = set()
    for seed in range(200):
        changed = mutated(line, random.Random(seed))
        if changed is not None:
            seen.add(changed)
            json.loads(changed.partition(b"\n")[2])
            assert changed.startswith(b"arm/state\n")
    assert len(seen) > 50
    assert mutated(b"no object", random.Random(1)) is None
    assert mutated(b"[" * 5000 + b"{}", random.Random(1)) is None


def test_tallies_add_up_and_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "FILE", tmp_path / "record.json")
    kept = Record.read()
    assert kept.tallies == {}
    kept.tallies["a"] = Tally(inputs=10, corpus=3, slowest=0.5, memory=100)
    kept.tallies["a"].add(Tally(inputs=5, corpus=4, slowest=0.25, memory=200))
    kept.write()
    assert Record.read().tallies == {"a": Tally(15, 4, 0.5, 200)}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a campaign writes what it finds."""
    for name in ("FOUND", "WORK"):
        monkeypatch.setattr(campaign, name, tmp_path / name.lower())
    monkeypatch.setattr(campaign, "ROOT", tmp_path)
    monkeypatch.setattr(record, "FILE", tmp_path / "record.json")
    return tmp_path / "found"


def test_what_is_found_is_kept_as_small_as_it_can_be(kept: Path, tmp_path: Path) -> None:
    hurting = tmp_path / "crash"
    hurting.write_bytes(b"[an extra thing]")
    said = campaign._keep(TARGET, hurting)
    (found,) = (kept / "strict").iterdir()
    assert found.name in said
    assert sorted(found.read_bytes()) == sorted(b"[a]")


def test_without_the_fuzzer_it_says_what_to_install(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    result = campaign.feed([TARGET], 1, 1000, 1.0, keep=True)
    (failure,) = result.failures
    assert "pip install" in failure
    assert not kept.exists()


def rows(lines: Sequence[Sequence[str]], name: str) -> Sequence[str]:
    return next(line for line in lines if line[0] == name)


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="needs atheris")
def test_a_real_one_feeds_and_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(campaign, "WORK", tmp_path)
    monkeypatch.setattr(record, "FILE", tmp_path / "record.json")
    target = next(target for target in campaign.TARGETS if target.name == "password")
    result = campaign.feed([target], 1, 2000, 1.0, keep=True)
    assert result.failures == []
    assert rows(result.rows, "password")[2] == "2,000"
    assert Record.read().tallies["password"].inputs == 2000


def test_the_page_shows_the_record() -> None:
    text = (DOCS / PAGES["fuzz"]).read_text(encoding="utf-8")
    shown = text.partition("<!-- begin fuzz -->\n")[2].partition("<!-- end fuzz -->")[0]
    assert shown.strip() == campaign.table(Record.read()).markdown().strip()
