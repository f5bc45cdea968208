"""In a real browser: by keyboard, by screen reader, on every screen, by day and by night."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files

import pytest

from harpi.commands import LabelCount, Progress, Record, Stop
from harpi.store.store import Store
from tests.support.broker import wait_until
from tests.support.browser import DESKTOP, PHONE, Tab
from tests.support.models import tiny_head
from tests.support.takes import signal, take_of
from tests.support.verdicts import verdict
from tests.web.conftest import Served

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

AXE = (files("axe_core_python") / "axe.min.js").read_text("utf-8")
"""Rules of accessibility, https://github.com/dequelabs/axe-core."""

VIEWS = ("inference", "capture", "day", "takes", "results", "health")


def test_it_can_be_used_with_the_keyboard_alone(tab: Tab, served: Served) -> None:
    served.room.become(labels=(LabelCount(label="walking", needed=5),))
    tab.open(served.origin)
    tab.wait_for("document.body?.dataset.link === 'live'")
    reached = []
    for _ in range(12):
        tab.press("Tab", 9)
        reached.append(tab.run("document.activeElement.innerText.split('\\n')[0]"))
        if reached[-1] == "Capture":
            break
    assert reached == ["Skip to the answers", "Inference", "Capture"]
    tab.press("Enter", 13, "\r")
    tab.wait_for("document.body?.dataset.view === 'capture'")
    for _ in range(8):
        tab.press("Tab", 9)
        if tab.run("document.activeElement.className") == "class":
            break
    tab.press(" ", 32, " ")
    wait_until(lambda: served.room.commands == [Record(label="walking")], "it records")
    served.room.happens()
    tab.wait_for("document.activeElement.ariaPressed === 'true'")
    tab.press(" ", 32, " ")
    wait_until(lambda: served.room.commands[-1] == Stop(), "it stops")
    served.room.become(labels=())


def test_a_reader_of_the_screen_finds_its_way(tab: Tab, served: Served) -> None:
    assert served.server is not None
    served.server.show(verdict({"walking": 1.0}, untrained=["personal"]))
    tab.open(served.origin)
    tab.wait_for_text("#spoken", "walking")
    tree = tab.call("Accessibility.getFullAXTree")["nodes"]
    seen = {
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in tree
        if not node["ignored"]
    }
    assert {"banner", "main", "navigation", "heading", "status"} <= {role for role, _ in seen}
    assert ("navigation", "Views") in seen
    assert ("region", "What the three models say") in seen
    assert ("article", "Personal") in seen
    controls = {"button", "link", "textbox", "combobox", "image", "checkbox"}
    assert [role for role, name in seen if role in controls and not name] == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_every_view_fits_the_screen_and_breaks_no_rule_of_accessibility(
    tab: Tab, served: Served, size: tuple[int, int], dark: bool
) -> None:
    assert served.server is not None
    assert isinstance(served.store, Store)
    if not served.store.takes():
        session = served.store.new_session()
        served.store.add(take_of("walking", session), [signal(2.0)])
    labels = (
        LabelCount(label="walking", takes=1, windows=9, tests=1),
        LabelCount(label="sitting"),
    )
    served.room.become(
        state="paused",
        labels=labels,
        progress=Progress(epoch=3, epochs=200, loss=0.3, accuracy=0.5),
        notices=("The store is nearly full.",),
    )
    said = verdict({"stairs_down": 0.9, "sitting": 0.1}, untrained=["personal"])
    served.server.show(said)
    tab.be(size, dark=dark)
    tab.call("Page.setBypassCSP", enabled=True)  # for the rules
    tab.open(served.origin)
    tab.wait_for_text(".panel .answer", "stairs_down")
    tab.run(f"{AXE}; 0")
    for view in VIEWS:
        served.server.show(said)  # an answer that is not renewed fades
        tab.run(f"location.hash = '{view}'")
        tab.wait_for(f"document.body.dataset.view === '{view}'")
        if view == "takes":
            tab.wait_for("document.querySelector('.take path')")
        assert tab.run("document.documentElement.scrollWidth") == size[0]
        assert tab.run(VIOLATIONS) == [], view
    served.room.become(state="idle", labels=(), progress=None, notices=())


def test_the_longest_label_breaks_no_view_on_the_smallest_screen(
    make_served: Callable[..., Served], tab: Tab
) -> None:
    served = make_served()
    assert served.server is not None
    assert isinstance(served.store, Store)
    label = "climbing_very_steep_stairs_with_two_heavy_bags_x"
    session = served.store.new_session()
    served.store.add(take_of(label, session, position=label), [signal(2.0)])
    served.shelf.add(replace(tiny_head(), labels=(label, "other")))
    served.room.become(
        state="recording",
        label=label,
        since=datetime.now(UTC),
        position=label,
        labels=(LabelCount(label=label, tests=1),),
        notices=(3 * label,),
    )
    served.server.show(verdict({label: 0.9, "sitting": 0.1}))
    tab.be((320, 640))
    for view in VIEWS:
        tab.open("about:blank")
        tab.open(f"{served.origin}/#{view}")
        tab.wait_for_text("#now", label)
        tab.wait_for_text(".panel .answer", label)
        if view == "takes":
            tab.wait_for("document.querySelector('.take')")
        elif view == "results":
            tab.wait_for("document.querySelector('.heads')")
        assert tab.run("document.documentElement.scrollWidth") == 320


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_the_answers_need_no_scrolling_nor_does_the_signal_on_a_desktop(
    tab: Tab, served: Served, size: tuple[int, int]
) -> None:
    assert served.server is not None
    served.server.show(verdict({"stairs_down": 0.9, "sitting": 0.06, "lying": 0.04}))
    tab.be(size)
    tab.open(served.origin)
    tab.wait_for_text(".panel .answer", "stairs_down")
    tall = "[...document.querySelectorAll('.answer')].every(a => a.clientHeight < 100)"
    assert tab.run(tall), "an answer does not fit in one line"
    last = ".panel[data-model=personal] .answer" if size == PHONE else "#trace"
    bottom = f"document.querySelector('{last}').getBoundingClientRect().bottom"
    covered = "document.querySelector('nav').getBoundingClientRect().top"
    assert tab.run(bottom) <= (tab.run(covered) if size == PHONE else size[1])


VIOLATIONS = """axe.run().then(({violations}) =>
  violations.flatMap(({id, nodes}) => nodes.map(({html}) => `${id}: ${html}`)))"""
