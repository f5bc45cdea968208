"""The page in a real browser: a stranger teaches the device, and it comes right."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harpi.commands import LabelCount, Record, Stop
from harpi.types import Verdict
from tests.support.broker import wait_until
from tests.support.browser import DESKTOP, PHONE, Tab, browser
from tests.support.takes import signal, take_of
from tests.support.verdicts import verdict
from tests.web.conftest import Served
from tests.web.scenario import LABELS, worn

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

SCRIPT = "<script>document.title='taken'</script>"
IMAGE = "<img src=x onerror=document.title='taken'>"

MARKUP = "main script, main img, main b, main i"


@pytest.fixture(scope="module")
def open_tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Tab]]:
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture
def tab(open_tab: Callable[[], Tab]) -> Iterator[Tab]:
    """A tab on a phone, in which nothing may have gone wrong at the end.

    A test names it after the page, so that it is closed before the page ends.
    """
    fresh = open_tab()
    fresh.be(PHONE)
    yield fresh
    fresh.close()
    assert fresh.complaints == []


def personal(tab: Tab) -> str:
    return tab.text(".panel[data-model=personal] .answer")


# --- the whole way ----------------------------------------------------------------------


def test_pressing_record_and_train_lets_the_personal_panel_come_right(
    tab: Tab, tmp_path: Path
) -> None:
    with worn(tmp_path, speed=3.0) as device:
        verdicts: list[Verdict] = []
        device.daemon.sinks.append(verdicts.append)
        tab.open(device.url)
        tab.wait_for_text(".panel[data-model=generic] .note", "%")
        assert personal(tab) == "not taught yet"

        tab.click("nav a[href='#capture']")
        for label in LABELS:
            device.is_taught(tab, label)
        assert tab.text("#classes button:first-child .need") == "✓ enough"
        assert len(device.daemon.session.situation.labels) == len(LABELS)
        tab.click("#train")
        tab.wait_for_text("#training-words", "loss")
        tab.wait_for("!document.querySelector('#outcome').hidden", "training is over")
        assert "The new head for 4 labels is in use" in tab.text("#outcome-text")

        tab.click("nav a[href='#inference']")
        for label in ("walking", "lying"):
            device.stage.perform(label, 1)
            tab.wait_for_text(".panel[data-model=personal] .answer", label)
        assert verdicts[-1].predictions["personal"].trained

        tab.click("nav a[href='#takes']")
        tab.wait_for("document.querySelectorAll('.take path').length === 12")
        health = device.daemon.health()
        assert health.sensor.lost == 0
        assert health.recognition.skipped == 0
    tab.wait_for("document.body?.dataset.link === 'connecting'", "it sees that harpi has ended")
    tab.complaints.clear()  # the connection that was refused


# --- nobody is let in -------------------------------------------------------------------


@pytest.mark.parametrize("label", [SCRIPT, IMAGE, '"><b>', "{{7*7}}", "&lt;i&gt;"])
def test_a_label_is_text_wherever_it_stands(tab: Tab, served: Served, label: str) -> None:
    assert served.server is not None
    label = label[:48]
    served.room.become(
        state="recording",
        label=label,
        since=None,
        position=label,
        labels=(),
        notices=(label,),
    )
    served.server.show(verdict({label: 1.0}))
    tab.open(served.origin + "/#capture")
    tab.wait_for_text("#classes .label", label)
    tab.wait_for_text(".panel[data-model=knn] .answer", label)
    tab.wait_for_text("#warning", label)
    served.room.happens("notice", message=label, advice=(label,), outcome="taken")
    tab.wait_for_text("#outcome-text", label)
    assert tab.text("#advice li").endswith(label)
    assert (
        tab.run("document.querySelectorAll('main script, main img, main b, main i').length")
        == 0
    )
    assert tab.run("document.title") == "harpi arm"
    served.room.become(state="idle", label=None, position="arm", notices=())


def test_so_is_the_label_of_a_take(make_served: Callable[..., Served], tab: Tab) -> None:
    served = make_served()
    session = served.store.new_session()  # type: ignore[union-attr]
    served.store.add(take_of(IMAGE[:48], session, note=SCRIPT), [signal(2.0)])  # type: ignore[union-attr]
    tab.open(served.origin + "/#takes")
    tab.wait_for_text(".take h3", IMAGE[:48])
    assert tab.run(f"document.querySelectorAll('{MARKUP}').length") == 0


def test_a_script_that_gets_in_all_the_same_does_nothing(tab: Tab, served: Served) -> None:
    tab.open(served.origin)
    done = tab.run(
        "(() => { try { document.body.innerHTML = '<b>x</b>'; return 'done' }"
        " catch (error) { return error.name } })()"
    )
    assert done == "TypeError"
    assert any("TrustedHTML" in complaint for complaint in tab.complaints)
    tab.complaints.clear()


def test_another_site_cannot_command(
    served: Served, make_served: Callable[..., Served], tab: Tab
) -> None:
    other = make_served()  # a page of another origin, in the same browser
    tab.open(f"http://localhost:{other.port}/")
    body = json.dumps({"command": "stop"})
    attempts = [
        f"{{method: 'POST', body: '{body}', mode: 'no-cors', credentials: 'include'}}",
        f"{{method: 'POST', body: '{body}', headers: {{'content-type': 'application/json'}}}}",
        f"{{method: 'POST', body: '{body}', headers: {{'x-harpi-token': '{served.token}'}}}}",
    ]
    tab.call("Page.setBypassCSP", enabled=True)
    tab.open(f"http://localhost:{other.port}/login")
    for attempt in attempts:
        tab.run(f"fetch('{served.origin}/api/command', {attempt}).catch(() => 0).then(() => 0)")
    stolen = tab.run(
        f"fetch('{served.origin}/api/hello').then(r => r.text()).catch(e => e.name)"
    )
    assert stolen == "TypeError"
    assert served.room.commands == []
    tab.call("Page.setBypassCSP", enabled=False)
    tab.complaints.clear()


def test_one_has_to_log_in(guarded: Served, tab: Tab) -> None:
    tab.open(guarded.origin)
    tab.wait_for("location.pathname === '/login'")
    tab.click("#password")
    tab.type("wrong")
    tab.press("Enter", 13, "\r")
    tab.wait_for_text("#problem", "not the password")
    tab.complaints.clear()
    tab.type("correct horse")
    tab.press("Enter", 13, "\r")
    tab.wait_for("location.pathname === '/' && document.body?.dataset.link === 'live'")
    assert tab.run("document.cookie") == ""
    tab.click("nav a[href='#health']")
    tab.click("#logout")
    tab.wait_for("location.pathname === '/login'")


# --- for everybody ----------------------------------------------------------------------


def test_it_loads_nothing_from_elsewhere(tab: Tab, served: Served) -> None:
    tab.open(served.origin)
    for view in ("capture", "takes", "results", "health"):
        tab.click(f"nav a[href='#{view}']")
        tab.wait_for(f"document.querySelector('#view-{view}').checkVisibility()")
    assert len(tab.requests) > 10
    assert {request.startswith(served.origin) for request in tab.requests} == {True}


def test_it_connects_again_by_itself(make_served: Callable[..., Served], tab: Tab) -> None:
    served = make_served()
    tab.open(served.origin)
    tab.wait_for("document.body?.dataset.link === 'live'")
    served.stop()
    tab.wait_for("document.body?.dataset.link === 'connecting'")
    served.start()
    tab.wait_for("document.body?.dataset.link === 'live'")
    assert served.server is not None
    served.server.show(verdict({"jumping": 1.0}))
    tab.wait_for_text(".panel[data-model=knn] .answer", "jumping")
    # What it knew of the device before is not good any more.
    tab.click("nav a[href='#capture']")
    tab.run("document.querySelector('#undo').click()")
    wait_until(lambda: served.room.commands, "the command is accepted")
    tab.complaints.clear()


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
    tab.wait_for_text("#spoken", "kNN: walking. Generic: walking. Personal: not taught yet")
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
def test_every_view_fits_the_screen_and_can_be_read(
    tab: Tab, served: Served, size: tuple[int, int], dark: bool
) -> None:
    assert served.server is not None
    served.server.show(verdict({"stairs_down": 0.9, "sitting": 0.1}))
    tab.be(size, dark=dark)
    tab.open(served.origin)
    tab.wait_for_text(".panel .answer", "stairs_down")
    for view in ("inference", "capture", "takes", "results", "health"):
        tab.open(f"{served.origin}/#{view}")
        tab.wait_for(f"document.body?.dataset.view === '{view}'")
        assert tab.run("document.documentElement.scrollWidth") == size[0]
        assert tab.run(CONTRAST) == []
    tab.open(f"{served.origin}/#inference")
    tall = "[...document.querySelectorAll('.answer')].every(a => a.clientHeight < 80)"
    assert tab.run(tall), "an answer does not fit in one line"
    bottom = "document.querySelector('#trace').getBoundingClientRect().bottom"
    assert tab.run(bottom) <= size[1], "the three answers and the signal need no scrolling"


CONTRAST = """(() => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d", {willReadFrequently: true});
  const read = (colours) => {
    context.clearRect(0, 0, 1, 1);
    for (const colour of colours) { context.fillStyle = colour; context.fillRect(0, 0, 1, 1); }
    return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  };
  const light = (rgb) => {
    const [r, g, b] = rgb
      .map((c) => c / 255)
      .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    const left = element.closest(":disabled, .aside, .skip, .stale");
    if (!own || left || !element.checkVisibility()) continue;
    const grounds = [];
    for (let e = element; e; e = e.parentElement) {
      grounds.unshift(getComputedStyle(e).backgroundColor);
    }
    const ground = light(read(["white", ...grounds]));
    const text = light(read(["white", ...grounds, getComputedStyle(element).color]));
    const ratio = (Math.max(ground, text) + 0.05) / (Math.min(ground, text) + 0.05);
    if (ratio < 4.5) poor.push(`${element.textContent.trim()}: ${ratio.toFixed(2)}`);
  }
  return poor;
})()"""
"""Texts with less contrast than 4.5 (WCAG 2.2, 1.4.3)."""
