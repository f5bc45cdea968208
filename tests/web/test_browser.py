"""The page in a real browser: a stranger teaches the device, and it comes right."""

from __future__ import annotations

from pathlib import Path

import pytest

from harpi.types import Verdict
from tests.support.browser import Tab
from tests.web.scenario import LABELS, worn

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def personal(tab: Tab) -> str:
    return tab.text(".panel[data-model=personal] .answer")


def test_pressing_record_and_train_lets_the_personal_panel_come_right(
    tab: Tab, tmp_path: Path
) -> None:
    with worn(tmp_path, speed=2.0) as device:
        verdicts: list[Verdict] = []
        device.daemon.stream.subscribe(Verdict, verdicts.append)
        tab.open(device.url)
        tab.wait_for_text(".panel[data-model=generic] .note", "%")
        assert personal(tab) == "not taught yet"

        tab.click("nav a[href='#capture']")
        for label in LABELS:
            device.is_taught(tab, label)
        assert tab.text("#classes button:first-child .need") == "✓ enough"
        assert len(device.daemon.session.situation.labels) == len(LABELS)
        tab.click("#train")
        tab.wait_for("!document.querySelector('#outcome').hidden", "training is over")
        assert "labels is in use" in tab.text("#outcome-text")

        tab.click("nav a[href='#inference']")
        for label in ("walking", "lying"):
            device.stage.perform(label, 1)
            tab.wait_for_text(".panel[data-model=personal] .answer", label)
        assert verdicts[-1].predictions["personal"].trained

        tab.click("nav a[href='#takes']")
        tab.wait_for("document.querySelectorAll('.take path').length === 12")

        tab.click("nav a[href='#capture']")
        tab.click("#test")
        for label in ("walking", "lying"):
            device.is_taught(tab, label, occasion=1)
        tab.click("nav a[href='#results']")
        tab.click("#evaluate")
        tab.wait_for_text("#evaluate", "Evaluating")
        tab.wait_for("document.querySelectorAll('.matrix').length === 4", "it is evaluated", 60)
        assert "100%" in tab.text(".summary tbody tr:nth-child(3)")
    tab.wait_for("document.body?.dataset.link === 'connecting'", "it sees that harpi has ended")
    tab.wait_for("document.querySelector('#away').checkVisibility()")
    tab.complaints.clear()  # the connection that was refused
