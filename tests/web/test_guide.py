"""The guided first run in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from harpi.commands import Command, Guide, GuideStep, Record, Train
from tests.support.broker import wait_until
from tests.support.browser import PHONE, Tab
from tests.web.conftest import Served
from tests.web.scenario import worn

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

RECORD = GuideStep(
    step="record", label="rowing", number=2, of=2, seconds=10, message="Do rowing once more."
)


def step_is(served: Served, step: GuideStep | None, **more: object) -> None:
    served.room.become(guide=step, **more)
    served.room.happens("notice", message="Something.")


def sends(served: Served, command: Command) -> None:
    wait_until(lambda: command in served.room.commands, f"it sends {command}")


@pytest.mark.parametrize(
    ("size", "dark"), [(PHONE, True), ((360, 640), False), ((1440, 900), False)]
)
def test_it_is_begun_followed_and_ended_by_keyboard(
    served: Served, tab: Tab, size: tuple[int, int], dark: bool
) -> None:
    tab.be(size, dark=dark)
    tab.open(f"{served.origin}/#capture")
    tab.wait_for("document.body?.dataset.link === 'live'")
    tab.run("document.querySelector('#guide-ask summary').focus()")
    tab.press("Enter", 13, "\r")
    tab.run("document.querySelector('#guide-labels').focus()")
    tab.run("document.querySelector('#guide-labels').select()")
    tab.type("rowing, sitting")
    tab.press("Enter", 13, "\r")
    sends(served, Guide(labels=("rowing", "sitting")))

    step_is(served, RECORD)
    tab.wait_for_text("#guide-text", "Do rowing once more. (2 of 2)")
    assert not tab.run("document.documentElement.scrollWidth > innerWidth")
    tab.run("document.querySelector('#guide-go').focus()")
    tab.press("Enter", 13, "\r")
    tab.wait_for_text("#guide-text", "rowing in 3")
    tab.wait_for_text("#guide-text", "rowing in 1")
    tab.wait_for_text("#guide-text", "Do rowing")
    sends(served, Record(label="rowing", seconds=10, new=True))

    step_is(served, GuideStep(step="train", message="Train now."), state="idle", label=None)
    tab.wait_for_text("#guide-go", "Train")
    tab.click("#guide-go")
    tab.wait_for_text("#guide-text", "Train now.")
    sends(served, Train())

    step_is(served, GuideStep(step="done", message="Right 97% of the time."))
    tab.wait_for_text("#guide-text", "Right 97%")
    assert tab.run("document.querySelector('#guide-go').hidden")
    tab.click("#guide-end")
    tab.wait_for("document.activeElement.id === 'capture-title'")
    sends(served, Guide())
    step_is(served, None)
    tab.wait_for("document.querySelector('#guide-step').hidden")


def test_from_nothing_to_a_verdict_on_the_emulated_arm(tab: Tab, tmp_path: Path) -> None:
    with worn(tmp_path, speed=2.0) as device:
        tab.open(f"{device.url}#capture")
        tab.wait_for_text("#guide-ask", "Guide me")
        assert device.daemon.session.command(Guide(labels=("walking", "lying")), "test").ok
        for label in 2 * ("walking", "lying"):
            tab.wait_for_text("#guide-text", f"Do {label}")
            device.stage.perform(label, 0)
            tab.click("#guide-go")
            tab.wait_for(
                "document.body.dataset.state === 'recording'", "it records", seconds=10
            )
            tab.wait_for("document.body.dataset.state === 'idle'", "the take ends", seconds=30)
        tab.wait_for_text("#guide-go", "Train")
        tab.click("#guide-go")
        tab.wait_for_text("#guide-text", "Test: Do walking")
