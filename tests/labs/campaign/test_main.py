"""`python -m tests.labs.campaign`: its arguments, and the pages that it writes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.labs.campaign.__main__ import DOCS, PAGES, main, write


@pytest.mark.parametrize("name", PAGES)
def test_every_campaign_has_a_place_in_its_page(name: str, tmp_path: Path) -> None:
    page = tmp_path / PAGES[name]
    before = (DOCS / PAGES[name]).read_text(encoding="utf-8")
    page.write_text(before, encoding="utf-8")
    write(page, name, "### A table\n")
    once = page.read_text(encoding="utf-8")
    assert once.count("### A table") == 1
    write(page, name, "### Another\n")
    again = page.read_text(encoding="utf-8")
    assert again == once.replace("### A table", "### Another")
    assert again.splitlines()[0] == before.splitlines()[0]


def test_a_page_without_a_place_is_said_and_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing")
    with pytest.raises(ValueError, match="no place for soak"):
        write(page, "soak", "### A table\n")
    assert page.read_text() == "nothing"


def test_a_campaign_that_is_not_there_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["campaign", "floods"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    assert "no campaign floods; there are faults, power, soak, fuzz" in capsys.readouterr().err
